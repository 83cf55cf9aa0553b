"""The first release from counts on public bins: bins are joined into cells by what noise has already shown.

Every column's marginal is measured on its bins; levels are joined into fine and coarse cells of about equal mass, which
is post-processing; then all pairs are measured on those cells, as sums of counted ones, and the declared triples. The
budget is divided as for rows (``shares``), but no triple is chosen.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from generators.arrays import Bools, Floats, Ints, sums
from generators.domains.assembly import Assembly
from generators.domains.grid import Grid
from generators.live.cells import CellCounts, place_of, stretch_of, triples_of
from generators.live.interactions import measurable, opened_interactions
from generators.live.published import Published, published_of
from generators.marginals.coding import Coding, category_coding, ordered_coding, restricted
from generators.marginals.leaves import unit_leaves
from generators.marginals.measurement import MOST_PAIRS, SECOND_LOOK, Measured
from generators.marginals.shares import TOTAL, Shares, shares_of
from generators.marginals.tables import PairTable, Side, measure_joint, refine
from generators.marginals.triples import share_of_triples
from generators.private.meter import Meter
from schemas.column_bins import MISSING, NEW
from schemas.counts import TableCounts


@dataclass(frozen=True, slots=True)
class Counted:
    """A free column's bins on its grid: (bins,) intervals, levels from 0 and counts; and the count of missing cells."""

    grid: Grid
    low: Ints
    high: Ints
    level: Ints
    counts: Ints
    missing: int
    allowed: Bools | None

    @property
    def live(self) -> bool:
        return self.grid.size + int(self.grid.nullable) > 1

    @property
    def binned(self) -> bool:
        """Whether a level has several bins."""
        return self.low.size > int(self.level.max()) + 1


@dataclass(frozen=True, slots=True)
class Looked:
    """A column's noisy bins, its noisy count of missing cells, and their deviation."""

    bins: Floats
    missing: float
    deviation: float


def opened_on(
    meter: Meter,
    counts: TableCounts,
    assembly: Assembly,
    target: int | None,
    coarseness: float,
    progress: Callable[[float, str], None],
) -> Published:
    """Spend the whole grant on counts of a public layout. ``target`` is a free column or none."""
    columns = [_counted(counts.cut, assembly, name) for name in assembly.free]
    rows = max(1.0, float(meter.measure("total", np.array([counts.cut.rows]), TOTAL)[0][0]))
    live = [place for place, column in enumerate(columns) if column.live]
    if not live:
        ones = [np.array([rows]) for _ in columns]
        return published_of(Measured([_constant() for _ in columns], ones, [np.ones(1) for _ in columns], [], rows))
    target = target if target in live else None
    shares = shares_of(len(live), sum(columns[place].binned for place in live), rows, meter.mu, target is not None)
    declared = triples_of(counts.layout, assembly)
    shares = shares.setting_aside(share_of_triples(len(declared), None, len(live), shares.mass))
    progress(0.05, "counting values")
    looks = _looks(meter, columns, live, target, shares)
    codings = _codings(columns, looks, target, shares, coarseness, meter)
    rows, one_ways, deviations = _one_ways(columns, looks, codings, rows, meter.deviation(TOTAL))
    progress(0.2, "counting pairs")
    cells = CellCounts(counts, assembly, codings)
    labelled, others = _candidates(cells, codings, live, target)
    triples = measurable(declared, codings, [*labelled, *others])
    each = shares.triples / max(len(declared), 1)
    left = shares.triples - each * len(triples)
    tables = _pairs(meter, cells, codings, one_ways, live, labelled, others, shares, left)
    published = published_of(Measured(codings, one_ways, deviations, tables, rows))
    return opened_interactions(meter, cells, published, triples, each)


def _counted(counts: TableCounts, assembly: Assembly, name: str) -> Counted:
    grid, place = assembly.grids[name], place_of(counts.layout, name)
    bins, levels, marginal = counts.layout.bins[place], counts.layout.levels[place], counts.marginals[place]
    stretch = stretch_of(bins, grid)
    # Bins beyond either end of a range begin where their neighbour does; the rest partition the grid.
    starts = np.unique(stretch.low[2:])
    at = np.searchsorted(starts, stretch.low[2:], side="right") - 1
    held = np.asarray(sums(at, marginal[2:], starts.size)).astype(np.int64)
    level = np.zeros(starts.size, dtype=np.int64)
    level[at[::-1]] = np.asarray(levels[2:], dtype=np.int64)[::-1]
    missing = int(marginal[MISSING]) if grid.nullable else 0
    if stretch.low[NEW] >= grid.size:
        missing += int(marginal[NEW])
    elif stretch.low[NEW] >= 0:
        held[np.searchsorted(starts, stretch.low[NEW], side="right") - 1] += int(marginal[NEW])
    _, level = np.unique(level, return_inverse=True)
    return Counted(
        grid, starts, np.append(starts[1:], grid.size), level, held, missing, _allowed(assembly, name, grid)
    )  # fmt: skip


