"""The drift station's two stages as Faust agents, without the desks around them: blocks in, counts, signs out.

``wire_readers`` runs this as one more reader. Reference and compiled code are made before the clock starts.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable
from typing import Any

import pandas as pd

from schemas.events.counts import RowsCounted
from stream_app.adapters.arrow_blocks import decode_columns, encode_block
from stream_app.adapters.publisher import Publisher
from stream_app.core.drift.aggregator import Aggregator
from stream_app.core.drift.counter import RowCounter
from stream_app.core.drift.reference import Reference, build_reference
from stream_app.core.drift.wire import from_bytes, to_bytes
from tests.benchmarks.drift.streams import CONTRACT, Source, reference

COUNTS = "source.counts"
_SECRET = b"s" * 32


Tell = Callable[[dict[str, Any]], None]


def station(bootstrap: str, topic: str, rows: int, tell: Tell) -> None:
    """Tell rows, CPU seconds and signs once all rows were taken by stage 2, from within the loop: closing it would wait
    for Faust's threads.
    """
    against = build_reference(reference(), CONTRACT)
    _warm(against)
    asyncio.run(_run(bootstrap, topic, rows, against, tell))


def _warm(against: Reference) -> None:
    counter, aggregator = RowCounter(against, CONTRACT, _SECRET), Aggregator(against)
    frame: pd.DataFrame = Source(7).take(4_096)
    aggregator.take("t/0", 0, 0, from_bytes(to_bytes(counter.count(decode_columns(encode_block(frame))))))


async def _run(bootstrap: str, topic: str, rows: int, against: Reference, tell: Tell) -> None:
    import faust

    from stream_app.adapters.prompt_transport import PromptTransport

    app = faust.App(
        "station", broker=f"kafka://{bootstrap}", store="memory://", autodiscover=False, web_enabled=False,
        datadir=tempfile.mkdtemp(), topic_allow_declare=False, topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
    )  # fmt: skip
    app.transport = PromptTransport(bootstrap, app)
    counter, aggregator = RowCounter(against, CONTRACT, _SECRET), Aggregator(against)
    publisher = Publisher(bootstrap, "/bench")
    times, signs = list[float](), 0

    @app.agent(app.topic(topic, value_type=bytes, value_serializer="raw"))
    async def stage_one(stream: Any) -> None:
        async for event in stream.events():
            if not times:
                times.append(time.process_time())
            counted, message = counter.count(decode_columns(event.value)), event.message
            told = RowsCounted(
                event_id=f"{message.partition}.{message.offset}", dataset="bench", reference=against.digest,
                origin=f"{topic}/{message.partition}", first_offset=message.offset, last_offset=message.offset,
                rows=counted.rows, counts=to_bytes(counted),
            )  # fmt: skip
            # One partition of the embedded broker would not hold them all.
            publisher.send(COUNTS, told, message.partition)

    @app.agent(app.topic(COUNTS, value_type=bytes, value_serializer="raw"))
    async def stage_two(stream: Any) -> None:
        nonlocal signs
        async for event in stream.events():
            headers = {name: value.decode() for name, value in dict(event.message.headers or ()).items()}
            attributes = {name.removeprefix("ce_"): value for name, value in headers.items()}
            counted = RowsCounted.read(event.value, attributes)
            signs += len(aggregator.take(counted.origin, counted.first_offset, counted.last_offset,
                                         from_bytes(counted.counts)))  # fmt: skip
            if aggregator.rows >= rows:
                how = "two Faust agents: count, publish, take, decide"
                tell({"rows": rows, "seconds": time.process_time() - times[0], "signs": signs, "how": how})

    await app.start()
    await asyncio.Event().wait()
