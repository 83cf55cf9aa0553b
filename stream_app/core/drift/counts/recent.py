"""Counts of the recent past, the finer the nearer: what a change is dated and measured by."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.counting import COMPILED
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.packing import pack, unpack

_KEPT = 4
"""Pieces of each size; of a fifth the two oldest become one of twice the size."""

_LARGEST = 10
"""Doublings after which the oldest pieces are dropped."""

_MOST_WAITING = 1 << 21
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
    """(blocks, cells) counts of neighbouring blocks, with their rows, first rows and times, NaN for none."""

    counts: "np.ndarray[Any, Any]"
    rows: Integers
    firsts: Integers
    times: Floats


class Recent:
    """The (cells,) counts of the blocks so far, the oldest first.

    Blocks wait, until somebody looks at the pieces or there are many, to be put together all at once: the pieces are
    those that one block after the other makes.
    """

    def __init__(self, pieces: list[Piece] | None = None) -> None:
        self._pieces = pieces or []
        self._waiting: list[_Blocks] = []
        self._cells = 0

    def add(self, counts: "np.ndarray[Any, Any]", rows: Integers, firsts: Integers, times: Floats) -> None:
        """Take (blocks, cells) counts, which stay the caller's, of so many rows that begin at ``firsts``; ``times``
        (blocks,) are in seconds since 1970, NaN for none.
        """
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
        fresh = _Blocks(*(np.concatenate(each) for each in zip(*self._waiting, strict=True)))
        self._waiting, self._cells, old = [], 0, self._pieces
        spans = _spans([piece.size for piece in old], len(fresh.rows))
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

        work = np.empty(counts.shape[1], dtype=np.uint16 if counts.dtype == np.uint8 else np.int64)
        found: Integers = add_up(counts, np.asarray(limits, dtype=np.int64), work)
        return found
    return np.stack([counts[start:stop].sum(axis=0, dtype=np.int64) for start, stop in limits])


def _joined(old: list[Piece], fresh: _Blocks, size: int, start: int, stop: int, counts: Integers) -> Piece:
    """Neighbouring ``old`` pieces and the blocks after them, whose sum is ``counts``, as one."""
    if len(old) == 1 and start == stop:
        return old[0]
    # Not a view, which would keep the sums of all pieces.
    total, rows = counts.copy(), int(np.add.reduce(fresh.rows[start:stop]))
    for piece in old:
        total += piece.counts
        rows += piece.rows
    if old:
        return Piece(old[0].first, rows, size, total, old[0].time)
    time = float(fresh.times[start])
    return Piece(int(fresh.firsts[start]), rows, size, total, None if time != time else time)
