"""How strongly pairs of columns hang together, from codes and numbers alone: the same figures for gates and for drift.

Codes are integers from 0 below a column's size; a missing cell is a code like any other. Counts of disjoint sets of
rows add up, so tables of blocks make the table of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

from schemas.two_way import two_way

Ints = npt.NDArray[np.signedinteger[npt.NBitBase]] | npt.NDArray[np.int64] | npt.NDArray[np.int32]
Reals = npt.NDArray[np.float64]
Pair = tuple[int, int]
BLOCK = 1 << 18
"""Rows that are counted at once."""


def all_pairs(width: int) -> tuple[Pair, ...]:
    """Every pair of ``width`` columns, left before right."""
    return tuple(combinations(range(width), 2))


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the cells of each pair's two-way table stand in one flat array, row by row of the left column."""

    sizes: tuple[int, ...]
    pairs: tuple[Pair, ...]

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """(n_pairs + 1,) first cell of each pair, and how many cells there are."""
        sizes, pairs = np.array(self.sizes, dtype=np.int64), np.array(self.pairs, dtype=np.int64).reshape(-1, 2)
        return np.append(0, np.cumsum(sizes[pairs].prod(axis=1)))

    @property
    def firsts(self) -> npt.NDArray[np.int64]:
        """(n_columns + 1,) first cell of each column in the one-way counts."""
        return np.cumsum([0, *self.sizes], dtype=np.int64)

    def sums(self, cells: Reals) -> Reals:
        """(n_pairs,) totals of (n_cells,) ``cells``."""
        return np.add.reduceat(cells, self.starts[:-1]) if self.pairs else np.zeros(0)

    def spread(self, single: Reals) -> tuple[Reals, Reals]:
        """(n_cells,) each: the left and the right column's entry of ``single`` for every cell."""
        left, right = self.places()
        return single[left], single[right]

    def places(self) -> tuple[Ints, Ints]:
        """(n_cells,) each: where the cell's left and right code stand in the one-way counts."""
        pairs, sizes = np.array(self.pairs, dtype=np.int64).reshape(-1, 2), np.array(self.sizes, dtype=np.int64)
        heights, widths, firsts = sizes[pairs[:, 0]], sizes[pairs[:, 1]], self.firsts
        # Each pair's rows, of which every one has as many cells as the right column has codes.
        rows = np.arange(heights.sum()) + np.repeat(firsts[pairs[:, 0]] - _before(heights), heights)
        lengths = np.repeat(widths, heights)
        begins = np.repeat(firsts[pairs[:, 1]], heights) - _before(lengths)
        return np.repeat(rows, lengths), np.arange(lengths.sum()) + np.repeat(begins, lengths)


