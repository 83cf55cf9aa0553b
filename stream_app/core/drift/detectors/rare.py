"""Cells that the reference has few of: Poisson tails over 1, 4 and 16 blocks."""

import numpy as np

from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.detectors.thresholds import WINDOWS, poisson_limit, poisson_tail, rare_threshold


class RareTests:
    """Counts of the last 16 blocks. ``rates`` and ``clumping`` (cells,): expected a row, and how much more than Poisson
    counts they vary from block to block.
    """

    def __init__(self, rates: Floats, clumping: Floats, block_rows: int, alarms_per_million: float) -> None:
        self._rates, self._clumping = rates, clumping
        self.height = rare_threshold(len(rates), block_rows, alarms_per_million)
        self._known: dict[int, Floats] = {}
        self.counts = np.zeros((max(WINDOWS), len(rates)), dtype=np.int64)
        self.rows = np.zeros((max(WINDOWS), 2), dtype=np.int64)

    def first(self, counts: Integers, rows: Integers) -> int:
        """How many of the blocks with (blocks, cells) counts can be taken up to one that raises an alarm, or all."""
        if not counts.any() and not self.counts.any():
            return len(counts)
        before = max(WINDOWS) - 1
        cells = np.cumsum(np.concatenate([np.zeros_like(self.counts[:1]), self.counts[-before:], counts]), axis=0)
        totals = np.cumsum(np.concatenate([[0], self.rows[-before:, 0], rows]))
        found = len(counts)
        for window in WINDOWS:
            seen = cells[before + 1 :] - cells[before + 1 - window : -window]
            among = totals[before + 1 :] - totals[before + 1 - window : -window]
            for number in np.unique(among):
                past = np.flatnonzero((among == number) & (seen >= self._limits(int(number))).any(axis=1))
                found = min(found, int(past[0]) + 1) if len(past) else found
        return found

    def update(self, counts: Integers, rows: Integers, firsts: Integers) -> None:
        """Take (blocks, cells) counts of blocks of so many rows, which begin at ``firsts``."""
        self.counts = np.concatenate([self.counts, counts])[-max(WINDOWS) :]
        self.rows = np.concatenate([self.rows, np.stack([rows, firsts], axis=1)])[-max(WINDOWS) :]

    def alarms(self, muted: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None" = None) -> bool:
        """Whether any tail is past the height, those of ``muted`` (cells,) apart."""
        heard = np.ones(self.counts.shape[1], dtype=bool) if muted is None else ~muted
        return any(
            (self.counts[-window:].sum(axis=0) >= self._limits(int(self.rows[-window:, 0].sum())))[heard].any()
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
        # Down to whole cells, as ``_limits`` has it.
        seen = np.floor(self.counts[-window:].sum(axis=0) / self._clumping)
        return poisson_tail(seen, self.rows[-window:, 0].sum() * self._rates / self._clumping)

    def _limits(self, rows: int) -> Floats:
        """(cells,) counts among so many rows from which on a tail is past the height."""
        if rows not in self._known:
            self._known[rows] = poisson_limit(self.height, rows * self._rates / self._clumping) * self._clumping
        return self._known[rows]
