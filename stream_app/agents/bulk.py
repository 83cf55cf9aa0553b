"""The loop around a station whose messages are many: as ``shell.serve``, but by a consumer of its own.

Faust spends about 0.2 ms of a processor on every message. What is served here is read by librdkafka, many messages at a
time, in a thread; parsing, errors and retries are those of every station.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from stream_app.adapters.bulk_consumer import BulkConsumer
from stream_app.adapters.reader import StoredMessage
from stream_app.agents.context import Context
from stream_app.agents.shell import Attend, Received, guarded, text_of

if TYPE_CHECKING:
    from faust.types import AppT

T = TypeVar("T")

KEPT_S = 2.0
"""How long others may wait to join or leave the group while a station works on what was read."""

_FETCH_WAIT_MS, _EMBEDDED_FETCH_WAIT_MS = 500, 20
"""The embedded broker lets a fetch wait out its time though messages have come."""


def serve_in_bulk(
    app: "AppT", context: Context, station: str, topic: str, attend: Attend, on_assigned: Callable[[], None]
) -> None:
    """Have every message of a topic attended to, one after the other, while the app runs.

    ``on_assigned`` is called whenever partitions came to this worker, before their first message is attended to.
    """
    settings = context.settings
    wait_ms = _EMBEDDED_FETCH_WAIT_MS if settings.embedded else _FETCH_WAIT_MS

    async def served() -> None:
        group, session_s = f"{settings.group}.{topic}", settings.session_timeout_seconds
        tell = partial(asyncio.get_running_loop().call_soon_threadsafe, on_assigned)
        consumer = BulkConsumer(settings.bootstrap, group, topic, session_s, wait_ms, tell)
        thread = ThreadPoolExecutor(1, thread_name_prefix=f"{station} {topic}")
        try:
            while not app.should_stop:
                await _read_on(thread, consumer, context, station, attend)
        finally:
            thread.submit(consumer.close)
            thread.shutdown(wait=False)

    app.task(served)


async def _read_on(
    thread: ThreadPoolExecutor, consumer: BulkConsumer, context: Context, station: str, attend: Attend
) -> None:
    """Read once, and attend to what came; the consumer stays in its group however long that takes."""
    found = await _in(thread, consumer.read)
    if not found:
        return
    work = asyncio.ensure_future(_each(found, consumer, context, station, attend))
    try:
        while not (await asyncio.wait({work}, timeout=KEPT_S))[0]:
            await _in(thread, consumer.keep)
        work.result()
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work


async def _each(
    found: list[StoredMessage], consumer: BulkConsumer, context: Context, station: str, attend: Attend
) -> None:
    for message in found:
        # What was taken from this worker meanwhile is the next one's to read.
        if consumer.holds(message.partition):
            await guarded(context, station, attend, received(message))
            consumer.attended(message)


def received(message: StoredMessage) -> Received:
    """The message as stations are given it."""
    key = text_of(message.key)
    return Received(message.topic, message.partition, message.offset, message.at, key, message.value, message.headers)


async def _in(thread: ThreadPoolExecutor, function: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(thread, function)
