"""What is paid for before training: bins of every column, and their counts within each class of the target.

Ordered columns of many values get leaves from a private tree, all others are counted as they are; then one table of
counts a column, its cells by the classes of the target (``MOST_CLASSES`` at most: rarer values share one). Networks
start from these shares, and their output is brought back to them afterwards, which is post-processing.
"""

from dataclasses import dataclass

import numpy as np

from generators.arrays import Floats, Ints, sums
from generators.domains.grid import Grid
from generators.dpsgd.population import Population
from generators.marginals.coding import Coding, category_coding, ordered_coding
from generators.marginals.leaves import grow, tree_plan, unit_leaves
from generators.private.meter import Meter

SMALL = 32
MOST_CLASSES = 8
BINS = 16
SIZE, CLASSES, TREES = 0.04, 0.06, 0.4
"""Shares of the budget for histograms: of the numbers of rows and units, the target's values, and all trees."""
LEAST_SHARE = 1e-5


@dataclass(frozen=True, slots=True)
class Histograms:
    """``codings`` of the free columns; the class of each target cell (``label``, all 0 without a target); shares of the
    ``classes``, and of each column's cells within them: (classes, cells). Noisy numbers of ``units`` and ``rows``.
    """

    codings: tuple[Coding, ...]
    target: int | None
    label: Ints
    classes: Floats
    shares: tuple[Floats, ...]
    units: float
    rows: float

    def cells(self, positions: Ints) -> Ints:
        """(rows, columns) cells of positions."""
        found = [coding.encode(column) for coding, column in zip(self.codings, positions.T, strict=True)]
        return np.stack(found, axis=1) if found else np.zeros((len(positions), 0), dtype=np.int64)

    def classes_of(self, cells: Ints) -> Ints:
        """The class of each row."""
        return np.zeros(len(cells), dtype=np.int64) if self.target is None else self.label[cells[:, self.target]]


def measured(meter: Meter, people: Population, target: str | None) -> Histograms:
    """Spends at most the whole meter. ``target`` names the column whose classes count, where it is a free one."""
    free = people.assembly.free
    units = max(1.0, float(meter.measure("units", np.array([people.units]), SIZE / 2)[0][0]))
    rows = max(1.0, float(meter.measure("rows", np.array([len(people.positions)]), SIZE / 2)[0][0]))
    columns = [_Column(meter, people, place, rows) for place in range(len(free))]
    aim = free.index(target) if target in free and columns[free.index(target)].cells > 1 else None
    label, classes, of_rows = np.zeros(1, dtype=np.int64), np.ones(1), np.zeros(len(people.positions), dtype=np.int64)
    found: dict[int, tuple[Coding, Floats]] = {}
    if aim is not None:
        coding = columns[aim].alone(CLASSES)
        label = coding.coarse if coding.fine_cells > MOST_CLASSES else np.arange(coding.fine_cells)
        mass = np.maximum(sums(coding.cell, coding.weight, coding.fine_cells), LEAST_SHARE * rows)
        table = np.where(np.arange(label.max() + 1)[:, None] == label, mass, 0.0)
        classes = table.sum(1) / table.sum()
        found[aim] = coding, _normalised(table)
        of_rows = label[coding.encode(people.positions[:, aim])]
    live = [column for column in columns if column.cells > 1 and column.place != aim]
    trees = sum(column.tree for column in live)
    each = (1 - SIZE - CLASSES - (TREES if trees else 0)) / max(1, len(live))
    for column in live:
        found[column.place] = column.by_class(of_rows, len(classes), each, TREES / max(1, trees))
    constant = _constant(), np.ones((len(classes), 1))
    both = [found.get(column.place, constant) for column in columns]
    return Histograms(tuple(c for c, _ in both), aim, label, classes, tuple(s for _, s in both), units, rows)


