"""Columns as a few hundred codes, none of which stands for too few rows: what trees split on and leaves count.

A range becomes frequent values on their own and intervals of neighbouring values between them; a value drawn from an
interval is uniform on the grid between its ends, so a rare value reappears by chance only. Categories stand for
themselves while they are few or frequent; the others are pooled into groups of like company (their mean of a leading
column), and one of a group is drawn by its frequency. Missing is a code of its own, the last one.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from generators.arrays import Floats, Ints
from generators.domains.grid import Grid

LEAST = 10
"""Rows that a frequent value or an interval must stand for."""
INTERVALS = 256
"""Intervals that the rows of a range are divided into, about; tails further, down to ``LEAST`` rows each."""
ALONE, GROUPS = 224, 32
"""Categories that stand for themselves at most, and groups of the others."""
FEW = 32
"""Categories that are never pooled."""


@dataclass(frozen=True, slots=True)
class Codes:
    """Codes 0 .. ``size`` - 1 of one column; ``missing`` is the last of them, or -1 where none was seen.

    Of a range: positions up to ``upto[c]`` are code c, drawn from ``low[c]`` .. ``high[c]``. Of categories: ``of`` is
    each position's code, ``members`` the positions ordered by code, ``reach`` the cumulative weights (code c ends at c
    + 1).
    """

    ordered: bool
    size: int
    missing: int
    grid_size: int
    upto: Ints
    low: Ints
    high: Ints
    of: Ints
    members: Ints
    reach: Floats

    def encoded(self, positions: Ints) -> Ints:
        """The code of each grid position, the grid's size being missing."""
        held = np.minimum(positions, self.grid_size - 1)
        codes = self.of[held] if self.of.size else np.minimum(np.searchsorted(self.upto, held), self.low.size - 1)
        if self.missing >= 0:
            return np.where(positions >= self.grid_size, self.missing, codes).astype(np.int64)
        return np.asarray(codes, dtype=np.int64)

    def decoded(self, codes: Ints, rng: np.random.Generator) -> Ints:
        """A position for each code."""
        present = np.minimum(codes, max(0, self.size - 1 - (self.missing >= 0)))
        chance = rng.random(codes.size)
        if self.of.size:
            place = np.searchsorted(self.reach, present + chance, side="right")
            found = self.members[np.minimum(place, self.members.size - 1)]
        elif self.low.size:
            width = self.high[present] - self.low[present] + 1
            found = self.low[present] + np.minimum((chance * width).astype(np.int64), width - 1)
        else:
            found = np.zeros(codes.size, dtype=np.int64)
        return np.where(codes == self.missing, self.grid_size, found) if self.missing >= 0 else found


def codes_of(positions: Ints, grid: Grid, leading: Ints | None = None) -> Codes:
    """The codes of one column's positions; ``leading``: the leading column's codes, by which rare
    categories are grouped."""
    present = positions < grid.size
    values, counts = np.unique(positions[present], return_counts=True)
    missing = bool((~present).any())
    if grid.labels is None:
        return _of_range(values, counts, grid.size, missing)
    means = np.zeros(values.size)
    if leading is not None and values.size > FEW:
        place = np.searchsorted(values, positions[present])
        means = np.bincount(place, weights=leading[present], minlength=values.size) / counts
    return _of_labels(values, counts, means, grid, missing)


def codes_of_span(values: Ints, size: int) -> Codes:
    """The codes of whole numbers from 0 below ``size``; ``size`` itself is missing."""
    present = values < size
    return _of_range(*np.unique(values[present], return_counts=True), size, bool((~present).any()))


def _of_range(values: Ints, counts: Ints, grid_size: int, missing: bool) -> Codes:
    bins = _bins(values, counts)
    low = np.array([first for first, _ in bins], dtype=np.int64)
    high = np.array([last for _, last in bins], dtype=np.int64)
    upto = np.append((high[:-1] + low[1:]) // 2, grid_size - 1) if low.size else low
    nothing = np.zeros(0, dtype=np.int64)
    size = low.size + missing
    return Codes(True, size, size - 1 if missing else -1, grid_size, upto, low, high, nothing, nothing, np.zeros(0))


def _bins(values: Ints, counts: Ints) -> list[tuple[int, int]]:
    """Ends of frequent values and of the intervals between them, in order; too few rows in between make none."""
    rows = int(counts.sum())
    frequent = counts >= max(LEAST, rows // 4_000)
    bounds = np.flatnonzero(np.diff(np.concatenate([[True], frequent, [True]]).astype(np.int8)))
    found = [(int(value), int(value)) for value in values[frequent]]
    for start, stop in zip(bounds[::2], bounds[1::2], strict=True):
        found += _intervals(values[start:stop], counts[start:stop], max(LEAST, rows // INTERVALS), stop == values.size)
    if not found and values.size:
        return [(int(values[0]), int(values[-1]))]
    return sorted(found)


def _intervals(values: Ints, counts: Ints, rows: int, tail: bool) -> list[tuple[int, int]]:
    """Intervals of about ``rows`` rows each, at least ``LEAST``; the last of a tail halved as long as that allows."""
    below = np.cumsum(counts)
    total = int(below[-1])
    if total < LEAST:
        return []
    wanted = [total * part // max(1, total // rows) for part in range(1, max(1, total // rows))]
    while tail and total - (wanted[-1] if wanted else 0) >= 2 * LEAST:
        wanted.append((total + (wanted[-1] if wanted else 0)) // 2)
    cuts = np.unique(np.searchsorted(below, np.array(wanted, dtype=np.int64)) + 1)
    edges = np.concatenate([[0], cuts[cuts < values.size], [values.size]]).astype(np.int64)
    return [(int(values[first]), int(values[last - 1])) for first, last in pairwise(edges)]


def _of_labels(values: Ints, counts: Ints, means: Floats, grid: Grid, missing: bool) -> Codes:
    alone = np.ones(values.size, dtype=bool)
    if values.size > FEW:
        by_frequency = np.lexsort((values, -counts))
        alone[by_frequency[ALONE:]] = False
        alone &= counts >= LEAST
    code = np.zeros(values.size, dtype=np.int64)
    code[alone] = np.arange(alone.sum())
    pooled = np.flatnonzero(~alone)
    order = pooled[np.lexsort((values[pooled], means[pooled]))]
    below = np.cumsum(counts[order])
    groups = min(GROUPS, max(1, int(below[-1]) // LEAST)) if order.size else 0
    if groups:
        group = np.minimum((below - 1) * groups // int(below[-1]), groups - 1)
        code[order] = int(alone.sum()) + np.unique(group, return_inverse=True)[1]
    size = int(code.max()) + 1 if code.size else 0
    of = np.zeros(grid.size, dtype=np.int64)
    of[values] = code
    listing = np.lexsort((values, code))
    reach = _reach(code[listing], counts[listing].astype(np.float64), size)
    nothing = np.zeros(0, dtype=np.int64)
    ordered = grid.ordered and not pooled.size
    total = size + missing
    return Codes(
        ordered, total, total - 1 if missing else -1, grid.size, nothing, nothing, nothing, of, values[listing], reach
    )


def _reach(codes: Ints, weights: Floats, size: int) -> Floats:
    """Cumulative weights in which code c takes the stretch from c to c + 1."""
    totals = np.bincount(codes, weights=weights, minlength=size)
    before = np.concatenate([[0.0], np.cumsum(totals)[:-1]]) if size else totals
    within = (np.cumsum(weights) - before[codes]) / totals[codes] if codes.size else weights
    return np.asarray(codes + np.minimum(within, 1.0), dtype=np.float64)
