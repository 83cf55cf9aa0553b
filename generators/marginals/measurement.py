"""Everything that is asked of the data, in order: total, one-ways, leaves, pairs with the target, pairs, a second look
at the best.

What comes back is post-processed noise only; later questions depend on earlier answers, never on the data.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from generators.arrays import Bools, Floats, Ints, sums
from generators.marginals.coding import FEW_CATEGORIES, Coding, category_coding, ordered_coding, restricted
from generators.marginals.heaping import Lattice, count_kinds, heaps_of
from generators.marginals.leaves import Leaves, grow, tree_plan, unit_leaves
from generators.marginals.shares import TOTAL, Shares, shares_of
from generators.marginals.tables import PairTable, Side, measure_pair, refine
from generators.marginals.triples import Triple, TripleTable, measure_triples, share_of_triples
from generators.private.meter import Meter

SMALL = 32
"""Ordered grids up to this size are counted value by value."""
MOST_PAIRS = 4_000
SECOND_LOOK = 0.2
FEW = 8
"""Up to so many columns, few categories each keep a cell in all tables, however rare."""
HEAPING = 0.1
"""Of a long column's leaves' share, for how round its values are."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One column to be measured: its positions (missing is ``size``), and which positions a contract allows (all, if
    none).

    ``lattice`` is given where its values may be round numbers.
    """

    positions: Ints
    size: int
    ordered: bool
    nullable: bool
    allowed: Bools | None
    lattice: Lattice | None = None

    @property
    def cells(self) -> int:
        return self.size + int(self.nullable)

    @property
    def needs_tree(self) -> bool:
        return self.ordered and self.size > SMALL


@dataclass(frozen=True, slots=True)
class Measured:
    """Each column's coding, fine one-way masses and their deviations; the joint tables; the noisy number of rows."""

    codings: list[Coding]
    one_ways: list[Floats]
    deviations: list[Floats]
    tables: list[PairTable]
    rows: float
    triples: tuple[TripleTable, ...] = ()


@dataclass(frozen=True, slots=True)
class _Raw:
    """A column's first answer: unit masses, or leaves of a tree with the missing cell apart."""

    leaves: Leaves
    missing: tuple[float, float] | None
    deviation: float
    kinds: tuple[Floats, float] | None = None
    """of a lattice: noisy counts by magnitude and kind, and their deviation"""


def measure(
    meter: Meter,
    variables: list[Variable],
    target: int | None,
    coarseness: float,
    progress: Callable[[float, str], None],
    declared: tuple[Triple, ...] = (),
) -> Measured:
    """Spend the whole grant on the table. ``target`` is a column's index or none; ``declared`` are public triples."""
    rows = max(1.0, float(meter.measure("total", np.array([_length(variables)]), TOTAL)[0][0]))
    live = [index for index, variable in enumerate(variables) if variable.cells > 1]
    trees = sum(variables[index].needs_tree for index in live)
    if not live:
        return Measured(
            [_constant() for _ in variables],
            [np.array([rows]) for _ in variables],
            [np.ones(1) for _ in variables],
            [],
            rows,
        )
    target = target if target in live else None
    shares = shares_of(len(live), trees, rows, meter.mu, target is not None)
    shares = shares.setting_aside(share_of_triples(len(declared), target, len(live), shares.mass))
    progress(0.05, "counting values")
    raws = _first_looks(meter, variables, live, target, trees, shares, rows)
    codings = _codings(variables, raws, target, shares, coarseness, meter)
    estimates = _one_ways(meter, variables, raws, codings, live, target, shares)
    deviations = [np.sqrt(np.where(np.isfinite(variance), variance, 1.0)) for _, variance in estimates]
    rows, one_ways = _reconciled(rows, meter.deviation(TOTAL), estimates)
    progress(0.2, "counting pairs")
    tables, triples = _pairs(meter, variables, codings, one_ways, live, target, shares, declared)
    return Measured(codings, one_ways, deviations, tables, rows, tuple(triples))


def _length(variables: list[Variable]) -> int:
    return int(variables[0].positions.size)


def _constant() -> Coding:
    zero = np.zeros(1, dtype=np.int64)
    return Coding(zero, zero + 1, np.ones(1), zero, zero, zero)


def _weight(index: int, target: int | None, live: int) -> float:
    return max(1.0, 0.15 * live) if index == target else 1.0


def _one_way_share(index: int, target: int | None, live: list[int], shares: Shares) -> float:
    return (
        shares.one_ways * _weight(index, target, len(live)) / sum(_weight(other, target, len(live)) for other in live)
    )


