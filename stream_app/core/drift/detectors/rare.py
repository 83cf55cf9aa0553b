"""Cells that the reference has few of: Poisson tails over 1, 4 and 16 blocks."""

import numpy as np

from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.detectors.thresholds import WINDOWS, poisson_limit, poisson_tail, rare_threshold

_MOST_KNOWN = 1_024
"""Numbers of rows whose limits are kept, about: windows of blocks that are cut as they came have ever other ones."""


class RareTests:
    """Counts of the last 16 blocks. ``rates`` and ``clumping`` (cells,): expected a row, and how much more than Poisson
    counts they vary from block to block.
    """

    def __init__(self, rates: Floats, clumping: Floats, block_rows: int, alarms_per_million: float) -> None:
        self._rates, self._clumping = rates, clumping
        self.height = rare_threshold(len(rates), block_rows, alarms_per_million)
        self._known: dict[int, int] = {}
        self._limits = np.zeros((0, len(rates)))
        self.counts = np.zeros((max(WINDOWS), len(rates)), dtype=np.int64)
        self.rows = np.zeros((max(WINDOWS), 2), dtype=np.int64)

    def first(self, counts: Integers, rows: Integers) -> tuple[int, bool]:
        """How many of the blocks with (blocks, cells) counts can be taken up to one that raises an alarm, or all; and
        whether one does.
        """
        # No window is of fewer rows than a block, nor has more cells than the longest: few tails can be past.
        least, before = self._limits_of(rows.min()), max(WINDOWS) - 1
        unsure = np.flatnonzero(self.counts.sum(axis=0) + counts.sum(axis=0) >= least)
        if not len(unsure):
            return len(counts), False
        own = np.concatenate([np.zeros_like(self.counts[:1]), self.counts[-before:], counts])
        cells = np.cumsum(own[:, unsure], axis=0)
        if (cells[before + 1 :] - cells[: -before - 1] < least[unsure]).all():
            return len(counts), False
        totals = np.cumsum(np.concatenate([[0], self.rows[-before:, 0], rows]))
        seen, among = (
            np.stack([each[before + 1 :] - each[before + 1 - window : -window] for window in WINDOWS])
            for each in (cells, totals)
        )
        past = np.flatnonzero((seen >= self._limits_of(among)[..., unsure]).any(axis=(0, 2)))
        return (int(past[0]) + 1, True) if len(past) else (len(counts), False)

    def update(self, counts: Integers, rows: Integers, firsts: Integers) -> None:
        """Take (blocks, cells) counts of blocks of so many rows, which begin at ``firsts``."""
        self.counts = np.concatenate([self.counts, counts])[-max(WINDOWS) :]
        self.rows = np.concatenate([self.rows, np.stack([rows, firsts], axis=1)])[-max(WINDOWS) :]

    def alarms(self, muted: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None" = None) -> bool:
        """Whether any tail is past the height, those of ``muted`` (cells,) apart."""
        heard = np.ones(self.counts.shape[1], dtype=bool) if muted is None else ~muted
        return any(
            (self.counts[-window:].sum(axis=0) >= self._limits_of(self.rows[-window:, 0].sum()))[heard].any()
            for window in WINDOWS
        )

    def tails(self) -> tuple[Floats, Integers]:
        """(cells,) the largest minus decimal logarithm of a tail, and the first row of its window."""
        found = np.stack([self._tail(window) for window in WINDOWS])
        starts = [self.rows[-window:, 1][self.rows[-window:, 0] > 0].min(initial=2**62) for window in WINDOWS]
        return found.max(axis=0), np.asarray(starts, dtype=np.int64)[found.argmax(axis=0)]

    def strength(self) -> Floats:
        """(cells,) tails over their height: 1 and more is an alarm."""
        return self.tails()[0] / self.height

    def _tail(self, window: int) -> Floats:
        # Down to whole cells, as ``_limits_of`` has it.
        seen = np.floor(self.counts[-window:].sum(axis=0) / self._clumping)
        return poisson_tail(seen, self.rows[-window:, 0].sum() * self._rates / self._clumping)

    def _limits_of(self, rows: Integers) -> Floats:
        """(..., cells) counts among (...) rows from which on a tail is past the height."""
        places = [self._known.get(number, -1) for number in rows.ravel().tolist()]
        if min(places) < 0:
            self._learn(set(rows.ravel().tolist()))
            return self._limits_of(rows)
        return self._limits[places].reshape(*rows.shape, -1)

    def _learn(self, numbers: set[int]) -> None:
        if len(self._known) > _MOST_KNOWN:
            self._known, self._limits = {}, self._limits[:0]
        fresh = sorted(numbers - set(self._known))
        # Many cells are expected alike.
        means, which = np.unique(np.outer(fresh, self._rates) / self._clumping, return_inverse=True)
        limits = poisson_limit(self.height, means)[which.reshape(len(fresh), -1)] * self._clumping
        self._known |= {rows: len(self._known) + place for place, rows in enumerate(fresh)}
        self._limits = np.concatenate([self._limits, limits])
