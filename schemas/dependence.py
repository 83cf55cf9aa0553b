"""How strongly pairs of columns hang together, from codes and numbers alone: the same figures for gates and for drift.

Codes are integers from 0 below a column's size; a missing cell is a code like any other. Counts of disjoint sets of
rows add up, so tables of blocks make the table of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.signedinteger[npt.NBitBase]] | npt.NDArray[np.int64] | npt.NDArray[np.int32]
Reals = npt.NDArray[np.float64]
Pair = tuple[int, int]
BLOCK = 32_768


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
        return np.cumsum([0, *(self.sizes[i] * self.sizes[j] for i, j in self.pairs)], dtype=np.int64)

    @property
    def firsts(self) -> npt.NDArray[np.int64]:
        """(n_columns + 1,) first cell of each column in the one-way counts."""
        return np.cumsum([0, *self.sizes], dtype=np.int64)

    def sums(self, cells: Reals) -> Reals:
        """(n_pairs,) totals of (n_cells,) ``cells``."""
        return np.add.reduceat(cells, self.starts[:-1]) if self.pairs else np.zeros(0)

    def spread(self, single: Reals) -> tuple[Reals, Reals]:
        """(n_cells,) each: the left and the right column's entry of ``single`` for every cell."""
        columns = [single[a:b] for a, b in pairwise(self.firsts)]
        left = [np.repeat(columns[i], self.sizes[j]) for i, j in self.pairs]
        right = [np.broadcast_to(columns[j], (self.sizes[i], self.sizes[j])).ravel() for i, j in self.pairs]
        return np.concatenate([*left, np.zeros(0)]), np.concatenate([*right, np.zeros(0)])


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
        joint = np.zeros(int(layout.starts[-1]))
        single = np.zeros(int(layout.firsts[-1]))
        for start in range(0, len(codes), BLOCK):
            block = np.asfortranarray(codes[start : start + BLOCK], dtype=np.intp)
            _count_pairs(block, layout, joint)
            for j, first in enumerate(layout.firsts[:-1]):
                single[first : first + layout.sizes[j]] += np.bincount(block[:, j], minlength=layout.sizes[j])
        return cls(layout, joint, single, len(codes))

    def merged(self, maps: Sequence[Ints], layout: Layout) -> "PairTables":
        """The tables of the same rows with each column's codes replaced by ``maps``, on a ``layout`` of equal pairs."""
        sums = [np.eye(size)[codes] for codes, size in zip(maps, layout.sizes, strict=True)]
        joint, fine, coarse = np.empty(int(layout.starts[-1])), self.layout.starts, layout.starts
        for k, (i, j) in enumerate(layout.pairs):
            cells = self.joint[fine[k] : fine[k + 1]].reshape(len(sums[i]), len(sums[j]))
            joint[coarse[k] : coarse[k + 1]] = (sums[i].T @ cells @ sums[j]).ravel()
        parts = [self.single[a:b] for a, b in pairwise(self.layout.firsts)]
        single = np.concatenate([part @ each for part, each in zip(parts, sums, strict=True)])
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


def _count_pairs(block: Ints, layout: Layout, joint: Reals) -> None:
    """Adds the block's counts to ``joint``; one pass over the rows for each pair."""
    keys = np.empty(len(block), dtype=np.intp)
    starts = layout.starts
    for k, (i, j) in enumerate(layout.pairs):
        np.multiply(block[:, i], layout.sizes[j], out=keys)
        keys += block[:, j]
        joint[starts[k] : starts[k + 1]] += np.bincount(keys, minlength=int(starts[k + 1] - starts[k]))


def _root_ratio(above: Reals, below: Reals) -> Reals:
    found: Reals = np.sqrt(np.divide(above, below, out=np.zeros_like(above), where=below > 0))
    return found


def informational_correlation(information: Reals) -> Reals:
    """Mutual information in nats as the correlation of two normal variables that share as much (Linfoot 1957)."""
    found: Reals = np.sqrt(-np.expm1(-2 * np.maximum(0.0, information)))
    return found


def pearson(values: Reals) -> Reals:
    """(n_columns, n_columns) correlations of (n_rows, n_columns) numbers over the rows that have both; NaN marks
    missing cells, and a result that a constant column leaves undefined.
    """
    present = np.isfinite(values)
    scaled = _standardised(values, present)
    if present.all():
        with np.errstate(divide="ignore", invalid="ignore"):
            squares = (scaled**2).sum(axis=0)
            whole: Reals = (scaled.T @ scaled) / np.sqrt(squares[:, None] * squares)
        return np.clip(whole, -1.0, 1.0)
    weights = present.astype(np.float64)
    both = weights.T @ weights
    sums = scaled.T @ weights
    squares = (scaled**2).T @ weights
    with np.errstate(divide="ignore", invalid="ignore"):
        centred = squares - sums**2 / both
        centred[centred < 1e-12 * np.maximum(squares, 1e-300)] = np.nan
        found = (scaled.T @ scaled - sums * sums.T / both) / np.sqrt(centred * centred.T)
    return np.clip(found, -1.0, 1.0)


def _standardised(values: Reals, present: npt.NDArray[np.bool_]) -> Reals:
    """Centred and of order one, 0 where missing, whatever the size of the numbers."""
    whole = bool(present.all())
    held = values if whole else np.where(present, values, 0.0)
    top = np.maximum(held.max(axis=0, initial=0.0), -held.min(axis=0, initial=0.0))
    held = held / np.where(top > 0, top, 1.0)
    count = np.maximum(1, present.sum(axis=0))
    held -= held.sum(axis=0) / count
    if not whole:
        held[~present] = 0.0
    deviation = np.sqrt((held**2).sum(axis=0) / count)
    # What rounding leaves of a constant column is no variation.
    held /= np.where(deviation > 1e-15, deviation, np.inf)
    return held


def spearman(values: Reals) -> Reals:
    """As ``pearson``, of midranks; a pair with missing cells is ranked anew among the rows that have both."""
    places = [_places(values[:, j]) for j in range(values.shape[1])]
    present: npt.NDArray[np.bool_] = np.isfinite(values)
    whole = [bool(column.all()) for column in present.T]
    ranks = np.empty(values.shape)
    for j, place in enumerate(places):
        ranks[:, j] = _midranks(place, present[:, j])
    found = pearson(ranks)
    for i, j in all_pairs(values.shape[1]):
        if not (whole[i] and whole[j]):
            both = present[:, i] & present[:, j]
            pair = np.column_stack([_midranks(places[i], both), _midranks(places[j], both)])
            found[i, j] = found[j, i] = pearson(pair)[0, 1]
    return found


def _places(values: Reals) -> npt.NDArray[np.int64]:
    """Equal numbers by one integer from 0, in order; what is not finite by 0."""
    held = np.where(np.isfinite(values), values, 0.0)
    low, high = float(held.min(initial=0.0)), float(held.max(initial=0.0))
    if high - low < 4 * len(held) and bool((held == np.rint(held)).all()):
        return np.asarray(held - low, dtype=np.int64)
    return np.asarray(np.unique(held, return_inverse=True)[1], dtype=np.int64)


def _midranks(places: npt.NDArray[np.int64], among: npt.NDArray[np.bool_]) -> Reals:
    """Ranks from 1 of the rows in ``among``, ties sharing their mean; NaN for the others."""
    counts = np.bincount(places[among], minlength=int(places.max(initial=0)) + 1)
    middles = np.cumsum(counts) - (counts - 1) / 2
    return np.where(among, middles[places], np.nan)


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