def _allowed(assembly: Assembly, name: str, grid: Grid) -> Bools | None:
    """Positions that the contract's dependencies list."""
    for support in assembly.supports:
        if name in support.determinants and grid.size <= 2**20:
            return np.isin(np.arange(grid.size), support.combinations[:, support.determinants.index(name)])
    return None


def _constant() -> Coding:
    zero = np.zeros(1, dtype=np.int64)
    return Coding(zero, zero + 1, np.ones(1), zero, zero, zero)


def _looks(
    meter: Meter, columns: list[Counted], live: list[int], target: int | None, shares: Shares
) -> dict[int, Looked]:
    weight = {place: max(1.0, 0.15 * len(live)) if place == target else 1.0 for place in live}
    binned = [place for place in live if columns[place].binned]
    found = {}
    for place in live:
        column = columns[place]
        share = shares.one_ways * weight[place] / sum(weight.values())
        share += shares.leaves / len(binned) if place in binned else 0.0
        counts = np.append(column.counts, column.missing) if column.grid.nullable else column.counts
        noisy, deviation = meter.measure(f"one-way/{place}", counts, share)
        bins, missing = (noisy[:-1], float(noisy[-1])) if column.grid.nullable else (noisy, 0.0)
        found[place] = Looked(bins, missing, deviation)
    return found


def _codings(
    columns: list[Counted],
    looks: dict[int, Looked],
    target: int | None,
    shares: Shares,
    coarseness: float,
    meter: Meter,
) -> list[Coding]:
    live = len(looks)
    coarse = shares.coarse_bins(min(math.comb(live - (target is not None), 2), MOST_PAIRS), coarseness)
    fine = shares.fine_bins(live, 1, coarse, coarseness)
    found: dict[int, Coding] = {}
    if target is not None:
        bins = shares.target_bins(live)
        found[target] = _coding(columns[target], looks[target], bins, bins, True)
        fine = shares.fine_bins(live, found[target].fine_cells, coarse, coarseness)
        if live > 1:
            smallest = float(np.bincount(found[target].cell, weights=found[target].weight).min())
            fine = min(fine, max(4, int(smallest / (5 * meter.deviation(shares.target_pairs / (live - 1))))))
    for place, look in looks.items():
        if place not in found:
            found[place] = _coding(columns[place], look, max(fine, coarse), coarse, False)
    return [found.get(place, _constant()) for place in range(len(columns))]


def _coding(column: Counted, look: Looked, fine: int, coarse: int, keep_all: bool) -> Coding:
    """Levels joined into cells; bins are the leaves."""
    levels = int(column.level.max()) + 1
    mass = sums(column.level, look.bins, levels)
    deviation = look.deviation * math.sqrt(column.low.size / levels)
    nullable = column.grid.nullable
    if column.grid.ordered:
        wide = (max(fine, 16), max(coarse, 16)) if keep_all else (fine, coarse)
        gone = (look.missing, look.deviation**2) if nullable else None
        joined = ordered_coding(unit_leaves(np.maximum(mass, 0.0), deviation), gone, *wide)
    else:
        masses = np.append(mass, look.missing) if nullable else mass
        joined = category_coding(masses, deviation, fine, coarse, keep_all, nullable)
    low, high, cell, weight = column.low, column.high, joined.cell[column.level], look.bins
    weight = _steadied(weight, look.deviation**2, high - low, cell)
    if nullable:
        size = column.grid.size
        low, high = np.append(low, size), np.append(high, size + 1)
        cell, weight = np.append(cell, joined.cell[-1]), np.append(weight, joined.weight[-1])
    coding = Coding(low, high, weight, np.zeros(low.size, dtype=np.int64), cell, joined.coarse)
    return coding if column.allowed is None else restricted(coding, column.allowed)


