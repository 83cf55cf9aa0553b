"""What a fold is made of: entries of a log, a step over them, and facts whose ids derive from the deciding entry."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

from schemas.events.base import Event, derive_id

S = TypeVar("S")
Facts = tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a log: ``key`` is its Kafka key, ``at`` the broker's append time in milliseconds since 1970.

    The key is the record's own and not ``event.key``: a line of the ledger, which belongs to a scope, also enters the
    plan of its dataset.
    """

    event: Event
    key: str
    at: int
    offset: int

    @property
    def identity(self) -> str:
        """What a repeat is recognised by: type and id, so that no event can take the id of one of another type."""
        return f"{self.event.type}/{self.event.event_id}"

    def fact_id(self, station: str, *parts: str | int) -> str:
        """The id of a fact that this entry decides; ``parts`` tell facts of one entry apart.

        The key is part of it, because outsiders may give events of two datasets the same id.
        """
        return derive_id(self.identity, self.key, station, *parts)


@dataclass(frozen=True, slots=True)
class Hole:
    """An offset that holds nothing a fold can read (a poison message, a marker): every fold passes over it."""

    offset: int


Record = Entry | Hole


class Step(Protocol[S]):
    """A decision: pure, total on valid events, and without effect on an event that was decided before.

    It sees no clock, network, randomness or configuration; a repeat returns the state as it is and the recorded facts.
    """

    def __call__(self, state: S, entry: Entry, /) -> tuple[S, Facts]: ...
