"""The drift station's two stages as it is served, without the desks around them: blocks in, counts, signs and figures
out.

``wire_readers`` runs this as one more reader. Reference and compiled code are made before the clock starts.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

from schemas.events import derive_id
from schemas.events.counts import RowsCounted
from schemas.events.sources import SourceRef
from stream_app.adapters.arrow_blocks import decode_columns, encode_block
from stream_app.adapters.metrics import Metrics
from stream_app.adapters.publisher import Publisher
from stream_app.agents.bulk import serve_in_bulk
from stream_app.agents.profiling import Profiled
from stream_app.agents.shell import Received
from stream_app.agents.watch import Watch
from stream_app.core.drift.reference import Reference, build_reference
from stream_app.core.drift.wire import from_bytes, to_bytes
from stream_app.settings import Settings
from tests.benchmarks.drift.streams import CONTRACT, REFERENCE_ROWS, Source, reference
from tests.benchmarks.drift.wire import BLOCK_ROWS, COUNTS, PARTITIONS

_SECRET = b"s" * 32


Tell = Callable[[dict[str, Any]], None]


def station(bootstrap: str, topic: str, rows: int, tell: Tell) -> None:
    """Tell rows, CPU seconds and signs once all rows were taken by stage 2."""
    against = build_reference(reference(), CONTRACT)
    _warm(against)
    asyncio.run(_run(bootstrap, topic, rows, against, tell))


def _watch(against: Reference) -> Watch:
    profiled = Profiled(against, REFERENCE_ROWS, REFERENCE_ROWS)
    source = SourceRef(uri="memory://bench", sha256="0" * 64, format="parquet")
    return Watch.of(CONTRACT, source, profiled, _SECRET, Settings().window_rows)


def _taken(watch: Watch, origin: str, first: int, last: int, counts: bytes) -> int:
    """Stage 2 of one message; the signs."""
    counted = from_bytes(counts)
    signs = watch.take(origin, first, last, counted)
    watch.summary.take(counted, watch.profiled.reference, watch.aggregator.tracker.score)
    return len(signs)


def _warm(against: Reference) -> None:
    watch, frame = _watch(against), Source(7).take(BLOCK_ROWS)
    for place in range(2):
        counts = to_bytes(watch.counter.count(decode_columns(encode_block(frame))))
        _taken(watch, "t/0", place, place, counts)


async def _run(bootstrap: str, topic: str, rows: int, against: Reference, tell: Tell) -> None:
    watch, publisher = _watch(against), Publisher(bootstrap, "/bench")
    started, signs = 0.0, 0

    async def stage_one(message: Received) -> None:
        nonlocal started
        started = started or time.process_time()
        counted, origin = watch.counter.count(decode_columns(message.value)), f"{message.topic}/{message.partition}"
        told = RowsCounted(
            event_id=derive_id("counted", origin, message.offset, against.digest), dataset="bench",
            reference=against.digest, origin=origin, first_offset=message.offset, last_offset=message.offset,
            rows=counted.rows, counts=to_bytes(counted),
        )  # fmt: skip
        # One partition of the embedded broker would not hold them all.
        publisher.send(COUNTS, told, message.partition % PARTITIONS[COUNTS])

    async def stage_two(message: Received) -> None:
        nonlocal signs
        event = message.event()
        assert isinstance(event, RowsCounted)
        signs += _taken(watch, event.origin, event.first_offset, event.last_offset, event.counts)
        if watch.rows >= rows:
            how = "both stages as the station reads: count, publish, take, decide"
            tell({"rows": rows, "seconds": time.process_time() - started, "signs": signs, "how": how})

    tasks = list[Callable[[], Coroutine[Any, Any, None]]]()
    app: Any = SimpleNamespace(should_stop=False, task=tasks.append)
    settings = Settings(bootstrap=bootstrap, embedded=True)
    context: Any = SimpleNamespace(settings=settings, metrics=Metrics(), log=logging.getLogger(), crash=print)
    serve_in_bulk(app, context, "bench", topic, stage_one, lambda: None)
    serve_in_bulk(app, context, "bench", COUNTS, stage_two, lambda: None)
    await asyncio.gather(*(task() for task in tasks))
