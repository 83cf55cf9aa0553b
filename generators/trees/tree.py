"""A grown tree as plain arrays: rows go down it by their codes, and leaves give their codes by chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from generators.arrays import Floats, Ints

CHUNK = 32_768


@dataclass(frozen=True, slots=True)
class Tree:
    """``feature`` (-1 at a leaf), ``threshold``, ``left`` and ``right`` of each node; the leaf's number is ``leaf``.

    ``ranks``: by feature, the place that each code of an unordered column takes in the order that this tree splits on.
    ``reach``: (leaves, codes) float32 cumulative chances of the column's codes.
    """

    feature: Ints
    threshold: Ints
    left: Ints
    right: Ints
    leaf: Ints
    ranks: Mapping[int, Ints]
    reach: "np.ndarray[tuple[int, int], np.dtype[np.float32]]"

    @property
    def used(self) -> list[int]:
        """The features that it splits on."""
        return sorted(set(self.feature[self.feature >= 0].tolist()))

    def leaves(self, columns: Sequence[Ints]) -> Ints:
        """The leaf of each row, given the codes of the features."""
        rows = len(columns[0]) if len(columns) else 0
        used = self.used
        if not used:
            return np.zeros(rows, dtype=np.int64)
        found = np.empty(rows, dtype=np.int64)
        place = np.zeros(max(used) + 1, dtype=np.int64)
        place[used] = np.arange(len(used))
        slot = np.where(self.feature >= 0, place[np.maximum(self.feature, 0)], 0)
        for start in range(0, rows, CHUNK):
            part = slice(start, start + CHUNK)
            held = np.stack([self._ranked(name, columns[name][part]) for name in used])
            found[part] = self._descended(held, slot)
        return found

    def drawn(self, leaves: Ints, rng: np.random.Generator) -> Ints:
        """A code of each row by its leaf's chances."""
        width = self.reach.shape[1]
        if leaves.size < len(self.reach):
            below = self.reach[leaves] <= rng.random(leaves.size)[:, None]
            return np.asarray(np.minimum(below.sum(axis=1), width - 1), dtype=np.int64)
        flat = (self.reach.astype(np.float64) + np.arange(len(self.reach))[:, None]).ravel()
        place = np.searchsorted(flat, leaves + rng.random(leaves.size), side="right")
        return np.asarray(np.minimum(place - leaves * width, width - 1), dtype=np.int64)

    def _ranked(self, feature: int, codes: Ints) -> Ints:
        return np.asarray(self.ranks[feature][codes] if feature in self.ranks else codes, dtype=np.int64)

    def _descended(self, held: Ints, slot: Ints) -> Ints:
        """Level by level, with the rows that are not yet at a leaf."""
        node = np.zeros(held.shape[1], dtype=np.int64)
        active = np.arange(held.shape[1])
        while active.size:
            at = node[active]
            low = held[slot[at], active] <= self.threshold[at]
            node[active] = np.where(low, self.left[at], self.right[at])
            active = active[self.feature[node[active]] >= 0]
        return np.asarray(self.leaf[node], dtype=np.int64)


def cumulative(chances: Floats) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    """(leaves, codes) float32 cumulative chances that end at 1, from chances that add up to 1 in each leaf."""
    found = np.minimum(np.cumsum(chances, axis=1), 1.0).astype(np.float32)
    # Whatever rounding leaves goes to the last code that has a chance, never to one that has none.
    last = chances.shape[1] - 1 - np.argmax(chances[:, ::-1] > 0, axis=1)
    found[np.arange(chances.shape[1]) >= last[:, None]] = 1.0
    return found
