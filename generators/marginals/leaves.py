"""Leaves: a partition of one column's public grid into intervals with noisy masses, found by a private tree.

Cells of the top level are counted with noise; those above four standard deviations are split, level by level, so a
spike (a round salary, a zero) ends as a leaf of one grid position, and empty stretches stay wide. The number of levels
is a function of the public range and of what was published before, so the cost is known in advance.
"""

import math
from dataclasses import dataclass

import numpy as np

from generators.arrays import Floats, Ints, sums
from generators.private.meter import Meter

SIGNIFICANT = 4.0
LATER_LEVELS = 0.3
"""Weight of the third level and beyond: they only find spikes."""


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
        enough = rows / (8 * meter.deviation(share / 2))
        widths = _widths(size, fan_out, top=max(16.0, min(256.0, 4 * enough)))
        weights = [1.0 if level < 2 else LATER_LEVELS for level in range(len(widths))]
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
    kept: list[Leaves] = []
    for depth, (narrow, share) in enumerate(zip(plan.widths[1:], plan.shares[1:], strict=True), start=1):
        split = level.mass > SIGNIFICANT * np.sqrt(level.variance)
        kept.append(_take(level, ~split))
        level = _split(meter, f"{label}/{depth}", present, _take(level, split), narrow, share)
    leaves = _sorted([*kept, level])
    return pool(leaves), float(noisy[-1]), sigma**2


def pool(leaves: Leaves) -> Leaves:
    """Insignificant neighbours in one leaf until their sum counts; the stretch at either end that never counts is a
    falling tail. A smooth column has no significant leaf of its own, and still keeps its shape.
    """
    groups = _runs(leaves)
    if not groups:
        return _joined(leaves, [(0, leaves.mass.size, 0)])
    first, last = groups[0][1], groups[-1][1]
    begin = _shortest(leaves, first)
    ends = [(0, begin, -1)] if begin else []
    rest = [(last, leaves.mass.size, 1)] if last < leaves.mass.size else []
    return _joined(leaves, [*ends, (begin, first, 0), *((a, b, 0) for a, b in groups[1:]), *rest])


def _runs(leaves: Leaves) -> list[tuple[int, int]]:
    """From the left, the shortest runs whose sums count; a leaf that counts by itself also ends the run before it."""
    mass, variance = np.append(0.0, leaves.mass.cumsum()), np.append(0.0, leaves.variance.cumsum())
    alone = leaves.mass > SIGNIFICANT * np.sqrt(leaves.variance)
    groups: list[tuple[int, int]] = []
    start = 0
    for here in range(leaves.mass.size):
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


def _widths(size: int, fan_out: int, top: float) -> tuple[int, ...]:
    width = 1
    while math.ceil(size / (width * fan_out)) > top:
        width *= fan_out
    widths = [width]
    while widths[-1] > 1:
        widths.append(widths[-1] // fan_out)
    return tuple(widths)


def _split(meter: Meter, label: str, present: Ints, parents: Leaves, width: int, share: float) -> Leaves:
    """The children of ``parents``, corrected so that they add up to the better of two estimates of each parent."""
    lows = [np.arange(low, high, width) for low, high in zip(parents.low, parents.high, strict=True)]
    low = np.concatenate(lows) if lows else np.zeros(0, dtype=np.int64)
    parent = np.repeat(np.arange(len(lows)), [len(part) for part in lows])
    high = np.minimum(low + width, parents.high[parent]) if low.size else low
    cell = np.searchsorted(low, present, side="right") - 1
    inside = (cell >= 0) & (present < high[cell]) if low.size else np.zeros(present.size, dtype=bool)
    counts = np.bincount(cell[inside], minlength=max(low.size, 1))
    noisy, sigma = meter.measure(label, counts, share)
    noisy = noisy[: low.size]
    children = np.bincount(parent, minlength=len(lows))
    gap = parents.mass - sums(parent, noisy, len(lows))
    step = gap * sigma**2 / (children * sigma**2 + parents.variance)
    return Leaves(low, high, noisy + step[parent], np.full(low.size, sigma**2), np.zeros(low.size, dtype=np.int64))


def _joined(leaves: Leaves, groups: list[tuple[int, int, int]]) -> Leaves:
    mass = np.array([leaves.mass[a:b].sum() for a, b, _ in groups])
    variance = np.array([leaves.variance[a:b].sum() for a, b, _ in groups])
    tail = np.array([tail for *_, tail in groups], dtype=np.int64)
    positive = np.maximum(mass, 0.0)
    shrunk = np.where(tail != 0, positive**3 / np.maximum(positive**2 + variance, 1e-300), positive)
    return Leaves(
        np.array([leaves.low[a] for a, _, _ in groups]),
        np.array([leaves.high[b - 1] for _, b, _ in groups]),
        shrunk,
        variance,
        tail,
    )


def _take(leaves: Leaves, chosen: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> Leaves:
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
