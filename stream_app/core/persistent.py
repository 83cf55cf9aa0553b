"""An immutable map that shares what it holds with the versions before it, and the record of what was decided."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar

from stream_app.core.entry import Entry, Facts

V = TypeVar("V")


@dataclass(frozen=True)
class PersistentMap(Generic[V]):
    """Text keys to values; ``put`` gives a new map in O(log n) amortised and leaves the old one as it is.

    Layers of falling size, newest last, are merged as their sizes meet (Bentley and Saxe 1980), so a fold of
    thousands of entries copies each of them a dozen times and not thousands of times.
    """

    layers: tuple[Mapping[str, V], ...] = ()

    def get(self, key: str) -> V | None:
        return next((layer[key] for layer in reversed(self.layers) if key in layer), None)

    def __contains__(self, key: str) -> bool:
        return any(key in layer for layer in self.layers)

    def put(self, key: str, value: V) -> "PersistentMap[V]":
        """The map with ``key`` set to ``value``, replacing what stood there."""
        layers, newest = list(self.layers), {key: value}
        while layers and len(layers[-1]) <= len(newest):
            newest = {**layers.pop(), **newest}
        return PersistentMap((*layers, newest))

    def items(self) -> Iterator[tuple[str, V]]:
        """Every key once with its newest value, ordered by key."""
        merged: dict[str, V] = {}
        for layer in self.layers:
            merged.update(layer)
        yield from sorted(merged.items())


@dataclass(frozen=True, slots=True)
class Decided:
    """The facts of every entry decided so far, and ``chain``: a digest over all of them in order."""

    facts: PersistentMap[Facts] = field(default_factory=PersistentMap)
    chain: str = ""

    def recall(self, entry: Entry) -> Facts | None:
        """The facts recorded for this event, or none where it was not decided yet."""
        return self.facts.get(entry.identity)

    def record(self, entry: Entry, facts: Facts) -> Self:
        line = "\x1f".join((self.chain, entry.identity, str(entry.offset), *(fact.event_id for fact in facts)))
        return type(self)(self.facts.put(entry.identity, facts), hashlib.sha256(line.encode()).hexdigest())

    def document(self) -> str:
        """What a fingerprint takes of it."""
        return self.chain
