"""The rule that keeps a fold aligned with its log, whatever a consumer group does to the worker that carries it.

A fold that stands before offset n and is handed offset o steps if o = n; reads the gap [n, o) itself and then steps
if o > n; gives the recorded facts again if o < n. An event that stands in the log twice is decided at its first offset
and has no facts at its second. So a rebalance, a crash or a replay can only repeat facts, and nothing is ever decided
on a state that is not aligned with the log.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from schemas.errors import TransientError
from schemas.events.base import Event
from schemas.events.plans import ContractApplied
from stream_app.core.entry import Entry, Facts, Hole, Record, Step
from stream_app.core.fingerprint import fingerprint
from stream_app.core.unsigned import StatusDrawn

S = TypeVar("S")
ReadGap = Callable[[int, int], Iterable[Record]]
"""Reads every offset of [start, stop) of the fold's own partition, holes as ``Hole``; may block."""

REPLACED: tuple[type[Event], ...] = (ContractApplied, StatusDrawn)
"""Facts for compacted topics, where the last one stands for good: none is given again after a newer one."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a fold stood and what its states digest to; the same at the same position on every worker."""

    position: int
    digest: str


class AlignedFold(Generic[S]):
    """The fold of one partition of a log, one state per key; not thread-safe, one task at a time delivers.

    ``position`` is the next offset it expects. The facts of every offset are kept, so that a redelivery can be
    answered.
    """

    def __init__(self, step: Step[S], initial: Callable[[str], S]) -> None:
        self._step = step
        self._initial = initial
        self._states: dict[str, S] = {}
        self._facts: list[Facts] = []
        self._newest: dict[tuple[str, type[Event]], str] = {}

    @property
    def position(self) -> int:
        return len(self._facts)

    def missing(self, offset: int) -> range:
        """The offsets that must be read before this one can be decided; empty where the fold is aligned or beyond it.

        A shell on an event loop reads these on a thread first and then hands ``deliver`` what it read.
        """
        return range(self.position, offset)

    def deliver(self, record: Record, read_gap: ReadGap) -> Facts:
        """The facts to publish for this record, decided now or long ago; of those in ``REPLACED`` only the newest.

        Facts of the gap are not among them: whoever committed an offset beyond them has published them.

        Raises ``TransientError`` where the gap could not be read whole; the fold then stands where its reading ended.
        """
        if record.offset > self.position:
            self.advance(read_gap(self.position, record.offset), record.offset)
        if record.offset == self.position:
            self._take(record)
        return () if isinstance(record, Hole) else self._still_true(record.key, self._facts[record.offset])

    def advance(self, records: Iterable[Record], stop: int) -> None:
        """Fold records up to offset ``stop``; offsets that were folded already are passed over."""
        for record in records:
            if record.offset > self.position or self.position >= stop:
                break
            if record.offset == self.position:
                self._take(record)
        if self.position < stop:
            raise TransientError(f"the log could not be read from offset {self.position} to {stop}")

    def _take(self, record: Record) -> None:
        if isinstance(record, Hole):
            self._facts.append(())
            return
        before = self.state(record.key)
        state, facts = self._step(before, record)
        self._states[record.key] = state
        # an event that stands in the log a second time was published at its first offset; else repeats would multiply
        self._facts.append(() if state is before else facts)
        if state is not before:
            self._newest |= {(record.key, type(fact)): fact.event_id for fact in facts if isinstance(fact, REPLACED)}

    def _still_true(self, key: str, facts: Facts) -> Facts:
        return tuple(
            fact for fact in facts if not isinstance(fact, REPLACED) or self._newest[(key, type(fact))] == fact.event_id
        )

    def state(self, key: str) -> S:
        """The state of a key; the initial one where nothing was folded for it."""
        return self._states[key] if key in self._states else self._initial(key)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(sorted(self._states))

    def facts(self) -> Iterator[tuple[int, Facts]]:
        """Every offset with what it decided, in order."""
        return iter(enumerate(self._facts))

    def snapshot(self) -> Checkpoint:
        """The checkpoint of this position; costs a digest of all states."""
        return Checkpoint(self.position, fingerprint(self._states))


def fold(step: Step[S], initial: Callable[[str], S], entries: Iterable[Entry]) -> dict[str, S]:
    """The state of every key after these entries, for auditors and tests: no offsets are checked."""
    states: dict[str, S] = {}
    for entry in entries:
        state = states[entry.key] if entry.key in states else initial(entry.key)
        states[entry.key], _ = step(state, entry)
    return states