@dataclass(frozen=True, slots=True)
class _Column:
    """One free column and how it is counted."""

    meter: Meter
    people: Population
    place: int
    rows: float

    @property
    def positions(self) -> Ints:
        column: Ints = self.people.positions[:, self.place]
        return column

    @property
    def size(self) -> int:
        return self._grid.size

    @property
    def cells(self) -> int:
        return self._grid.size + int(self._grid.nullable)

    @property
    def tree(self) -> bool:
        return self._grid.ordered and self.size > SMALL

    def alone(self, share: float) -> Coding:
        """The target's coding: every value a cell where they are few."""
        if self.tree:
            return self._leaves(share, MOST_CLASSES - 1)
        noisy, sigma = self.meter.measure(
            f"target/{self.place}", np.bincount(self.positions, minlength=self.cells), share
        )
        if self._grid.ordered:
            return self._unit_coding(noisy, sigma, MOST_CLASSES - 1)
        return category_coding(noisy, sigma, BINS, 2, True, self._grid.nullable)

    def by_class(self, of_rows: Ints, classes: int, share: float, leaves: float) -> tuple[Coding, Floats]:
        """The coding and the shares of its cells within each class."""
        coding = self._leaves(leaves, BINS) if self.tree else None
        codes = self.positions if coding is None else coding.encode(self.positions)
        cells = self.cells if coding is None else coding.fine_cells
        counts = np.bincount(of_rows * cells + codes, minlength=classes * cells)
        noisy, sigma = self.meter.measure(f"class/{self.place}", counts, share)
        table = noisy.reshape(classes, cells)
        variance = np.full(cells, sigma**2)
        if coding is None:
            coding = self._coding(table.sum(0), sigma * classes**0.5)
            cell = coding.encode(np.arange(cells))
            table = np.stack([sums(cell, row, coding.fine_cells) for row in table])
            variance = sums(cell, variance, coding.fine_cells)
        return coding, _normalised(_shrunk(table, variance))

    @property
    def _grid(self) -> Grid:
        return self.people.assembly.grids[self.people.assembly.free[self.place]]

    def _leaves(self, share: float, bins: int) -> Coding:
        plan = tree_plan(self.size, self.rows, share, self.meter)
        leaves, missing, spread = grow(self.meter, f"leaves/{self.place}", self.positions, self.size, plan)
        return ordered_coding(leaves, (missing, spread) if self._grid.nullable else None, bins, bins)

    def _coding(self, mass: Floats, sigma: float) -> Coding:
        if self._grid.ordered:
            return self._unit_coding(mass, sigma, BINS)
        return category_coding(mass, sigma, BINS, BINS, False, self._grid.nullable)

    def _unit_coding(self, mass: Floats, sigma: float, bins: int) -> Coding:
        missing = (float(mass[self.size]), sigma**2) if self._grid.nullable else None
        leaves = unit_leaves(np.maximum(mass[: self.size], 0.0), sigma)
        return ordered_coding(leaves, missing, bins, bins)


def _shrunk(table: Floats, variance: Floats) -> Floats:
    """Counts drawn towards independence of the class, the more the less they differ from it."""
    total = np.maximum(table.sum(1, keepdims=True), 1.0)
    overall = np.maximum(table.sum(0), 0.0)
    prior = total * (overall / overall.sum() if overall.sum() > 0 else np.full(overall.size, 1 / overall.size))
    apart = table - prior
    shrunk: Floats = prior + apart * apart**2 / (apart**2 + variance)
    return shrunk


def _normalised(table: Floats) -> Floats:
    positive = np.maximum(table, 0.0)
    share = positive / np.maximum(positive.sum(1, keepdims=True), 1e-12)
    share = np.maximum(share, LEAST_SHARE)
    normalised: Floats = share / share.sum(1, keepdims=True)
    return normalised


def _constant() -> Coding:
    zero = np.zeros(1, dtype=np.int64)
    return Coding(zero, zero + 1, np.ones(1), zero, zero, zero)