@dataclass(frozen=True, slots=True)
class PairTables:
    """Counts of one table: ``joint`` (n_cells,) of every pair, ``single`` one after the other of every column."""

    layout: Layout
    joint: Reals
    single: Reals
    rows: int

    @classmethod
    def of(cls, codes: Ints, layout: Layout) -> "PairTables":
        """Counts of (n_rows, n_columns) ``codes``, each column's below its size."""
        joint, starts = np.zeros(int(layout.starts[-1])), layout.starts
        single, firsts = np.zeros(int(layout.firsts[-1])), layout.firsts
        for start in range(0, len(codes), BLOCK):
            block = codes[start : start + BLOCK].T
            narrow = [codes.astype(_narrowest(size)) for codes, size in zip(block, layout.sizes, strict=True)]
            counted = two_way(narrow, layout.sizes, layout.pairs)
            for k, (i, j) in enumerate(layout.pairs):
                table = counted.joint[i, j] if i < j else counted.joint[j, i].T
                joint[starts[k] : starts[k + 1]] += table.ravel()
            for j, counts in counted.single.items():
                single[firsts[j] : firsts[j + 1]] += counts
        return cls(layout, joint, single, len(codes))

    def merged(self, maps: Sequence[Ints], layout: Layout) -> "PairTables":
        """The tables of the same rows with each column's codes replaced by ``maps``, on a ``layout`` of equal pairs."""
        shifted = [each + first for each, first in zip(maps, layout.firsts[:-1], strict=True)]
        coarse = np.concatenate([*shifted, np.zeros(0, dtype=np.int64)]).astype(np.int64)
        left, right = (coarse[places] for places in self.layout.places())
        pairs, sizes = np.array(layout.pairs, dtype=np.int64).reshape(-1, 2), np.array(layout.sizes, dtype=np.int64)
        # The cell's number from the numbers of both codes, less what these count of columns before.
        widths, firsts = sizes[pairs[:, 1]], layout.firsts
        origins = layout.starts[:-1] - firsts[pairs[:, 0]] * widths - firsts[pairs[:, 1]]
        cells = np.diff(self.layout.starts)
        into = np.repeat(origins, cells) + left * np.repeat(widths, cells) + right
        joint = np.bincount(into, self.joint, minlength=int(layout.starts[-1])).astype(np.float64)
        single = np.bincount(coarse, self.single, minlength=int(layout.firsts[-1])).astype(np.float64)
        return PairTables(layout, joint, single, self.rows)

    def total_variation(self, other: "PairTables") -> Reals:
        """(n_pairs,) half of the summed differences of shares; 1 where only one side has rows."""
        return 0.5 * self.layout.sums(np.abs(self._shares() - other._shares()))

    def phi_squared(self) -> Reals:
        """(n_pairs,) Pearson's chi-squared over the number of rows."""
        left, right = self.layout.spread(self.single)
        expected = left * right
        over = np.divide(self.joint**2, expected, out=np.zeros_like(expected), where=expected > 0)
        return np.maximum(0.0, self.layout.sums(over) - (1.0 if self.rows else 0.0))

    def cramers_v(self, corrected: bool = True) -> Reals:
        """(n_pairs,) Cramer's V, 0 where a column is constant; ``corrected`` for few rows' bias (Bergsma 2013)."""
        rows, columns = self._levels()
        if not corrected:
            return _root_ratio(self.phi_squared(), np.minimum(rows, columns) - 1)
        spare = max(1, self.rows - 1)
        phi = np.maximum(0.0, self.phi_squared() - (rows - 1) * (columns - 1) / spare)
        fewer = np.minimum(rows - (rows - 1) ** 2 / spare, columns - (columns - 1) ** 2 / spare)
        return np.minimum(1.0, _root_ratio(phi, fewer - 1))

    def residuals(self) -> Reals:
        """(n_cells,) share of rows beyond what independent columns would have."""
        left, right = self.layout.spread(self.single)
        return self._shares() - left * right / max(1, self.rows) ** 2

    def impurity(self) -> Reals:
        """(n_columns,) chance that two rows differ (Gini 1912): twice which bounds a pair's summed residuals."""
        singles = [self.single[a:b] / max(1, self.rows) for a, b in pairwise(self.layout.firsts)]
        return np.array([1 - float(share @ share) if self.rows else 0.0 for share in singles])

    def mutual_information(self, corrected: bool = True) -> Reals:
        """(n_pairs,) in nats, at least 0; ``corrected`` for few rows' bias by the cells occupied (Miller 1955)."""
        shares = self._shares()
        return np.maximum(0.0, self.layout.sums(shares * self._log_ratios()) - (self._bias() if corrected else 0.0))

    def information_deviation(self) -> Reals:
        """(n_pairs,) standard deviation of the mutual information over samples of rows.

        The delta method's variance of log p(x, y) / p(x) p(y), and beside it the chi-squared one that is left where the
        columns are independent.
        """
        shares, ratios = self._shares(), self._log_ratios()
        mean = self.layout.sums(shares * ratios)
        spread = np.maximum(0.0, self.layout.sums(shares * ratios**2) - mean**2)
        rows, columns = self._levels()
        count = max(1, self.rows)
        return np.sqrt(spread / count + (rows - 1) * (columns - 1) / (2 * count**2))

    def _shares(self) -> Reals:
        return self.joint / max(1, self.rows)

    def _log_ratios(self) -> Reals:
        """(n_cells,) log of observed over expected, 0 where nothing was observed."""
        left, right = self.layout.spread(self.single)
        seen = self.joint > 0
        ratios = np.zeros_like(self.joint)
        ratios[seen] = np.log(self.joint[seen] * self.rows / (left[seen] * right[seen]))
        return ratios

    def _bias(self) -> Reals:
        rows, columns = self._levels()
        occupied = self.layout.sums((self.joint > 0).astype(np.float64))
        return (occupied - rows - columns + 1) / (2 * max(1, self.rows))

    def _levels(self) -> tuple[Reals, Reals]:
        """(n_pairs,) each: how many codes of the left and of the right column occur."""
        occupied = np.array([np.count_nonzero(self.single[a:b]) for a, b in pairwise(self.layout.firsts)], dtype=float)
        pairs = np.array(self.layout.pairs, dtype=np.int64).reshape(-1, 2)
        return occupied[pairs[:, 0]], occupied[pairs[:, 1]]


def _before(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where runs of these lengths begin, one after the other."""
    found: npt.NDArray[np.int64] = np.cumsum(lengths) - lengths
    return found


def _narrowest(size: int) -> npt.DTypeLike:
    return np.min_scalar_type(max(0, size - 1))


def _root_ratio(above: Reals, below: Reals) -> Reals:
    found: Reals = np.sqrt(np.divide(above, below, out=np.zeros_like(above), where=below > 0))
    return found


def informational_correlation(information: Reals) -> Reals:
    """Mutual information in nats as the correlation of two normal variables that share as much (Linfoot 1957)."""
    found: Reals = np.sqrt(-np.expm1(-2 * np.maximum(0.0, information)))
    return found


def chi_squared_effect(counts: Sequence[Reals]) -> float:
    """Cramer's V, uncorrected, of a table whose rows are ``counts``: 0 where shares are the same, 1 where none is."""
    table = np.asarray(counts, dtype=np.float64)
    table = table[:, table.sum(axis=0) > 0]
    table = table[table.sum(axis=1) > 0]
    fewer = min(table.shape) - 1
    if fewer < 1:
        return 0.0
    phi = float((table**2 / np.outer(table.sum(axis=1), table.sum(axis=0))).sum()) - 1
    return float(np.sqrt(min(1.0, max(0.0, phi / fewer))))
