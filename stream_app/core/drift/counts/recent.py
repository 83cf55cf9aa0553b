"""Counts of the recent past, the finer the nearer: what a change is dated and measured by."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.packing import pack, unpack

_KEPT = 4
"""Pieces of each size; of a fifth the two oldest become one of twice the size."""

_LARGEST = 10
"""Doublings after which the oldest pieces are dropped."""


@dataclass(frozen=True, slots=True)
class Piece:
    """``counts`` of ``rows`` rows from row ``first`` on, made of 2 ** ``size`` blocks; the first came at ``time``."""

    first: int
    rows: int
    size: int
    counts: Integers
    time: float | None


class Recent:
    """The (cells,) counts of the blocks so far, the oldest first."""

    def __init__(self, pieces: list[Piece] | None = None) -> None:
        self.pieces = pieces or []

    def add(self, counts: Integers, rows: int, first: int, time: float | None = None) -> None:
        self.pieces.append(Piece(first, rows, 0, counts, time))
        # Sizes fall along the list: the pieces of one size stand together, those of size 0 at its end.
        stop, size = len(self.pieces), 0
        while stop > _KEPT and self.pieces[stop - 1 - _KEPT].size == size:
            place = stop - 1 - _KEPT
            older, newer = self.pieces[place : place + 2]
            merged = Piece(older.first, older.rows + newer.rows, size + 1, older.counts + newer.counts, older.time)
            self.pieces[place : place + 2] = [merged] if size < _LARGEST else []
            stop, size = place + 1, size + 1

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