def _steadied(mass: Floats, variance: float, width: Ints, cell: Ints) -> Floats:
    """Bins drawn towards their cell's mean density, the more the noisier they are (empirical Bayes)."""
    cells = int(cell.max()) + 1
    number = np.maximum(np.bincount(cell, minlength=cells), 1)
    prior = np.maximum(sums(cell, mass, cells) / np.maximum(sums(cell, width, cells), 1), 0.0)[cell] * width
    between = np.maximum(sums(cell, (mass - prior) ** 2 - variance, cells) / np.maximum(number - 1, 1), 0.0)[cell]
    found: Floats = np.maximum(prior + between / np.maximum(between + variance, 1e-300) * (mass - prior), 0.0)
    return found


def _one_ways(
    columns: list[Counted], looks: dict[int, Looked], codings: list[Coding], rows: float, deviation: float
) -> tuple[float, list[Floats], list[Floats]]:
    """Fine masses forced to one total, the best of all estimates of it, and their deviations."""
    masses, variances = [], []
    for place, coding in enumerate(codings):
        if place not in looks:
            masses.append(np.array([rows]))
            variances.append(np.full(1, np.inf))
            continue
        look, cells = looks[place], coding.fine_cells
        bins = np.append(look.bins, look.missing) if columns[place].grid.nullable else look.bins
        masses.append(sums(coding.cell, bins, cells))
        variances.append(np.bincount(coding.cell, minlength=cells) * look.deviation**2)
    precision = [1 / deviation**2, *(1 / float(variance.sum()) for variance in variances)]
    total = sum(p * value for p, value in zip(precision, [rows, *(float(mass.sum()) for mass in masses)], strict=True))
    total = max(1.0, total / sum(precision))
    fitted = []
    for mass, variance in zip(masses, variances, strict=True):
        weights = variance / variance.sum() if np.isfinite(variance).all() else np.ones(1)
        moved = np.maximum(mass + (total - mass.sum()) * weights, 0.0)
        fitted.append(moved * (total / moved.sum()) if moved.sum() > 0 else np.full(mass.size, total / mass.size))
    return total, fitted, [np.sqrt(np.where(np.isfinite(each), each, 1.0)) for each in variances]


def _candidates(
    counts: CellCounts, codings: list[Coding], live: list[int], target: int | None
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The pairs to measure: the target's with each other column, and those of the others."""
    fine = [place for place in live if codings[place].fine_cells > 1]
    coarse = [place for place in live if codings[place].coarse_cells > 1]
    labelled = []
    if target is not None and target in fine:
        labelled = [(target, place) for place in fine if place != target and counts.has(target, place)]
    others = [(i, j) for i in coarse for j in coarse if i < j and target not in (i, j) and counts.has(i, j)]
    return labelled, sorted(others, key=lambda pair: (pair[1] - pair[0], pair))[:MOST_PAIRS]


def _pairs(
    meter: Meter,
    counts: CellCounts,
    codings: list[Coding],
    one_ways: list[Floats],
    live: list[int],
    labelled: list[tuple[int, int]],
    others: list[tuple[int, int]],
    shares: Shares,
    left: float,
) -> list[PairTable]:
    """As for rows: the target's pairs on fine cells, the others on coarse ones, the best of these again on fine, with
    what the triples ``left`` as well.
    """
    fine = {place: _side(place, codings[place], one_ways[place], True) for place in live}
    coarse = {place: _side(place, codings[place], one_ways[place], False) for place in live}
    second = min(len(others), max(1, len(live) // 3)) if others else 0
    tables = []
    for i, j in labelled:
        exact = counts.pair(i, j, True, True)
        tables.append(measure_joint(meter, fine[i], fine[j], exact, shares.target_pairs / len(labelled), False))
    first = shares.other_pairs * (1 - SECOND_LOOK if second else 1.0)
    found = {}
    for i, j in others:
        found[i, j] = measure_joint(
            meter, coarse[i], coarse[j], counts.pair(i, j, False, False), first / len(others), False
        )
    for i, j in sorted(found, key=lambda pair: -found[pair].information)[:second]:
        share = (shares.other_pairs * SECOND_LOOK + left) / second
        again = measure_joint(meter, fine[i], fine[j], counts.pair(i, j, True, True), share, False)
        found[i, j] = refine(again, found[i, j], codings[i].coarse, codings[j].coarse)
    return [*tables, *found.values()]


def _side(place: int, coding: Coding, mass: Floats, fine: bool) -> Side:
    masses = mass if fine else sums(coding.coarse, mass, coding.coarse_cells)
    return Side(place, np.zeros(0, dtype=np.int64), masses, fine)
