"""Smoothed figures of a live stream for those who operate it."""

from typing import NamedTuple

import numpy as np

from stream_app.core.drift.blocks import Blocks
from stream_app.core.drift.coding.bins import MISSING
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.reference import Reference
from stream_app.core.drift.wire import Counted

MINIMUM_ROWS = 250
_MISSING_FADING, _SCORE_FADING = 0.2, 0.5


class Figures(NamedTuple):
    """``missing_share`` of the modelled cells, and ``drift_score``: the tracker's, where 1 is an alarm."""

    missing_share: float
    drift_score: float


class LiveSummary:
    """Exponentially weighted means over pieces of at least 250 rows.

    The newest piece weighs a fifth of the missing share and half of the drift score, which a tracker's sum has
    smoothed already: a few pieces after an alarm it stands near 1, until the changed rows are the baseline.
    No figure is one of fewer rows, and none is of a column's values: a mean of the target would say what the rows
    hold, and its steps what the newest hold, outside every gate and every epsilon. How many cells are missing and how
    near the tracker is to an alarm say only that the stream has changed; they come from raw rows nevertheless, and are
    for operators, not for consumers. A function of the counts and of how they were cut into messages.
    """

    def __init__(self) -> None:
        from river.stats import EWMean, Mean

        self._empty = Mean
        self._piece = Mean()
        self._missing, self._score = EWMean(_MISSING_FADING), EWMean(_SCORE_FADING)
        self._reference: Reference | None = None
        self._cells: Integers = np.zeros(0, dtype=np.int64)

    def take(self, counted: Counted, reference: Reference, score: float) -> Figures | None:
        """Take rows that the tracker has seen, and its score; new figures once a piece is whole, else nothing."""
        rows = counted.rows
        if rows == 0 or counted.operation != "insert":
            return None
        if reference is not self._reference:
            self._reference, self._cells = reference, _missing_cells(reference)
        missing = int(Blocks.of(counted.blocks).tables.often.take(self._cells, axis=1).sum(dtype=np.int64))
        self._piece.update(missing / (rows * len(self._cells)), rows)
        if self._piece.n < MINIMUM_ROWS:
            return None
        self._missing.update(self._piece.get())
        self._score.update(score)
        self._piece = self._empty()
        return Figures(float(self._missing.get()), float(self._score.get()))


def _missing_cells(reference: Reference) -> Integers:
    """The cells that count what a column misses, a label that comes late apart."""
    places = [place for place in range(len(reference.bins)) if place != reference.late_place]
    found: Integers = reference.layout.fine[places] + MISSING
    return found
