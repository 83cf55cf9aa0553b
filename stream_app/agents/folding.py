"""The shell of a fold: keeps it aligned with its log, publishes what it decides, and believes no command unchecked."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from schemas.errors import ContractError, PerennialError
from stream_app.adapters.belief import believe
from stream_app.adapters.reader import StoredMessage, first_offset, read_range
from stream_app.agents.context import Context
from stream_app.agents.shell import Received, bury, rewritable, serve
from stream_app.core.entry import Entry, Facts, Hole, Record, Step
from stream_app.core.fold import AlignedFold
from stream_app.core.routes import LOG_EVENTS

if TYPE_CHECKING:
    from faust.types import AppT

S = TypeVar("S")
Publish = Callable[[Facts, Received], Awaitable[None]]


class FoldStation(Generic[S]):
    """One log's fold on one worker, a fold per partition that it was ever handed."""

    def __init__(
        self, context: Context, station: str, log: str, step: Step[S], initial: Callable[[str], S], publish: Publish
    ) -> None:
        self._context, self._station, self._log = context, station, log
        self._step, self._initial, self._publish = step, initial, publish
        self._folds: dict[int, AlignedFold[S]] = {}

    def register(self, app: "AppT") -> None:
        serve(app, self._context, self._station, self._log, self.attend)

    async def attend(self, received: Received) -> None:
        """Align, decide, publish; a message that is no entry leaves a hole, so that every fold passes over it alike."""
        record, fault = self._record(received)
        fold = self._folds.setdefault(received.partition, AlignedFold(self._step, self._initial))
        gap = fold.missing(received.offset)
        between = await asyncio.to_thread(self._read, received.partition, gap) if gap else []
        facts = fold.deliver(record, lambda start, stop: between)
        if fault is not None:
            await bury(self._context, self._station, received, fault)
        await self._publish(facts, received)

    def keys(self) -> list[str]:
        """Every key that was folded here."""
        return sorted({key for fold in self._folds.values() for key in fold.keys})

    def state(self, key: str) -> S | None:
        """The newest state of a key on this worker, for metrics; decisions never ask."""
        return next((fold.state(key) for fold in self._folds.values() if key in fold.keys), None)

    def _record(self, message: "Received | StoredMessage") -> tuple[Record, PerennialError | None]:
        try:
            event = rewritable(message.event())
            if not isinstance(event, LOG_EVENTS[self._log]):
                raise ContractError(f"{self._log} holds no events of this type")
            believe(event, self._context.trust, message.at)
        except PerennialError as error:
            return Hole(message.offset), error
        key = message.key.decode("utf-8", errors="replace") if isinstance(message.key, bytes) else message.key
        return Entry(event, key, message.at, message.offset), None

    def _read(self, partition: int, gap: range) -> list[Record]:
        bootstrap = self._context.settings.bootstrap
        first = first_offset(bootstrap, self._log, partition)
        if first > gap.start:
            # Folding on would forget spends and revocations: this worker must not decide anything.
            raise LogTruncated(f"{self._log}/{partition} is kept for ever but begins at offset {first}")
        messages = read_range(bootstrap, self._log, partition, gap.start, gap.stop)
        return list(filled((self._record(message)[0] for message in messages), gap))


class LogTruncated(Exception):
    """A log that must be kept for ever lost its beginning. No ``PerennialError``: whoever meets it ends loudly."""


def filled(found: Iterator[Record], gap: range) -> Iterator[Record]:
    """The records of a gap that was read whole, with a hole wherever the broker holds nothing at an offset.

    Markers of a transaction take offsets that no reader is ever given, at a gap's end as well.
    """
    at = gap.start
    for record in found:
        yield from (Hole(missing) for missing in range(at, record.offset))
        yield record
        at = record.offset + 1
    yield from (Hole(missing) for missing in range(at, gap.stop))
