"""The loop around every station: parse, call, publish, acknowledge, in that order.

An error's family fixes what happens: a contract error goes to dead letters, a transient one is tried again with
backoff, anything that nobody foresaw ends the worker loudly, and the event is handled again after its restart.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from schemas.cloudevents import from_message
from schemas.errors import PerennialError, TransientError
from schemas.events import Event, derive_id
from schemas.events.releases import DeadLettered
from stream_app.adapters.logs import redact_text
from stream_app.adapters.tolerant_records import names_are_text
from stream_app.agents.context import Context, frames_of

if TYPE_CHECKING:
    from faust.streams import Stream
    from faust.types import AppT, StreamT

MAX_BACKOFF_S = 30.0
NAMED = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class Received:
    """Where a message stands; ``at`` is the broker's timestamp in milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    at: int
    key: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...]

    def event(self) -> Event:
        """The CloudEvent in it; raises ``ContractError``, also for one that could be read but never written again."""
        return rewritable(from_message(self.value, self.headers))


def rewritable(event: Event) -> Event:
    """The event, once it is known that facts may repeat what it says; raises ``ContractError``.

    JSON can hold lone surrogates and integers beyond 2^53, which RFC 8785 has no bytes for.
    """
    if event.content_type == "application/json":
        event.to_bytes()
    return event


Attend = Callable[[Received], Awaitable[None]]
Handle = Callable[[Event, Received], Awaitable[None]]


def serve(app: "AppT", context: Context, station: str, topic: str, attend: Attend) -> None:
    """Register an agent that attends to every message of a topic, one after the other."""

    async def agent(stream: "StreamT[Any]") -> None:
        # Faust by itself acknowledges whatever an agent had in hand when it is cancelled, and a worker that is asked to
        # stop would lose it: so here only what was attended to is acknowledged.
        async for event in cast("Stream[Any]", stream).noack().events():
            message = event.message
            await guarded(
                context,
                station,
                attend,
                Received(
                    message.topic,
                    message.partition,
                    message.offset,
                    # Faust gives seconds: rounded, so that a fold sees the same milliseconds however it is fed.
                    round((message.timestamp or 0.0) * 1000),
                    text_of(message.key),
                    message.value or b"",
                    _headers(message.headers),
                ),
            )
            event.ack()

    raw = app.topic(
        topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", internal=True
    )
    agent.__name__ = f"{station}_{topic}"
    app.agent(raw, name=f"{station}.{topic}")(agent)


def events(context: Context, station: str, handle: Handle) -> Attend:
    """Attend by parsing first: what is no event, or cannot be handled however often, goes to dead letters."""

    async def attend(received: Received) -> None:
        try:
            await handle(received.event(), received)
        except TransientError:
            raise
        except PerennialError as error:
            await bury(context, station, received, error)

    return attend


async def bury(context: Context, station: str, received: Received, error: PerennialError) -> None:
    """Say in ``dead.letters`` where the message stands and why it is of no use; its content stays where it is."""
    context.metrics.dead.labels(received.topic).inc()
    context.log.warning(
        "dead letter",
        extra={"station": station, "topic": received.topic, "offset": received.offset, "reason": str(error)},
    )
    letter = DeadLettered(
        event_id=derive_id("dead", station, received.topic, received.partition, received.offset),
        dataset=received.key if NAMED.fullmatch(received.key) else "unknown",  # a key may hold anything
        station=station,
        topic=received.topic,
        partition=received.partition,
        offset=received.offset,
        sha256=hashlib.sha256(received.value).hexdigest(),
        error=type(error).__name__,
        reason=redact_text(str(error))[:500],  # what was announced may hold a password in its address
    )
    await context.publish(station, "dead.letters", letter)


async def guarded(context: Context, station: str, attend: Attend, received: Received) -> None:
    """Attend until it is done: what is transient is tried again, what nobody foresaw ends the worker."""
    started, pause = time.perf_counter(), 0.2
    while True:
        try:
            await attend(received)
        except TransientError as error:
            context.metrics.events.labels(station, "retried").inc()
            context.log.warning(
                "tried again", extra={"station": station, "topic": received.topic, "reason": str(error)}
            )
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_BACKOFF_S)
        except Exception as error:
            context.metrics.events.labels(station, "crashed").inc()
            context.log.critical(
                "unforeseen",
                extra={
                    "station": station,
                    "topic": received.topic,
                    "partition": received.partition,
                    "offset": received.offset,
                    "error": type(error).__name__,
                    "frames": frames_of(error),
                },
            )
            context.crash(
                f"{station} met an unforeseen {type(error).__name__} "
                f"at {received.topic}/{received.partition}/{received.offset}"
            )
            await asyncio.Event().wait()  # an agent that ended would be started again, at the next event: wait instead
        else:
            context.metrics.events.labels(station, "handled").inc()
            context.metrics.seconds.labels(station).observe(time.perf_counter() - started)
            return


def text_of(key: bytes | None) -> str:
    """A key as text, whatever it holds."""
    return (key or b"").decode("utf-8", errors="replace")


def _headers(given: Any) -> tuple[tuple[str, bytes], ...]:
    """The headers as ``adapters.reader`` gives them, so that a fold sees the same message however it is fed.

    That is librdkafka's view: a name ends at its first NUL, and one that is no text spoils all.
    """
    pairs = list(given.items() if isinstance(given, dict) else given or ())
    if not names_are_text(tuple(name for name, _ in pairs)):
        return ()
    return tuple((name.partition("\0")[0], value or b"") for name, value in pairs)