def _first_looks(
    meter: Meter,
    variables: list[Variable],
    live: list[int],
    target: int | None,
    trees: int,
    shares: Shares,
    rows: float,
) -> dict[int, _Raw]:
    raws = {}
    for index in live:
        variable = variables[index]
        if variable.needs_tree:
            raws[index] = _looked_at(meter, index, variable, shares.leaves / trees, rows)
        else:
            counts = np.bincount(variable.positions, minlength=variable.cells)
            noisy, sigma = meter.measure(f"one-way/{index}", counts, _one_way_share(index, target, live, shares))
            raws[index] = _Raw(unit_leaves(noisy, sigma), None, sigma)
    return raws


def _looked_at(meter: Meter, index: int, variable: Variable, share: float, rows: float) -> _Raw:
    """A tree's leaves, and how round the values are where they may be."""
    kinds, lattice = None, variable.lattice
    if lattice is not None:
        kinds = count_kinds(meter, f"heaps/{index}", variable.positions, lattice, share * HEAPING)
        share *= 1 - HEAPING
    plan = tree_plan(variable.size, rows, share, meter)
    leaves, missing, spread = grow(meter, f"leaves/{index}", variable.positions, variable.size, plan)
    return _Raw(leaves, (missing, spread) if variable.nullable else None, math.sqrt(spread), kinds)


def _codings(
    variables: list[Variable],
    raws: dict[int, _Raw],
    target: int | None,
    shares: Shares,
    coarseness: float,
    meter: Meter,
) -> list[Coding]:
    live = len(raws)
    others = math.comb(live - (target is not None), 2)
    coarse = shares.coarse_bins(min(others, MOST_PAIRS), coarseness)
    found: dict[int, Coding] = {}
    fine = shares.fine_bins(live, 1, coarse, coarseness)
    if target is not None:
        bins = shares.target_bins(live)
        found[target] = _coding(variables[target], raws[target], bins, bins, True)
        fine = shares.fine_bins(live, found[target].fine_cells, coarse, coarseness)
        fine = _enough_for_the_smallest(fine, found[target], shares, live, meter)
    for index, raw in raws.items():
        if index not in found:
            found[index] = _coding(variables[index], raw, max(fine, coarse), coarse, False, live <= FEW)
    return [found.get(index, _constant()) for index in range(len(variables))]


def _enough_for_the_smallest(fine: int, target: Coding, shares: Shares, live: int, meter: Meter) -> int:
    """Fewer bins where the rarest class would drown: five deviations a cell of its table."""
    if live < 2:
        return fine
    smallest = float(np.bincount(target.cell, weights=target.weight).min())
    return min(fine, max(4, int(smallest / (5 * meter.deviation(shares.target_pairs / (live - 1))))))


def _coding(variable: Variable, raw: _Raw, fine: int, coarse: int, keep_all: bool, apart: bool = False) -> Coding:
    if not variable.ordered:
        coding = category_coding(raw.leaves.mass, raw.deviation, fine, coarse, keep_all, variable.nullable, apart)
    elif variable.needs_tree:
        coding = ordered_coding(raw.leaves, raw.missing, fine, coarse)
        if variable.lattice is not None and raw.kinds is not None:
            heaps = heaps_of(variable.lattice, *raw.kinds, coding.low, coding.high, coding.weight)
            coding = replace(coding, heaps=heaps)
    else:
        mass, end = raw.leaves.mass, variable.size
        missing = (float(mass[end]), raw.deviation**2) if variable.nullable else None
        fine, coarse = (max(fine, 16), max(coarse, 16)) if keep_all else (fine, coarse)
        coding = ordered_coding(unit_leaves(np.maximum(mass[:end], 0.0), raw.deviation), missing, fine, coarse)
    return coding if variable.allowed is None else restricted(coding, variable.allowed)


def _one_ways(
    meter: Meter,
    variables: list[Variable],
    raws: dict[int, _Raw],
    codings: list[Coding],
    live: list[int],
    target: int | None,
    shares: Shares,
) -> list[tuple[Floats, Floats]]:
    """Fine masses and variances: of trees, leaf sums and a second count of the bins, combined by their variances."""
    found = []
    for index, coding in enumerate(codings):
        if index not in raws:
            found.append((np.ones(1), np.full(1, np.inf)))
            continue
        variance = _cell_variance(coding, raws[index])
        mass = sums(coding.cell, coding.weight, coding.fine_cells)
        if variables[index].needs_tree:
            counts = np.bincount(coding.encode(variables[index].positions), minlength=coding.fine_cells)
            share = _one_way_share(index, target, live, shares)
            noisy, sigma = meter.measure(f"one-way/{index}", counts, share)
            mass = (mass * sigma**2 + noisy * variance) / (sigma**2 + variance)
            variance = variance * sigma**2 / (variance + sigma**2)
        found.append((mass, variance))
    return found


