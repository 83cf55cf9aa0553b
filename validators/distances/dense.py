"""The search without a tree, for numbers in so many dimensions that boxes exclude nothing: all pairs, bounded quickly.

A matrix product in float32 bounds the cost of each pair from below: squared differences expanded, |x|^2 + |t|^2 - 2xt,
and matches of one-hot codes; absolute differences are added to it. The few pairs whose bound lies
below the neighbours known so far are measured again in float64, as every other search measures them.

Rounding. Let u = 2^-24, K the length of the products, N the sum of both rows' sizes, where a row's size is its number
of codes and the sum of its squared (``gower``: absolute) numbers. Rounding the numbers to float32 moves a pair's cost
by at most 2uN, and summing K terms in any order by at most 2KuN (Higham, Accuracy and Stability of Numerical
Algorithms, 2002, section 3.1). So cost - 2(K + 16)uN is a bound; ``TINY`` covers what underflow adds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from validators.distances.nearest import keep, summed
from validators.distances.points import Codes, Points
from validators.distances.tree import Integers

Singles = npt.NDArray[np.float32]
Add = Callable[[Singles, Reals, Reals], None]
"""Adds to a (q, t) block the sums of absolute differences of (q, p) and (t, p) rows."""
QUERIES, TARGETS = 1024, 1024
"""Pairs of a block: it all but stays in the processor's cache."""
STRIPS = 4
"""Parts of a block that each propose a neighbour to a query without any: more than k, as owners exclude some."""
CELLS = 4_000_000
WIDEST = 512
LARGEST = 1e12
TINY = 1e-15
MEASURED = 300.0
"""Nanoseconds for a pair that is measured exactly, with all that leads to it."""


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What turns rows into the factors of a block; (q,) ``limit`` is a code that no target has."""

    limit: Integers
    numbers: int
    squared: bool

    @property
    def slack(self) -> float:
        """The share of both rows' sizes that rounding may take."""
        return float((int(self.limit.sum()) + self.numbers + 16) * 2.0**-23)

    def sizes(self, rows: Points) -> Reals:
        """(n,) a row's part of N."""
        parts: Reals = np.square(rows.scaled) if self.squared else np.abs(rows.scaled)
        return np.asarray(parts.sum(axis=1) + rows.codes.shape[1], dtype=np.float64)

    def ones(self, codes: Codes) -> Singles:
        """(n, limits) one-hot."""
        coded = np.zeros((len(codes), int(self.limit.sum())), dtype=np.float32)
        for j, first in enumerate(np.cumsum(self.limit) - self.limit):
            known = np.flatnonzero(codes[:, j] < self.limit[j])
            coded[known, first + codes[known, j]] = 1
        return coded

    def left(self, rows: Points) -> Singles:
        """(n, K) factor of queries."""
        parts = [-self.ones(rows.codes) * np.float32(rows.weight), np.ones((len(rows), 1), dtype=np.float32)]
        return np.hstack([-2 * rows.scaled.astype(np.float32), *parts] if self.squared else parts)

    def right(self, rows: Points) -> Singles:
        """(K, n) factor of targets; its last row is what of a bound depends on the target alone."""
        alone = self.sizes(rows) * ((1 if self.squared else 0) - self.slack)
        parts = [self.ones(rows.codes), alone.astype(np.float32)[:, None]]
        return np.hstack([rows.scaled.astype(np.float32), *parts] if self.squared else parts).T.copy()

    def reach(self, rows: Points, most: Reals) -> Singles:
        """(n, 1) where a block's numbers must lie at most for the cost to be ``most`` at most."""
        alone = -self.sizes(rows) if self.squared else -float(rows.codes.shape[1])
        highest = most + alone + self.slack * self.sizes(rows) + TINY
        return np.nextafter(highest.astype(np.float32), np.float32(np.inf))[:, None]


