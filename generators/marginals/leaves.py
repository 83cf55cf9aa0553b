"""Leaves: a partition of one column's public grid into intervals with noisy masses, found by a private tree.

Cells of the top level are counted with noise; those that stand out are counted again in narrower cells, level by level.
What a level finds inside a cell is kept only where it counts: spikes (a round salary, a zero), and runs of cells that
weigh more than their noise; the cell's own, better known mass is divided among them. So a spike ends as a leaf of one
grid position, empty stretches stay wide, and noise alone changes nothing. The number of levels is a function of the
public range and of what was published before, so the cost is known in advance.
"""

import math
from dataclasses import dataclass

import numpy as np

from generators.arrays import Bools, Floats, Ints
from generators.private.meter import Meter

SIGNIFICANT = 4.0
LEVEL_WEIGHTS = (0.5, 1.0, 1.0, 0.3)
"""Of the levels of a tree, widest first (the last for all further ones): the top only has to find where mass is."""
LEAST_TOP, TOP_CELLS = 8, 64
"""Cells of the top level, or up to twice as many: as many as could weigh eight standard deviations each."""


@dataclass(frozen=True, slots=True)
class Leaves:
    """Intervals [low, high) in order, covering the grid; ``mass`` and ``variance`` in counts; ``tail`` -1 or 1 at an
    open end.
    """

    low: Ints
    high: Ints
    mass: Floats
    variance: Floats
    tail: Ints

    @property
    def width(self) -> Ints:
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class TreePlan:
    """The fan-out, and each level's cell width and share of the budget, widest first."""

    fan_out: int
    widths: tuple[int, ...]
    shares: tuple[float, ...]


def unit_leaves(mass: Floats, deviation: float) -> Leaves:
    """One leaf a grid position."""
    low = np.arange(mass.size, dtype=np.int64)
    return Leaves(low, low + 1, mass, np.full(mass.size, deviation**2), np.zeros(mass.size, dtype=np.int64))


def tree_plan(size: int, rows: float, share: float, meter: Meter) -> TreePlan:
    """The widest fan-out (4 to 64) whose children could still weigh eight standard deviations each."""
    for fan_out in (64, 32, 16, 8, 4):
        enough = int(rows / (8 * meter.deviation(share / 2)))
        widths = _widths(size, fan_out, max(LEAST_TOP, min(TOP_CELLS, enough)))
        weights = [LEVEL_WEIGHTS[min(level, len(LEVEL_WEIGHTS) - 1)] for level in range(len(widths))]
        shares = tuple(share * weight / sum(weights) for weight in weights)
        if fan_out == 4 or rows / (8 * meter.deviation(shares[0])) >= fan_out:
            break
    return TreePlan(fan_out, widths, shares)


