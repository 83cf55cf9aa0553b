"""By how many rows a window departs from a released table: a statistic of which one row moves little.

*The statistic.* A test function f takes a row to 0 or 1 (an interval of a column's bins, a cell or a corner of a
pair's table, a cell of a declared triple's or of a group's). With T_f the rows of the window that f marks, n all its
rows, and p_f the share of the released table, a window departs by

    q = max over f of |T_f - n p_f| - a_f(n),    a_f(n) = sqrt(2 L v_f N) + L/3 + t_f N,    N = max(n, least),

with v_f = p_f (1 - p_f) and L a logarithm. The first two terms are what chance brings in the window (Bernstein's
inequality). t_f is by how much the release may misstate a share: what chance brings in its own m rows, and at least
the tolerance, twice that where f gathers several cells of a release.

*Its sensitivity*, for one row more or one row less, is at most

    D = 1 + max over f of sqrt(2 L v_f) / (2 sqrt(least)) + t_f.

Proof. Adding a row changes T_f - n p_f by f(row) - p_f, which lies in [-1, 1]. It changes n by 1, and a_f is constant
below ``least`` and concave in n from there on, so that it grows by at most its slope at ``least``: the other terms.
So each f moves by at most the sum, and a maximum moves by no more than the one of its members that moves most. The
bound holds for any number of test functions, and for sums of windows, as long as a row is counted in each sum at most
once. p_f, v_f, t_f, L and ``least`` are public. Distances are not monotonic in the rows, and nothing here uses that
they were.

In code the statistic is a whole number of steps, floor(STEPS q / D): whatever the release, one row moves it by at most
``SENSITIVITY`` = STEPS + 2 steps, one for rounding down and one for floating-point.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from schemas.errors import InputError
from stream_app.core.drift.counts.layout import Integers, Layout

Floats = npt.NDArray[np.float64]

STEPS = 1024
"""Steps of the lattice to what one row can do."""
SENSITIVITY = STEPS + 2
"""In steps: the same for every release, so that noise drawn against one also covers the next."""
_MOST_ROWS = 2**36


@dataclass(frozen=True)
class Departure:
    """The statistic against one released table.

    ``released`` (cells,) are the released table's counts, on a layout whose bins were learnt from that table, too, or
    from the contract: never from rows that nobody has released. ``ordered`` says of each column whether its bins have
    an order. ``odds`` is the chance of a positive statistic that is allowed where nothing drifted, over ``looks``
    sums.
    """

    layout: Layout
    ordered: tuple[bool, ...]
    released: Integers
    least: int
    tolerance: float
    odds: float
    looks: int = 1

    def __post_init__(self) -> None:
        if self.released.shape != (self.layout.cells,) or len(self.ordered) != len(self.layout.sizes):
            raise InputError("the released counts are not of this layout")
        if self.rows < 1 or self.released.min() < 0:
            raise InputError("a released table without rows cannot be compared with")
        if self.least < 1 or not 0 <= self.tolerance <= 1 or not 0 < self.odds < 1 or self.looks < 1:
            raise InputError("a private test needs rows, a share as tolerance, and odds between 0 and 1")

    @cached_property
    def rows(self) -> int:
        """Rows of the released table."""
        return int(self.released[self.layout.column_cells(0)].sum())

    @cached_property
    def shares(self) -> Floats:
        """(functions,) the share of the released rows that each test function marks."""
        return marked(self.released, self.layout, self.ordered) / self.rows

    @cached_property
    def logarithm(self) -> float:
        """L: two sides, window and release, every function, every look share the odds evenly."""
        return math.log(4 * len(self.shares) * self.looks / self.odds)

    @cached_property
    def _roots(self) -> Floats:
        """sqrt(2 L v_f), the variance at the share that one more row would give, so that an empty cell has some."""
        share = np.minimum((self.shares * self.rows + 1) / (self.rows + 2), 1.0)
        roots: Floats = np.sqrt(2 * self.logarithm * np.maximum(share * (1 - share), 1 / (self.rows + 2)))
        return roots

    @cached_property
    def _misstated(self) -> Floats:
        """t_f."""
        chance = self._roots / math.sqrt(self.rows) + self.logarithm / (3 * self.rows)
        tolerated = self.tolerance * np.where(single(self.layout, self.ordered), 1.0, 2.0)
        return np.minimum(np.maximum(chance, tolerated), 1.0)

    @cached_property
    def moved(self) -> float:
        """D: by how many rows one row more or less can move the statistic, at most."""
        return 1 + float((self._roots / (2 * math.sqrt(self.least)) + self._misstated).max())

    def of(self, counts: Integers) -> int:
        """The statistic of a window's (cells,) counts, in steps; ``InputError`` on what are no counts of rows."""
        if counts.shape != (self.layout.cells,):
            raise InputError("a window's counts are not of the released table's layout")
        rows = int(counts[self.layout.column_cells(0)].sum())
        if not 0 <= rows < _MOST_ROWS or counts.min() < 0:
            raise InputError("a window's counts are negative or too large")
        counted = max(rows, self.least)
        apart = np.abs(marked(counts, self.layout, self.ordered) - rows * self.shares)
        beyond = apart - self._roots * math.sqrt(counted) - self._misstated * counted
        return math.floor(STEPS * (float(beyond.max()) - self.logarithm / 3) / self.moved)


