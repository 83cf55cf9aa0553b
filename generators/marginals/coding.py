"""Codings: each column's leaves grouped into fine cells, and those into coarse cells; how rows become codes and back.

Position ``size`` (one past the grid) is a missing value, where the column may have any, and is a leaf like the others.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from generators.arrays import Bools, Floats, Ints, sums
from generators.marginals.choosing import choose_within
from generators.marginals.heaping import Heaps
from generators.marginals.leaves import Leaves

CLEAR = 2.5
MOST_CATEGORIES = 64
FEW_CATEGORIES = 16


@dataclass(frozen=True, slots=True)
class Coding:
    """Leaves in order of position with their fine cell; the coarse cell of each fine cell; fine masses as published.

    With ``heaps``, how round the numbers inside wide leaves are.
    """

    low: Ints
    high: Ints
    weight: Floats
    tail: Ints
    cell: Ints
    coarse: Ints
    heaps: Heaps | None = field(default=None, kw_only=True)

    @property
    def fine_cells(self) -> int:
        return int(self.coarse.size)

    @property
    def coarse_cells(self) -> int:
        return int(self.coarse.max()) + 1

    def encode(self, positions: Ints) -> Ints:
        """The fine cell of each position."""
        return self.cell[np.searchsorted(self.low, positions, side="right") - 1]

    def decode(self, cells: Ints, rng: np.random.Generator) -> Ints:
        """A position for each fine cell: a leaf by its weight, then uniform in it, or falling along a tail."""
        order = np.argsort(self.cell, kind="stable")
        members = np.bincount(self.cell, minlength=self.fine_cells)
        leaf = order[(np.cumsum(members) - members)[cells]]
        several = np.flatnonzero((members > 1)[cells])
        leaf[several] = order[choose_within(self.cell[order], self.weight[order], cells[several], rng)]
        widths = self.high - self.low
        found: Ints = self.low[leaf]
        wide = np.flatnonzero((widths > 1)[leaf])
        found[wide] += self._offsets(leaf[wide], widths[leaf[wide]], rng)
        if self.heaps is not None and wide.size:
            found[wide] = self.heaps.moved(found[wide], self.low[leaf[wide]], self.high[leaf[wide]], rng)
        return found

    def _offsets(self, leaf: Ints, width: Ints, rng: np.random.Generator) -> Ints:
        """Where in its leaf each row lies."""
        uniform = rng.random(leaf.size)
        offset = np.floor(uniform * width)
        tail = self.tail[leaf]
        if tail.any():
            scale = self._tail_scale(leaf)
            falling = np.floor(scale * (np.exp(uniform * np.log1p(width / scale)) - 1))
            offset = np.where(tail > 0, falling, np.where(tail < 0, width - 1 - falling, offset))
        return np.clip(offset, 0, width - 1).astype(np.int64)

    def weight_at(self, positions: Ints) -> Floats:
        """The mass of single grid positions."""
        leaf = np.searchsorted(self.low, positions, side="right") - 1
        density: Floats = self.weight[leaf] / (self.high - self.low)[leaf]
        return density

    def _tail_scale(self, leaf: Ints) -> Floats:
        """Where a tail's density has halved: the width of the leaf before it."""
        neighbour = np.clip(leaf - self.tail[leaf], 0, self.low.size - 1)
        return np.asarray(np.maximum((self.high - self.low)[neighbour], 1), dtype=np.float64)


def ordered_coding(leaves: Leaves, missing: tuple[float, float] | None, fine: int, coarse: int) -> Coding:
    """Cells of about equal mass along the line; a single grid position heavier than that stands alone.

    ``missing`` is the noisy count of missing cells and its variance; where it is not clearly positive it gets no cell.
    """
    leaves = _subdivided(leaves, max(leaves.mass.sum(), 1e-9) / fine)
    cell = _equal_mass(leaves.mass, leaves.width == 1, fine)
    weight = _shrunk(leaves.mass, leaves.variance, leaves.width, cell)
    cell_mass = sums(cell, leaves.mass, int(cell.max()) + 1)
    merged = _equal_mass(cell_mass, np.bincount(cell) == 1, coarse)
    low, high, tail = leaves.low, leaves.high, leaves.tail
    if missing is not None:
        clear = missing[0] > CLEAR * missing[1] ** 0.5
        low, high = np.append(low, leaves.high[-1]), np.append(high, leaves.high[-1] + 1)
        tail, weight = np.append(tail, 0), np.append(weight, missing[0] if clear else 0.0)
        cell = np.append(cell, merged.size if clear else 0)
        merged = np.append(merged, merged.max() + 1) if clear else merged
    return Coding(low, high, weight, tail, cell, merged)