def grow(meter: Meter, label: str, positions: Ints, size: int, plan: TreePlan) -> tuple[Leaves, float, float]:
    """Leaves of a column, its noisy count of missing cells and that count's variance; ``positions`` of ``size`` are
    missing.
    """
    width = plan.widths[0]
    cells = math.ceil(size / width)
    missing = positions >= size
    present = positions[~missing]
    counts = np.append(np.bincount(present // width, minlength=cells), missing.sum())
    noisy, sigma = meter.measure(f"{label}/0", counts, plan.shares[0])
    level = Leaves(
        np.arange(cells) * width,
        np.minimum(np.arange(1, cells + 1) * width, size),
        noisy[:-1],
        np.full(cells, sigma**2),
        np.zeros(cells, dtype=np.int64),
    )
    leaves = level
    for depth, (narrow, share) in enumerate(zip(plan.widths[1:], plan.shares[1:], strict=True), start=1):
        single = (leaves.width > narrow) & (leaves.width <= plan.widths[depth - 1])
        splitting = single & (leaves.mass > _clear(leaves.low.size) * np.sqrt(leaves.variance))
        leaves = _split(meter, f"{label}/{depth}", present, leaves, splitting, narrow, share)
    return pool(leaves), float(noisy[-1]), sigma**2


def pool(leaves: Leaves) -> Leaves:
    """Insignificant neighbours in one leaf until their sum counts; the stretch at either end that never counts is a
    falling tail. A smooth column has no significant leaf of its own, and still keeps its shape.
    """
    groups = _runs(leaves.mass, leaves.variance)
    if not groups:
        return _joined(leaves, [(0, leaves.mass.size, 0)])
    first, last = groups[0][1], groups[-1][1]
    begin = _shortest(leaves, first)
    ends = [(0, begin, -1)] if begin else []
    rest = [(last, leaves.mass.size, 1)] if last < leaves.mass.size else []
    return _joined(leaves, [*ends, (begin, first, 0), *((a, b, 0) for a, b in groups[1:]), *rest])


def _clear(cells: int) -> float:
    """How many standard deviations the largest of as many noises hardly reaches: sqrt(2 log n), and 2.5 at least."""
    return max(2.5, math.sqrt(2 * math.log(max(cells, 2))))


def _runs(masses: Floats, variances: Floats) -> list[tuple[int, int]]:
    """From the left, the shortest runs whose sums count; a cell that counts by itself also ends the run before it."""
    mass, variance = np.append(0.0, masses.cumsum()).tolist(), np.append(0.0, variances.cumsum()).tolist()
    alone = (masses > SIGNIFICANT * np.sqrt(variances)).tolist()
    groups: list[tuple[int, int]] = []
    start = 0
    for here in range(masses.size):
        if alone[here] and here > start and groups:
            groups.append((start, here))
            start = here
        if alone[here] or mass[here + 1] - mass[start] > SIGNIFICANT * math.sqrt(variance[here + 1] - variance[start]):
            groups.append((start, here + 1))
            start = here + 1
    return groups


def _shortest(leaves: Leaves, end: int) -> int:
    """Where the shortest run that ends before ``end`` and counts begins: what lies before it is tail."""
    mass = leaves.mass[:end][::-1].cumsum()
    deviation = np.sqrt(leaves.variance[:end][::-1].cumsum())
    counts = np.flatnonzero(mass > SIGNIFICANT * deviation)
    return end - 1 - int(counts[0]) if counts.size else 0


def _widths(size: int, fan_out: int, top: int) -> tuple[int, ...]:
    """Steps of the fan-out below a level of ``top`` to twice as many cells."""
    widths = [1]
    while math.ceil(size / widths[0]) > 2 * top:
        wanted = math.ceil(math.log2(size / widths[0] / top))
        widths.insert(0, widths[0] * min(fan_out, 2**wanted))
    return tuple(widths)


def _split(
    meter: Meter, label: str, present: Ints, leaves: Leaves, splitting: Bools, width: int, share: float
) -> Leaves:
    """The leaves, with the ``splitting`` ones replaced by what their children of ``width`` show."""
    parents = _take(leaves, splitting)
    lows = [np.arange(low, high, width) for low, high in zip(parents.low, parents.high, strict=True)]
    low = np.concatenate(lows) if lows else np.zeros(0, dtype=np.int64)
    parent = np.repeat(np.arange(len(lows)), [len(part) for part in lows])
    high = np.minimum(low + width, parents.high[parent]) if low.size else low
    cell = np.searchsorted(low, present, side="right") - 1
    inside = (cell >= 0) & (present < high[cell]) if low.size else np.zeros(present.size, dtype=bool)
    counts = np.bincount(cell[inside], minlength=max(low.size, 1))
    noisy, sigma = meter.measure(label, counts, share)
    ends = np.cumsum([len(part) for part in lows])
    found = [_take(leaves, ~splitting)]
    for place, end in enumerate(ends):
        part = slice(end - len(lows[place]), end)
        found.append(
            _inside(_take(parents, np.arange(len(lows)) == place), low[part], high[part], noisy[part], sigma, low.size)
        )
    return _sorted(found)


def _inside(parent: Leaves, low: Ints, high: Ints, noisy: Floats, sigma: float, cells: int) -> Leaves:
    """One cell's spikes and runs, its mass divided among them by what is unsure of each; itself, if it has none."""
    usual = max(float(np.median(noisy)), 0.0)
    spike = noisy > min(usual, float(parent.mass[0]) / noisy.size) + _clear(cells) * sigma
    groups: list[tuple[int, int]] = []
    start = 0
    for here in [*np.flatnonzero(spike).tolist(), noisy.size]:
        groups += _stretch(noisy, sigma, start, here)
        groups += [(here, here + 1)] if here < noisy.size else []
        start = here + 1
    if len(groups) < 2:
        return parent
    first, last = np.array([a for a, _ in groups]), np.array([b for _, b in groups])
    mass = np.array([float(noisy[a:b].sum()) for a, b in groups])
    variance = (last - first) * sigma**2
    whole, spread = float(parent.mass[0]), float(variance.sum())
    mass = _faded(mass + (whole - float(mass.sum())) * variance / (spread + float(parent.variance[0])), variance)
    known = variance - variance**2 / (spread + float(parent.variance[0]))
    mass = mass * (whole / mass.sum()) if mass.sum() > 0 else mass
    return Leaves(low[first], high[last - 1], mass, known, np.zeros(mass.size, dtype=np.int64))


def _faded(mass: Floats, variance: Floats) -> Floats:
    """Masses that do not count drawn towards nothing; none below it."""
    positive = np.maximum(mass, 0.0)
    faint = positive**2 < SIGNIFICANT**2 * variance
    return np.where(faint, positive**3 / np.maximum(positive**2 + variance, 1e-300), positive)


def _stretch(noisy: Floats, sigma: float, start: int, end: int) -> list[tuple[int, int]]:
    """Runs of cells without a spike; what is left over goes with the last run, or is one by itself."""
    if end <= start:
        return []
    runs = _runs(noisy[start:end], np.full(end - start, sigma**2))
    if len(runs) < 2:
        return [(start, end)]
    return [*((start + a, start + b) for a, b in runs[:-1]), (start + runs[-1][0], end)]


def _joined(leaves: Leaves, groups: list[tuple[int, int, int]]) -> Leaves:
    mass = np.array([leaves.mass[a:b].sum() for a, b, _ in groups])
    variance = np.array([leaves.variance[a:b].sum() for a, b, _ in groups])
    tail = np.array([tail for *_, tail in groups], dtype=np.int64)
    return Leaves(
        np.array([leaves.low[a] for a, _, _ in groups]),
        np.array([leaves.high[b - 1] for _, b, _ in groups]),
        _faded(mass, variance),
        variance,
        tail,
    )


def _take(leaves: Leaves, chosen: Bools) -> Leaves:
    return Leaves(
        leaves.low[chosen], leaves.high[chosen], leaves.mass[chosen], leaves.variance[chosen], leaves.tail[chosen]
    )


def _sorted(parts: list[Leaves]) -> Leaves:
    low = np.concatenate([part.low for part in parts])
    order = np.argsort(low)
    return Leaves(
        low[order],
        *(
            np.concatenate([getattr(part, name) for part in parts])[order]
            for name in ("high", "mass", "variance", "tail")
        ),
    )
