"""Cells that the reference has few of: Poisson tails over 1, 4 and 16 blocks."""

import numpy as np

from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.counting import COMPILED
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.detectors.thresholds import WINDOWS, poisson_limit, poisson_tail, rare_threshold

_MOST_KNOWN = 1_024
"""Numbers of rows whose limits are kept, and tails, about: windows of blocks that are cut as they came have ever other
ones.
"""

_INSIDE = (np.arange(max(WINDOWS)) >= max(WINDOWS) - np.asarray(WINDOWS)[:, None]).astype(np.int64)
"""(windows, blocks) which of the last blocks are in each."""


class RareTests:
    """Counts of the last 16 blocks. ``rates`` and ``clumping`` (cells,): expected a row, and how much more than Poisson
    counts they vary from block to block.
    """

    def __init__(self, rates: Floats, clumping: Floats, block_rows: int, alarms_per_million: float) -> None:
        self._rates, self._clumping = rates, clumping
        self.height = rare_threshold(len(rates), block_rows, alarms_per_million)
        self._known: dict[int, int] = {}
        self._tails: dict[tuple[int, int, int], float] = {}
        self._limits = np.zeros((0, len(rates)))
        self.counts = np.zeros((max(WINDOWS), len(rates)), dtype=np.int64)
        self.rows = np.zeros((max(WINDOWS), 2), dtype=np.int64)

    def first(self, counts: Integers, rows: Integers) -> tuple[int, bool]:
        """How many of the blocks with (blocks, cells) counts can be taken up to one that raises an alarm, or all; and
        whether one does.
        """
        # No window is of fewer rows than a block, nor has more cells than the longest: few tails can be past.
        least, before = self._limits_of(rows.min()), max(WINDOWS) - 1
        if not self._near(counts, least):
            return len(counts), False
        unsure = np.flatnonzero(self.counts.sum(axis=0) + counts.sum(axis=0) >= least)
        own = np.concatenate([np.zeros_like(self.counts[:1]), self.counts[-before:], counts])
        cells = np.cumsum(own[:, unsure], axis=0)
        totals = np.cumsum(np.concatenate([[0], self.rows[-before:, 0], rows]))
        seen, among = (
            np.stack([each[before + 1 :] - each[before + 1 - window : -window] for window in WINDOWS])
            for each in (cells, totals)
        )
        past = np.flatnonzero((seen >= self._limits_of(among)[..., unsure]).any(axis=(0, 2)))
        return (int(past[0]) + 1, True) if len(past) else (len(counts), False)

    def _near(self, counts: Integers, least: Floats) -> bool:
        """Whether the longest window ever has as many of a cell as is the ``least`` limit of any."""
        before = self.counts[1:]
        if COMPILED:
            from stream_app.core.drift.detectors.compiled_rare import reached

            return bool(reached(before, counts, least))
        sums = np.cumsum(np.concatenate([np.zeros_like(before[:1]), before, counts]), axis=0)
        return bool((sums[len(before) + 1 :] - sums[: len(counts)] >= least).any())

    def update(self, counts: Integers, rows: Integers, firsts: Integers) -> None:
        """Take (blocks, cells) counts of blocks of so many rows, which begin at ``firsts``."""
        kept = max(WINDOWS)
        both = np.array([rows[-kept:], firsts[-kept:]]).T
        self.counts = np.concatenate([self.counts[len(both) :], counts[-kept:]])
        self.rows = np.concatenate([self.rows[len(both) :], both])

    def alarms(self, muted: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None" = None) -> bool:
        """Whether any tail is past the height, those of ``muted`` (cells,) apart."""
        heard = np.ones(self.counts.shape[1], dtype=bool) if muted is None else ~muted
        return any(
            (self.counts[-window:].sum(axis=0) >= self._limits_of(self.rows[-window:, 0].sum()))[heard].any()
            for window in WINDOWS
        )

    def tails(self) -> tuple[Floats, Integers]:
        """(cells,) the largest minus decimal logarithm of a tail, and the first row of its window."""
        found = self._tails_of_windows()
        starts = [self.rows[-window:, 1][self.rows[-window:, 0] > 0].min(initial=2**62) for window in WINDOWS]
        return found.max(axis=0), np.asarray(starts, dtype=np.int64)[found.argmax(axis=0)]

    def strength(self) -> Floats:
        """(cells,) tails over their height: 1 and more is an alarm."""
        found: Floats = self._tails_of_windows().max(axis=0) / self.height
        return found

    def strongest(self) -> float:
        """The largest ``strength``, 0 without any."""
        return max(self._tails_seen()[0], default=0.0) / self.height

    def _tails_of_windows(self) -> Floats:
        """(windows, cells) minus decimal logarithms."""
        tails, places = self._tails_seen()
        found = np.zeros((len(WINDOWS), self.counts.shape[1]))
        found[places] = tails
        return found

    def _tails_seen(self) -> tuple[list[float], tuple[Integers, ...]]:
        """Minus decimal logarithms, and (windows, cells) which they are of; of all others they are 0."""
        counts, rows = _INSIDE @ self.counts, (_INSIDE @ self.rows[:, 0]).tolist()
        places = windows, cells = np.nonzero(counts)
        each = zip(cells.tolist(), counts[places].tolist(), windows.tolist(), strict=True)
        keys = [(cell, seen, rows[window]) for cell, seen, window in each]
        if not self._tails.keys() >= set(keys):
            self._learn_tails(keys)
        return [self._tails[key] for key in keys], places

    def _learn_tails(self, keys: list[tuple[int, int, int]]) -> None:
        """Of cells that were seen so often among so many rows: the same few come again and again."""
        if len(self._tails) > _MOST_KNOWN:
            self._tails = {}
        cells, seen, rows = np.asarray(keys, dtype=np.int64).T
        # Down to whole cells, as ``_limits_of`` has it.
        whole = np.floor(seen / self._clumping[cells])
        tails = poisson_tail(whole, rows * self._rates[cells] / self._clumping[cells])
        self._tails |= zip(keys, tails.tolist(), strict=True)

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
