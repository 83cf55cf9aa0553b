"""How strongly each pair of columns hangs together in one table, with intervals, and how much that changed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.correlation import pearson_of, spearman_of
from schemas.dependence import Pair, PairTables, informational_correlation
from schemas.sorted_sample import SortedSample
from validators.statistics import Z95, Reals

Bounded = tuple[Reals, Reals, Reals]
"""Values with their lower and upper 95 % bounds."""
FIGURES = ("informational correlation", "Spearman", "association of values")


@dataclass(frozen=True, slots=True)
class Dependence:
    """The two-way ``tables``, and (n_pairs,) figures.

    ``mutual_information`` in nats, ``cramers_v``, ``information`` as Linfoot's informational correlation; ``ranks``
    (Spearman) and ``pearson`` are NaN unless both are numbers that vary.
    """

    tables: PairTables
    mutual_information: Reals
    cramers_v: Reals
    information: Bounded
    ranks: Bounded
    pearson: Reals


def dependence(tables: PairTables, numbers: Sequence[SortedSample], places: tuple[int, ...]) -> Dependence:
    """Of one table, given as its two-way counts and as the numbers of the columns at ``places``."""
    found, deviation = tables.mutual_information(), Z95 * tables.information_deviation()
    information = tuple(informational_correlation(value) for value in (found, found - deviation, found + deviation))
    pairs = tables.layout.pairs
    return Dependence(
        tables=tables,
        mutual_information=found,
        cramers_v=tables.cramers_v(),
        information=(information[0], information[1], information[2]),
        ranks=_fisher(_of_pairs(spearman_of(numbers), pairs, places), tables.rows),
        pearson=_of_pairs(pearson_of(numbers), pairs, places),
    )


@dataclass(frozen=True, slots=True)
class Change:
    """The pair whose dependence changed most surely: its number, by how much, in which bounds, by which figure."""

    pair: int
    value: float
    interval: tuple[float, float]
    figure: str


def changes(real: Dependence, fake: Dependence) -> tuple[Bounded, Bounded, Bounded]:
    """(n_pairs,) each, in the order of ``FIGURES``; 0 where a figure does not apply."""
    ranks = absolute_difference(real.ranks, fake.ranks)
    return (
        absolute_difference(real.information, fake.information),
        (np.nan_to_num(ranks[0]), np.nan_to_num(ranks[1]), np.nan_to_num(ranks[2])),
        association_change(real.tables, fake.tables),
    )


def largest_change(found: tuple[Bounded, Bounded, Bounded]) -> Change:
    """Of all pairs and figures the one whose change has the largest lower bound."""
    value, low, high = (np.stack(part) for part in zip(*found, strict=True))
    kind, pair = np.unravel_index(np.lexsort((value.ravel(), low.ravel()))[-1], value.shape)
    bounds = float(low[kind, pair]), float(high[kind, pair])
    return Change(int(pair), float(value[kind, pair]), bounds, FIGURES[kind])


def absolute_difference(left: Bounded, right: Bounded) -> Bounded:
    """|left - right| with bounds from those of both sides (MOVER: Zou 2007)."""
    value = left[0] - right[0]
    low = value - np.hypot(left[0] - left[1], right[2] - right[0])
    high = value + np.hypot(left[2] - left[0], right[0] - right[1])
    nearest = np.where((low <= 0) & (high >= 0), 0.0, np.minimum(np.abs(low), np.abs(high)))
    return np.abs(value), nearest, np.maximum(np.abs(low), np.abs(high))


def association_change(real: PairTables, fake: PairTables) -> Bounded:
    """Half of the summed differences of both tables' residuals, over the most that the residuals of one can be.

    Unlike the strength of a dependence it sees which values go together, so that swapped labels count twice. Residuals
    are doubly centred, which bounds a row's variance by half of the smaller impurity; the lower bound also allows for
    what two samples of one population differ by on average.
    """
    plan, each = real.layout, 1 / max(1, real.rows) + 1 / max(1, fake.rows)
    pairs = np.array(plan.pairs, dtype=np.int64).reshape(-1, 2)
    impurity = np.maximum(*(table.impurity()[pairs].min(axis=1, initial=1.0) for table in (real, fake)))
    left, right = plan.spread((real.single + fake.single) / max(1, real.rows + fake.rows))
    chance = 0.5 * plan.sums(np.sqrt(2 / np.pi * left * (1 - left) * right * (1 - right) * each))
    value = 0.5 * plan.sums(np.abs(real.residuals() - fake.residuals()))
    half = Z95 * np.sqrt(impurity / 2 * each)
    bounds = (value, np.maximum(0.0, value - half - chance), value + half)
    scaled = [np.divide(part, impurity, out=np.zeros_like(part), where=impurity > 1e-12) for part in bounds]
    return scaled[0], scaled[1], scaled[2]


def _of_pairs(matrix: Reals, pairs: tuple[Pair, ...], places: tuple[int, ...]) -> Reals:
    column = {j: k for k, j in enumerate(places)}
    return np.array([matrix[column[i], column[j]] if i in column and j in column else np.nan for i, j in pairs])


def _fisher(ranks: Reals, rows: int) -> Bounded:
    """Spearman's correlation by Fisher's transformation (Bonett and Wright 2000)."""
    half = Z95 * np.sqrt((1 + ranks**2 / 2) / max(1, rows - 3))
    middle: npt.NDArray[np.float64] = np.arctanh(np.clip(ranks, -1 + 1e-9, 1 - 1e-9))
    return ranks, np.minimum(ranks, np.tanh(middle - half)), np.maximum(ranks, np.tanh(middle + half))