def _cell_variance(coding: Coding, raw: _Raw) -> Floats:
    """The variance of each cell's leaf sum; cut leaves share their parent's."""
    leaf = np.clip(np.searchsorted(raw.leaves.low, coding.low, side="right") - 1, 0, raw.leaves.low.size - 1)
    share = (coding.high - coding.low) / raw.leaves.width[leaf]
    variance = sums(coding.cell, raw.leaves.variance[leaf] * np.minimum(share, 1.0), coding.fine_cells)
    return np.maximum(variance, raw.deviation**2 * 1e-3)


def _reconciled(rows: float, deviation: float, one_ways: list[tuple[Floats, Floats]]) -> tuple[float, list[Floats]]:
    """All one-ways forced to one total, the average of all estimates of it by their variances."""
    precisions = [1 / deviation**2, *(1 / float(variance.sum()) for _, variance in one_ways)]
    totals = [rows, *(float(mass.sum()) for mass, _ in one_ways)]
    total = max(1.0, sum(p * t for p, t in zip(precisions, totals, strict=True)) / sum(precisions))
    fitted = []
    for mass, variance in one_ways:
        weights = variance / variance.sum() if np.isfinite(variance).all() else np.full(mass.size, 1 / mass.size)
        moved = np.maximum(mass + (total - mass.sum()) * weights, 0.0)
        fitted.append(moved * (total / moved.sum()) if moved.sum() > 0 else np.full(mass.size, total / mass.size))
    return total, fitted


def _sides(
    variables: list[Variable], codings: list[Coding], one_ways: list[Floats], live: list[int], fine: bool
) -> dict[int, Side]:
    sides = {}
    for index in live:
        coding, codes, masses = codings[index], codings[index].encode(variables[index].positions), one_ways[index]
        if not fine:
            codes, masses = (
                coding.coarse[codes],
                sums(coding.coarse, masses, coding.coarse_cells),
            )
        apart = len(live) <= FEW and not variables[index].ordered and variables[index].cells <= FEW_CATEGORIES
        sides[index] = Side(index, codes, masses, fine, apart)
    return {index: side for index, side in sides.items() if side.cells > 1}


def coarsened(table: PairTable, codings: list[Coding]) -> PairTable:
    """The table on coarse cells of both columns."""
    masses = table.masses
    for axis, (column, fine) in enumerate(((table.left, table.left_fine), (table.right, table.right_fine))):
        if fine:
            blocks = np.eye(codings[column].coarse_cells)[codings[column].coarse]
            masses = np.moveaxis(np.tensordot(blocks, masses, axes=(0, axis)), 0, axis)
    return PairTable(table.left, table.right, False, False, masses, table.deviation, table.information)


def _pairs(
    meter: Meter,
    variables: list[Variable],
    codings: list[Coding],
    one_ways: list[Floats],
    live: list[int],
    target: int | None,
    shares: Shares,
    declared: tuple[Triple, ...],
) -> tuple[list[PairTable], list[TripleTable]]:
    fine = _sides(variables, codings, one_ways, live, True)
    coarse = _sides(variables, codings, one_ways, live, False)
    with_target = [index for index in fine if index != target] if target in fine else []
    others = sorted(
        ((i, j) for i in coarse for j in coarse if i < j and target not in (i, j)),
        key=lambda pair: (pair[1] - pair[0], pair),
    )[:MOST_PAIRS]
    second = min(len(others), max(1, len(live) // 3)) if others else 0
    first_share = shares.other_pairs * (1 - SECOND_LOOK if second else 1.0)
    tables = [
        measure_pair(meter, fine[target], fine[index], shares.target_pairs / len(with_target))
        for index in with_target
        if target is not None
    ]
    found = {pair: measure_pair(meter, coarse[pair[0]], coarse[pair[1]], first_share / len(others)) for pair in others}
    joint = [coarsened(table, codings) for table in [*tables, *found.values()]]
    before = meter.left
    triples = measure_triples(meter, coarse, joint, declared, target, shares.mass)
    again_share = shares.other_pairs * SECOND_LOOK + shares.triples - (before - meter.left)
    for left, right in sorted(found, key=lambda pair: -found[pair].information)[:second]:
        again = measure_pair(meter, fine[left], fine[right], again_share * (1 - 1e-6) / second)
        found[left, right] = refine(again, found[left, right], codings[left].coarse, codings[right].coarse)
    return [*tables, *found.values()], triples
