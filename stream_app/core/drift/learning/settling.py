"""The rows after a change, until they are enough to be the new baseline.

The first half gives a first picture; against that the second half shows by how much blocks of the new kind vary. Values
that the reference has none of are watched all the while: a second change must not hide behind the first.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.packing import pack, unpack
from stream_app.core.drift.scoring.scoring import Scoring

_SAME_CHANGE, _SAME_ROWS = 4, 800
"""Blocks and rows within either of which rare values are taken for a part of the change that was found."""

_FEWEST_SCORES = 3


@dataclass(slots=True)
class Settling:
    """``counts`` (1 + periods, cells) by period and ``rows`` gathered so far; ``muted`` (rare cells,) are not watched.

    ``concerned`` (cells,) are of the tables that the sign is about, known where not all are learnt anew.
    ``sums`` (3, channels): how many scores there were in the second half against its ``picture``, the scores, and their
    squares.
    """

    counts: Integers
    muted: "np.ndarray[Any, np.dtype[np.bool_]]"
    sums: Floats
    concerned: "np.ndarray[Any, np.dtype[np.bool_]] | None" = None
    rows: int = 0
    blocks: int = 0
    half: Integers | None = None
    picture: tuple[Scoring, ...] | None = None

    @classmethod
    def begun(
        cls,
        shape: tuple[int, ...],
        channels: int,
        rare: Integers,
        concerned: "np.ndarray[Any, np.dtype[np.bool_]] | None" = None,
    ) -> "Settling":
        """After a sign; ``rare`` (blocks, rare cells) are the counts that led to it."""
        return cls(np.zeros(shape, dtype=np.int64), np.asarray(rare.any(axis=0)), np.zeros((3, channels)), concerned)

    def add(self, period: int, rows: int, counts: "np.ndarray[Any, Any]", rare: Integers) -> None:
        """Take a block."""
        if self.picture is not None:
            scores, sizes = self.picture[period].score(counts[None])
            standard = scores[0] / np.sqrt(np.maximum(sizes[0], 0.05))
            self.sums += np.stack([sizes[0] > 0, standard, standard**2])
        self.counts[period] += counts
        self.rows, self.blocks = self.rows + rows, self.blocks + 1
        if not self.listening:
            self.muted = self.muted | (rare > 0)

    @property
    def listening(self) -> bool:
        """Whether a rare value would be a change of its own."""
        return self.blocks > _SAME_CHANGE and self.rows > _SAME_ROWS

    def spread(self, known: Floats) -> Floats:
        """(channels,) the larger of the ``known`` spread and the second half's, where that is clearly above 1."""
        number, scores, squares = np.maximum(self.sums[0], 2.0), self.sums[1], self.sums[2]
        variance = (squares - scores**2 / number) / (number - 1)
        deviation, error = np.sqrt(np.maximum(variance, 0.0)), 1 / np.sqrt(2 * (number - 1))
        varied = (self.sums[0] >= _FEWEST_SCORES) & (deviation > 1 + 3 * error)
        return np.where(varied, np.maximum(known, deviation), known)

    def document(self) -> list[Any]:
        """All but the picture, which is made of ``half`` again."""
        half = None if self.half is None else pack(self.half)
        numbers = [self.rows, self.blocks]
        concerned = None if self.concerned is None else pack(self.concerned.astype(np.uint8))
        return [pack(self.counts), pack(self.muted.astype(np.uint8)), pack(self.sums), concerned, numbers, half]

    @classmethod
    def from_document(cls, document: list[Any]) -> "Settling":
        """What ``document`` gave; raises ``ContractError``, ``TypeError`` or ``ValueError`` on anything else."""
        counts, muted, sums, cells, (rows, blocks), half = document
        concerned = None if cells is None else unpack(cells).astype(bool)
        numbers = (int(rows), int(blocks))
        learnt = None if half is None else unpack(half)
        return cls(unpack(counts), unpack(muted).astype(bool), unpack(sums), concerned, *numbers, learnt)
