"""Heaping: how round a long column's values are, by magnitude; one cheap query a column, which decoding gives back.

A lattice number's kind is the largest of 5, 10, 50, 100, ... that divides it, or that it is one short of 10 or of 100
(prices that end in 99), or plain. Which columns are asked, their magnitudes and their kinds are functions of the public
range alone. One row is in one cell of the query: L2 sensitivity 1.
"""

import math
from dataclasses import dataclass

import numpy as np

from generators.arrays import Floats, Ints, sums
from generators.domains.grid import Grid
from generators.marginals.choosing import choose_within
from generators.private.meter import Meter

LONG = 1_000
"""Shorter ranges are told value by value as it is."""
SIGNIFICANT = 3.0
ROUNDS = 20
FARTHEST = 2.0**53


@dataclass(frozen=True, slots=True)
class Lattice:
    """A range's whole numbers: position p is number ``origin`` + p."""

    origin: int
    size: int

    @property
    def bases(self) -> Ints:
        """Every base divides the next."""
        found = [5]
        while found[-1] * 4 < self.size:
            found.append(found[-1] * (2 if len(found) % 2 else 5))
        return np.array(found)

    @property
    def edges(self) -> Ints:
        """Where magnitudes begin, of numbers, and the end."""
        first, end = self.origin, self.origin + self.size
        powers = [10**digits for digits in range(2, len(str(max(abs(first), abs(end)))) + 1)]
        inner = sorted([*powers, *(1 - power for power in powers)])
        return np.array([first, *(edge for edge in inner if first < edge < end), end])

    def kinds(self, numbers: Ints) -> Ints:
        """0 plain, then one short of 10 and of 100, then the bases."""
        found = np.where((numbers + 1) % 100 == 0, 2, np.where((numbers + 1) % 10 == 0, 1, 0))
        for place, base in enumerate(self.bases.tolist()):
            found[numbers % base == 0] = 3 + place
        return found

    def steps(self) -> tuple[Ints, Ints, Ints]:
        """Of each kind: number + shift is a multiple of base, but of no base x ratio (0 where it may be)."""
        bases = self.bases
        ratios = np.append(bases[1:] // bases[:-1], 0)
        base = np.concatenate([[1, 10, 100], bases])
        return base, np.concatenate([[0, 10, 0], ratios]), np.concatenate([[0, 1, 1], np.zeros(bases.size, np.int64)])

    def members(self, low: Ints, high: Ints) -> Ints:
        """(intervals, kinds): how many numbers of each kind lie in [low, high)."""
        base, ratio, shift = self.steps()
        ends = np.stack([low, high])[..., None] + shift - 1
        found = _index(ends // base, ratio)
        counts: Ints = np.maximum(found[1] - found[0], 0)
        counts[:, 0] = np.maximum(high - low, 0) - counts[:, 1:].sum(axis=1)
        return counts


@dataclass(frozen=True, slots=True)
class Heaps:
    """``factors`` (magnitudes, kinds): how much likelier a number is for its kind, beside the others in its leaf."""

    lattice: Lattice
    factors: Floats

    @property
    def sound(self) -> bool:
        """Whether the factors are positive numbers for the lattice's magnitudes and kinds."""
        shape = (self.lattice.edges.size - 1, self.lattice.bases.size + 3)
        return self.factors.shape == shape and bool((np.isfinite(self.factors) & (self.factors > 0)).all())

    def moved(self, positions: Ints, low: Ints, high: Ints, rng: np.random.Generator) -> Ints:
        """Positions near by, of kinds as likely as the factors say, in the same leaf [low, high) and magnitude."""
        numbers, edges = positions + self.lattice.origin, self.lattice.edges
        magnitude = np.searchsorted(edges, numbers, side="right") - 1
        low = np.maximum(low + self.lattice.origin, edges[magnitude])
        high = np.minimum(high + self.lattice.origin, edges[magnitude + 1])
        _, first, group = np.unique(low, return_index=True, return_inverse=True)
        weights = self.lattice.members(low[first], high[first]) * self.factors[magnitude[first]]
        kinds = weights.shape[1]
        chosen = choose_within(np.repeat(np.arange(first.size), kinds), weights.ravel(), group.ravel(), rng) % kinds
        return self._nearby(numbers, chosen, low, high, rng) - self.lattice.origin

    def _nearby(self, numbers: Ints, kind: Ints, low: Ints, high: Ints, rng: np.random.Generator) -> Ints:
        """A number of the kind within a step of the next kind, or anywhere in [low, high) if there is none."""
        base, ratio, shift = (part[kind] for part in self.lattice.steps())
        reach = base * np.maximum(ratio, 1)
        near = _between(base, ratio, shift, np.maximum(low, numbers - reach), np.minimum(high, numbers + reach + 1))
        far = _between(base, ratio, shift, low, high)
        start, count = (np.where(near[1] > 0, near[part], far[part]) for part in (0, 1))
        wanted = start + 1 + np.floor(rng.random(kind.size) * count).astype(np.int64)
        multiple = np.where(ratio > 0, wanted + (wanted - 1) // np.maximum(ratio - 1, 1), wanted)
        plain = numbers // 10 * 10 + np.array([1, 2, 3, 4, 6, 7, 8])[rng.integers(0, 7, kind.size)]
        asked = np.where(kind == 0, plain, multiple * base - shift)
        there = np.where(kind == 0, (plain >= low) & (plain < high) & (self.lattice.kinds(numbers) > 0), count > 0)
        found: Ints = np.where(there, asked, numbers)
        return found


def lattice_of(grid: Grid) -> Lattice | None:
    """The whole numbers of a long range of numbers whose resolution is a power of ten; none for others."""
    if grid.labels is not None or grid.column.type not in ("integer", "number") or grid.size < LONG:
        return None
    digits, origin = math.log10(grid.resolution), grid.lower / grid.resolution
    whole = abs(digits - round(digits)) < 1e-9 and abs(origin - round(origin)) < 1e-6 and abs(origin) < FARTHEST
    return Lattice(round(origin), grid.size) if whole else None


def count_kinds(meter: Meter, label: str, positions: Ints, lattice: Lattice, share: float) -> tuple[Floats, float]:
    """Noisy counts (magnitudes, kinds) and their deviation; positions outside the lattice are missing values."""
    numbers = positions[positions < lattice.size] + lattice.origin
    magnitude = np.searchsorted(lattice.edges, numbers, side="right") - 1
    kinds = lattice.bases.size + 3
    cells = (lattice.edges.size - 1) * kinds
    counts = np.bincount(magnitude * kinds + lattice.kinds(numbers), minlength=cells)
    return meter.measure(label, counts.reshape(-1, kinds), share)


def heaps_of(lattice: Lattice, noisy: Floats, deviation: float, low: Ints, high: Ints, weight: Floats) -> Heaps | None:
    """Factors under which the leaves [low, high) of these weights show the counts; none where no kind stands out.

    Leaves of one position have their kind and weight already; the rest is for the wide ones. A kind that does not
    clearly exceed an even spread shares the factor of all such (iterative proportional fitting). Magnitudes too light
    to tell take the heaviest one's.
    """
    inside, unit = low < lattice.size, high - low == 1
    edges, low, high = lattice.edges, low + lattice.origin, high + lattice.origin
    alone = inside & unit
    place = (np.searchsorted(edges, low[alone], side="right") - 1) * noisy.shape[1] + lattice.kinds(low[alone])
    wanted = np.maximum(noisy - sums(place, weight[alone], noisy.size).reshape(noisy.shape), 0.0)
    wide = inside & ~unit
    factors, masses = np.ones(noisy.shape), np.zeros(noisy.shape[0])
    for magnitude in range(noisy.shape[0]):
        first, last = np.maximum(low[wide], edges[magnitude]), np.minimum(high[wide], edges[magnitude + 1])
        members = lattice.members(first, np.maximum(first, last)).astype(np.float64)
        mass = weight[wide] * members.sum(axis=1) / (high - low)[wide]
        masses[magnitude] = mass.sum()
        factors[magnitude] = _fitted(members[mass > 0], mass[mass > 0], wanted[magnitude], deviation)
    light = masses < SIGNIFICANT * deviation * math.sqrt(noisy.shape[1])
    factors[light & (factors == 1).all(axis=1)] = factors[masses.argmax()]
    return Heaps(lattice, factors) if (factors != 1).any() else None


def _fitted(members: Floats, mass: Floats, wanted: Floats, deviation: float) -> Floats:
    """One magnitude's factors: ``members`` (leaves, kinds), ``mass`` of each leaf there."""
    factors = np.ones(wanted.size)
    even = (mass / members.sum(axis=1)) @ members
    wanted = wanted * (even.sum() / max(float(wanted.sum()), 1e-9))
    clear = (wanted - even > SIGNIFICANT * deviation) & (even > 0)
    if not clear.any():
        return factors
    groups = np.where(clear, 1 + np.arange(clear.size), 0)
    goal = np.bincount(groups, weights=wanted, minlength=clear.size + 1)
    for _ in range(ROUNDS):
        shares = members * factors
        shown = np.bincount(groups, weights=(mass / shares.sum(axis=1)) @ shares, minlength=goal.size)
        factors = np.clip(factors * (goal / np.maximum(shown, 1e-9))[groups], 1e-3, 1e9)
    return factors


def _index(multiple: Ints, ratio: Ints) -> Ints:
    """How many multiples up to this one count, from zero: all, or those that the ratio does not divide."""
    found: Ints = np.where(ratio > 0, multiple - multiple // np.maximum(ratio, 1), multiple)
    return found


def _between(base: Ints, ratio: Ints, shift: Ints, low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Index of the last member before ``low``, and how many lie in [low, high)."""
    start = _index((low + shift - 1) // base, ratio)
    return start, np.maximum(_index((high + shift - 1) // base, ratio) - start, 0)