def marked(counts: Integers, layout: Layout, ordered: tuple[bool, ...]) -> Floats:
    """(functions,) how many rows each test function marks: linear in the counts, 0 or 1 for one row."""
    found = []
    for column, in_order in enumerate(ordered):
        cells = counts[layout.column_cells(column)]
        found += [cells[:2], _intervals(cells[2:]) if in_order else cells[2:]]
    for pair, (left, right) in enumerate(layout.pairs):
        sizes = layout.coarse_sizes[left], layout.coarse_sizes[right]
        found += _corners(counts[layout.pair_cells(pair)].reshape(sizes))
    found.append(counts[int(layout.cubes[0]) : int(layout.cubes[-1])])
    for place, subgroup in enumerate(layout.subgroups):
        cells = counts[int(layout.grouped[place]) : int(layout.grouped[place + 1])].reshape(subgroup.number + 1, -1)[1:]
        found += [cells.ravel(), _runs(cells, layout.inner).ravel()]
    return np.concatenate(found).astype(np.float64)


def _runs(cells: Integers, inner: Integers) -> Integers:
    """(groups, cells) sums over the levels of a column up to each, the columns side by side at ``inner``."""
    sums = np.cumsum(cells, axis=1)
    before = np.concatenate([np.zeros((len(cells), 1), dtype=np.int64), sums[:, inner[1:-1] - 1]], axis=1)
    runs: Integers = sums - np.repeat(before, np.diff(inner), axis=1)
    return runs


def single(layout: Layout, ordered: tuple[bool, ...]) -> npt.NDArray[np.bool_]:
    """(functions,) whether a test function marks one cell of one column that has no order, or missing or new ones."""
    found = []
    for size, in_order in zip(layout.sizes, ordered, strict=True):
        runs = (size - 2) * (size - 1) // 2
        found += [True, True, *([False] * runs if in_order else [True] * (size - 2))]
    others = len(marked(np.zeros(layout.cells, dtype=np.int64), layout, ordered)) - len(found)
    return np.asarray(found + [False] * others, dtype=np.bool_)


def _intervals(cells: Integers) -> Integers:
    """Every run of neighbouring bins: half-lines find shifts, inner ones a change of spread."""
    sums = np.concatenate([[0], np.cumsum(cells)])
    first, last = np.triu_indices(len(sums), 1)
    runs: Integers = sums[last] - sums[first]
    return runs


def _corners(table: Integers) -> list[Integers]:
    """Cells and lower corners of a pair's table: a corner gathers what a change of dependence spreads over cells."""
    return [table.ravel(), np.cumsum(np.cumsum(table, axis=0), axis=1).ravel()]