def category_coding(
    mass: Floats, deviation: float, fine: int, coarse: int, keep_all: bool, missing: bool, apart: bool = False
) -> Coding:
    """Categories that carry weight keep a cell; the rest share one, split again by shrunk counts.

    With ``missing`` the last entry is the missing value, which gets no weight unless it is clearly there. Where
    there are few, ``keep_all`` gives each a fine cell whatever it weighs, and ``apart`` a coarse one too.
    """
    few = mass.size <= FEW_CATEGORIES
    total = max(float(np.maximum(mass, 0).sum()), 1.0)
    cell = (
        np.arange(mass.size)
        if (keep_all or apart) and few
        else _heavy(mass, total / (4 * fine), CLEAR * deviation, MOST_CATEGORIES)
    )
    weight = _shrunk(np.asarray(mass), np.full(mass.size, deviation**2), np.ones(mass.size, dtype=np.int64), cell)
    if missing and mass[-1] <= CLEAR * deviation:
        weight[-1] = 0.0
    cell_mass = sums(cell, mass, int(cell.max()) + 1)
    merged = cell if apart and few else _heavy(cell_mass, total / (4 * coarse), CLEAR * deviation, MOST_CATEGORIES)
    low = np.arange(mass.size, dtype=np.int64)
    return Coding(low, low + 1, weight, np.zeros(mass.size, dtype=np.int64), cell, merged)


def restricted(coding: Coding, allowed: Bools) -> Coding:
    """The coding without the weight of unit leaves at positions that cannot occur."""
    unit = (coding.high - coding.low == 1) & (coding.low < allowed.size)
    impossible = unit & ~allowed[np.minimum(coding.low, allowed.size - 1)]
    return replace(coding, weight=np.where(impossible, 0.0, coding.weight))


def _heavy(mass: Floats, least: float, clear: float, most: int) -> Ints:
    """A cell for each heavy entry, in their order; all others share the last one."""
    heavy = (mass > least) & (mass > clear)
    if heavy.sum() > most:
        heavy &= mass >= np.sort(mass[heavy])[-most]
    cell = np.full(mass.size, int(heavy.sum()), dtype=np.int64)
    cell[heavy] = np.arange(int(heavy.sum()))
    return cell


def _equal_mass(mass: Floats, single: Bools, bins: int) -> Ints:
    """Consecutive entries in about ``bins`` cells; a ``single`` entry heavier than an equal share of what is left
    stands alone.
    """
    mass = np.maximum(mass, 0.0)
    alone = np.zeros(mass.size, dtype=bool)
    left, remaining = float(mass.sum()), bins
    for entry in np.argsort(-np.where(single, mass, -1.0)):
        if remaining <= 1 or not single[entry] or mass[entry] <= left / remaining:
            break
        alone[entry], left, remaining = True, left - float(mass[entry]), remaining - 1
    target = max(left / max(remaining, 1), 1e-12)
    rest = np.where(alone, 0.0, mass)
    group = np.minimum(np.floor((np.cumsum(rest) - rest / 2) / target), max(remaining, 1) - 1).astype(np.int64)
    key = np.where(alone, bins + 1 + np.arange(mass.size), group)
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    rank = np.empty(first.size, dtype=np.int64)
    rank[np.argsort(first)] = np.arange(first.size)
    return rank[inverse]


def _subdivided(leaves: Leaves, target: float) -> Leaves:
    """Wide leaves heavier than a cell, cut into equal parts."""
    parts = np.clip(np.ceil(leaves.mass / max(target, 1e-9) - 1e-9), 1, leaves.width).astype(np.int64)
    parts = np.where(leaves.tail != 0, 1, np.minimum(parts, 64))
    source = np.repeat(np.arange(parts.size), parts)
    part = np.arange(source.size) - np.repeat(np.cumsum(parts) - parts, parts)
    low = leaves.low[source] + leaves.width[source] * part // parts[source]
    high = leaves.low[source] + leaves.width[source] * (part + 1) // parts[source]
    share = (high - low) / leaves.width[source]
    return Leaves(low, high, leaves.mass[source] * share, leaves.variance[source] * share, leaves.tail[source])


def _shrunk(mass: Floats, variance: Floats, width: Ints, cell: Ints) -> Floats:
    """Masses drawn towards their cell's mean density, the more the noisier they are (empirical Bayes)."""
    count = int(cell.max()) + 1
    size = np.bincount(cell, minlength=count)
    density = sums(cell, mass, count) / np.maximum(sums(cell, width, count), 1)
    prior = np.maximum(density[cell] * width, 0.0)
    between = sums(cell, (mass - prior) ** 2 - variance, count) / np.maximum(size - 1, 1)
    trust = np.maximum(between, 0.0)[cell] / np.maximum(np.maximum(between, 0.0)[cell] + variance, 1e-300)
    return np.maximum(prior + trust * (mass - prior), 0.0)