@dataclass(frozen=True, slots=True)
class _Pass:
    """What stays the same for all blocks; ``best`` and ``ties`` are filled in place."""

    queries: Points
    owner: Integers
    targets: Points
    owners: Integers
    k: int
    best: Reals
    ties: Integers

    def cost(self, query: Integers, target: Integers) -> Reals:
        """Of pairs, as exactly and in the same order as the other searches sum it."""
        unequal = (self.queries.codes[query] != self.targets.codes[target]).sum(axis=1) * self.queries.weight
        gap = self.queries.scaled[query] - self.targets.scaled[target]
        found = summed(np.abs(gap, out=gap), unequal, self.queries.squared)
        if len(self.owner):
            found[self.owner[query] == self.owners[target]] = np.inf
        return found

    def known(self, block: Singles, first: int, at: int) -> Reals:
        """An upper limit of the k-th cost of the block's queries: so far found, else of the strips' likeliest."""
        most = self.best[first : first + len(block), self.k - 1].copy()
        new, wide = np.flatnonzero(np.isinf(most)), block.shape[1] // STRIPS
        if len(new) and wide:
            likely = block[new, : wide * STRIPS].reshape(len(new), STRIPS, wide).argmin(axis=2)
            likely += at + wide * np.arange(STRIPS)
            found = self.cost(np.repeat(first + new, STRIPS), likely.ravel()).reshape(-1, STRIPS)
            most[new] = np.sort(found, axis=1)[:, self.k - 1]
        return most

    def take(self, query: Integers, target: Integers) -> None:
        """Measure pairs and keep the nearest."""
        step = max(1, CELLS // max(4, self.queries.scaled.shape[1] + self.queries.codes.shape[1]))
        for begin in range(0, len(query), step):
            here = query[begin : begin + step]
            found = self.cost(here, target[begin : begin + step])
            keep(self.best, self.ties, self.k, here, found, np.ones(len(here), dtype=np.int64))


def fits(targets: Points, queries: Points) -> bool:
    """Whether bounds are of use: numbers within float32's reach, and not too many categories."""
    most = max(float(np.abs(part.scaled).max(initial=0)) for part in (targets, queries))
    return most <= LARGEST and int(_limit(targets).sum()) <= WIDEST


def bounding(targets: Points, compiled: bool) -> float:
    """Nanoseconds a query for the bounds alone."""
    numbers = int(targets.scaled.shape[1])
    pair = 1.2 + 0.015 * (int(_limit(targets).sum()) + numbers)
    return len(targets) * (pair if targets.squared else pair + numbers * (0.08 if compiled else 0.35))


def _limit(targets: Points) -> Integers:
    return np.asarray(targets.codes.max(axis=0, initial=-1), dtype=np.int64) + 1


def search(
    queries: Points, owner: Integers, targets: Points, owners: Integers, k: int, best: Reals, ties: Integers,
    add: Add | None = None,
) -> int:  # fmt: skip
    """How many pairs were measured; (n_queries, 2) ``best`` costs, of which k are exact, and ``ties`` of the first."""
    bounds = _Bounds(_limit(targets), int(targets.scaled.shape[1]), targets.squared)
    state = _Pass(queries, owner, targets, owners, k, best, ties)
    measured = 0
    for at in range(0, len(targets), TARGETS):
        tile = targets.take(slice(at, at + TARGETS))
        for first, block in _blocks(bounds, queries, tile, add or _added):
            most = state.known(block, first, at)
            reach = bounds.reach(queries.take(slice(first, first + len(block))), most)
            near = np.flatnonzero(block.min(axis=1) <= reach[:, 0])
            row, target = np.divmod(np.flatnonzero(block[near] <= reach[near]), block.shape[1])
            measured += len(row)
            state.take(first + near[row], at + target)
    return measured


def _blocks(bounds: _Bounds, queries: Points, tile: Points, add: Add) -> Iterator[tuple[int, Singles]]:
    right = bounds.right(tile)
    for first in range(0, len(queries), QUERIES):
        part = queries.take(slice(first, first + QUERIES))
        block = bounds.left(part) @ right
        if not bounds.squared:
            add(block, part.scaled, tile.scaled)
        yield first, block


def _added(block: Singles, rows: Reals, targets: Reals) -> None:
    from scipy.spatial.distance import cdist

    if rows.shape[1]:
        block += cdist(rows, targets, "cityblock")
