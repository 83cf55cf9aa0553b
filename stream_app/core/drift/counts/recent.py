"""Counts of the recent past, the finer the nearer: what a change is dated and measured by."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from stream_app.core.drift.counts.counting import COMPILED
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.packing import pack, unpack

_KEPT = 4
"""Pieces of each size; of a fifth the two oldest become one of twice the size."""

_LARGEST = 10
"""Doublings after which the oldest pieces are dropped."""

_MOST_WAITING = 1 << 19
"""Counts that wait at most."""


@dataclass(frozen=True, slots=True)
class Piece:
    """``counts`` of ``rows`` rows from row ``first`` on, made of 2 ** ``size`` blocks; the first came at ``time``."""

    first: int
    rows: int
    size: int
    counts: Integers
    time: float | None


class _Blocks(NamedTuple):
    """(blocks, cells) counts of neighbouring blocks, with their rows, first rows and times."""

    counts: "np.ndarray[Any, Any]"
    rows: Sequence[int]
    firsts: Sequence[int]
    times: Sequence[float | None]


class Recent:
    """The (cells,) counts of the blocks so far, the oldest first.

    Blocks wait, until somebody looks at the pieces or there are many, to be put together all at once: the pieces are
    those that one block after the other makes.
    """

    def __init__(self, pieces: list[Piece] | None = None) -> None:
        self._pieces = pieces or []
        self._waiting: list[_Blocks] = []
        self._cells = 0

    def add(
        self,
        counts: "np.ndarray[Any, Any]",
        rows: Sequence[int],
        firsts: Sequence[int],
        times: Sequence[float | None],
    ) -> None:
        """Take (blocks, cells) counts, which stay the caller's, of so many rows that begin at ``firsts``."""
        if not len(counts):
            return
        self._waiting.append(_Blocks(counts.copy(), rows, firsts, times))
        self._cells += counts.size
        if self._cells > _MOST_WAITING:
            self._join()

    @property
    def pieces(self) -> list[Piece]:
        if self._waiting:
            self._join()
        return self._pieces

    def _join(self) -> None:
        counts, *others = zip(*self._waiting, strict=True)
        rows, firsts, times = (list(chain.from_iterable(each)) for each in others)
        self._waiting, self._cells = [], 0
        old, fresh = self._pieces, _Blocks(np.concatenate(counts), rows, firsts, times)
        spans = _spans([piece.size for piece in old], len(rows))
        limits = [(max(0, start - len(old)), max(0, stop - len(old))) for _, start, stop in spans]
        self._pieces = [
            _joined(old[start:stop], fresh, size, *inside, own)
            for (size, start, stop), inside, own in zip(spans, limits, _sums(fresh.counts, limits), strict=True)
        ]

    def since(self, row: int) -> Integers | None:
        """Counts of the pieces that begin at ``row`` or later; of the newest piece where none does."""
        if not self.pieces:
            return None
        found = [piece.counts for piece in self.after(row)] or [self.pieces[-1].counts]
        total: Integers = np.sum(found, axis=0)
        return total

    def after(self, row: int) -> list[Piece]:
        """The pieces that begin at ``row`` or later, in order."""
        return [piece for piece in self.pieces if piece.first >= row]

    def time(self, row: int) -> float | None:
        """When the piece that ``row`` is in began."""
        found = [piece.time for piece in self.pieces if piece.first <= row < piece.first + piece.rows]
        return found[-1] if found else None

    def document(self) -> list[Any]:
        """All pieces as a JSON value."""
        return [[each.first, each.rows, each.size, each.time, pack(each.counts)] for each in self.pieces]

    @classmethod
    def from_document(cls, document: list[Any]) -> "Recent":
        """What ``document`` gave; raises ``ContractError``, ``TypeError`` or ``ValueError`` on anything else."""
        return cls(
            [
                Piece(int(first), int(rows), int(size), unpack(counts), None if time is None else float(time))
                for first, rows, size, time, counts in document
            ]
        )


def _spans(sizes: list[int], fresh: int) -> list[tuple[int, int, int]]:
    """Size, first and last but one of the pieces that so many ``fresh`` blocks after pieces of these ``sizes`` make:
    size by size, of more than four pairs are joined from the oldest on, until three or four are left.
    """
    own: dict[int, list[int]] = {}
    for place, size in enumerate(sizes):
        own.setdefault(size, []).append(place)
    # Pieces follow each other: where one begins the last one stops.
    left = list(range(len(sizes), len(sizes) + fresh))
    for size in range(_LARGEST + 1):
        starts = own.get(size, []) + left
        pairs = max(0, (len(starts) - _KEPT + 1) // 2)
        own[size], left = starts[2 * pairs :], starts[0 : 2 * pairs : 2]
    found = [(size, start) for size in sorted(own, reverse=True) for start in own[size]]
    stops = [*(start for _, start in found[1:]), len(sizes) + fresh]
    return [(size, start, stop) for (size, start), stop in zip(found, stops, strict=True)]


def _sums(counts: "np.ndarray[Any, Any]", limits: list[tuple[int, int]]) -> Integers:
    """(limits, cells) sums of (blocks, cells) counts between these."""
    if COMPILED:
        from stream_app.core.drift.counts.compiled_recent import add_up

        found: Integers = add_up(counts, np.asarray(limits, dtype=np.int64))
        return found
    return np.stack([counts[start:stop].sum(axis=0, dtype=np.int64) for start, stop in limits])


def _joined(old: list[Piece], fresh: _Blocks, size: int, start: int, stop: int, counts: Integers) -> Piece:
    """Neighbouring ``old`` pieces and the blocks after them, whose sum is ``counts``, as one."""
    if len(old) == 1 and start == stop:
        return old[0]
    total = counts + np.sum([piece.counts for piece in old], axis=0) if old else counts
    rows = sum(fresh.rows[start:stop]) + sum(piece.rows for piece in old)
    first, time = (old[0].first, old[0].time) if old else (fresh.firsts[start], fresh.times[start])
    return Piece(first, rows, size, total, time)
