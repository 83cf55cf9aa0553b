"""Exact nearest neighbours in mixed tables: targets indexed once, asked as often as wanted.

Rows of equal categories form a group, so that mismatches are counted once for two groups, not for two rows. A query's
groups are visited by their number of mismatches until that alone costs more than the neighbours found; inside a group,
boxes of near rows bound the cost from below. Every comparison with a bound is not strict, and bounds and costs are
summed in one order, so that rounding hides no neighbour and no tie. Where a few queries show that boxes exclude
little, as of many numbers without structure, all pairs are bounded at once instead (``dense``). Compiled by numba where
that is installed (extra ``fast``) and the tables are not small; numpy gives the same numbers, bit by bit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

import numpy as np

from schemas.bins import Reals
from validators.distances import blocks, dense
from validators.distances.packing import Packing, Words, grouped, packing
from validators.distances.points import Codes, Points
from validators.distances.tree import Integers, Tree, boxes, branched, split

Path = Literal["numpy", "numba"]
Way = Literal["tree", "dense"]
SMALL = 100_000_000
"""Pairs of rows below which loading compiled code would cost more than it saves."""
PROBES = 64
"""Queries that are asked first, to choose between the tree and all pairs, where there are many times as many."""
LOOK: dict[Path, float] = {"numpy": 70.0, "numba": 18.0}
"""Nanoseconds for a box or a row of the tree, on one core of a server; only the ratios to those of ``dense`` matter."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """(n_queries, k) ``distance`` to the nearest targets, ascending, infinite where there are not as many.

    (n_queries,) ``ties``: how many targets are exactly as near as the nearest.
    """

    distance: Reals
    ties: Integers


@dataclass(frozen=True, slots=True)
class _Asked:
    """Queries in the order of their groups; ``owner`` is empty where it does not matter."""

    keys: Words
    starts: Integers
    points: Points
    owner: Integers

    def some(self, many: int) -> "_Asked":
        """Evenly spread, each a group of its own."""
        rows = np.arange(many) * len(self.points) // many
        group = np.searchsorted(self.starts, rows, side="right") - 1
        owner = self.owner[rows] if len(self.owner) else self.owner
        return _Asked(np.ascontiguousarray(self.keys[:, group]), np.arange(many + 1), self.points.take(rows), owner)


@dataclass(frozen=True, slots=True)
class Index:
    """Targets to search in; ``owned`` where each has an owner, whose rows are no neighbours of each other.

    (size, q) ``codes`` lie in the tree's order.
    """

    size: int
    owned: bool
    packing: Packing
    tree: Tree
    codes: Codes

    def search(
        self,
        queries: Points,
        k: Literal[1, 2] = 1,
        owners: Integers | None = None,
        path: Path | None = None,
        way: Way | None = None,
    ) -> Neighbours:
        """Exact. ``queries`` are on the scale of the targets, ``owners`` theirs; by default the quicker path and way.

        Where numbers or categories are too many for ``dense``, it is the tree all the same.
        """
        if not len(queries) or not self.size:
            best, ties = _nothing(len(queries))
            return Neighbours(best[:, :k], ties)
        keys, order, starts = grouped(self.packing.words(queries.codes))
        owner = owners[order].astype(np.int64) if self.owned and owners is not None else np.zeros(0, dtype=np.int64)
        placed = Points(
            np.ascontiguousarray(queries.scaled[order]), queries.codes[order], queries.metric, queries.columns
        )
        asked = _Asked(keys, starts, placed, owner)
        path = path or _quicker(len(queries) * self.size)
        if way is None:
            way = "dense" if self._structureless(asked, k, path) else "tree"
        every = way == "dense" and dense.fits(self._targets(placed), placed)
        best, ties, _ = (self._all_pairs if every else self._tree)(asked, k, path)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return Neighbours(queries.distances(best[back, :k]), ties[back])

    def _tree(self, asked: _Asked, k: int, path: Path) -> tuple[Reals, Integers, int]:
        """Costs, ties, and how many boxes and rows were looked at."""
        best, ties = _nothing(len(asked.points))
        points, width = asked.points, self.codes.shape[1]
        looked = _kernel(path)(
            asked.keys, asked.starts, points.scaled, asked.owner, self.tree, width, points.weight, points.squared, k,
            best, ties,
        )  # fmt: skip
        return best, ties, looked

    def _all_pairs(self, asked: _Asked, k: int, path: Path) -> tuple[Reals, Integers, int]:
        """Costs, ties, and how many pairs were measured exactly."""
        best, ties = _nothing(len(asked.points))
        targets, owners = self._targets(asked.points), self.tree.owner
        return best, ties, dense.search(asked.points, asked.owner, targets, owners, k, best, ties, _adder(path))

    def _structureless(self, asked: _Asked, k: int, path: Path) -> bool:
        """Whether all pairs cost less than the tree, by what a few queries look at."""
        targets = self._targets(asked.points)
        if min(len(asked.points), self.size) < 16 * PROBES or not targets.scaled.shape[1]:
            return False
        some = asked.some(PROBES)
        left = self._tree(some, k, path)[2] * LOOK[path] - dense.bounding(targets, path == "numba") * PROBES
        if left <= 0 or not dense.fits(targets, asked.points):
            return False
        return left > self._all_pairs(some, k, path)[2] * dense.MEASURED

    def _targets(self, queries: Points) -> Points:
        return Points(self.tree.rows, self.codes, queries.metric, queries.columns)


def _nothing(size: int) -> tuple[Reals, Integers]:
    return np.full((size, 2), np.inf), np.zeros(size, dtype=np.int64)


def index(targets: Points, owners: Integers | None = None) -> Index:
    """The targets, ready to be searched; ``owners`` names whose row each of them is."""
    packed = packing(targets.codes)
    keys, order, starts = grouped(packed.words(targets.codes))
    order, leaf_starts = split(targets.scaled, order, starts)
    branches, leaves = branched(starts, leaf_starts)
    rows = np.ascontiguousarray(targets.scaled[order])
    owned = owners is not None
    owner = owners[order].astype(np.int64) if owners is not None else np.zeros(0, dtype=np.int64)
    lows, highs = (_boxes(rows, leaf_starts, upper) for upper in (False, True))
    # Alike rows of several owners must be looked at one by one.
    solid = (lows == highs).all(axis=1) & (not owned)
    tree = Tree(
        keys, packed.low, packed.high, branches, leaves, np.append(leaf_starts, len(rows)).astype(np.int64), rows,
        owner, solid, _boxes(lows, leaves[:-1], False), _boxes(highs, leaves[:-1], True), lows, highs,
    )  # fmt: skip
    return Index(len(targets), owned, packed, tree, targets.codes[order])


def _boxes(values: Reals, starts: Integers, upper: bool) -> Reals:
    return boxes(values, starts, upper) if len(starts) else values[:0]


Kernel = Callable[[Words, Integers, Reals, Integers, Tree, int, float, bool, int, Reals, Integers], int]


def _quicker(pairs: int) -> Path:
    return "numba" if pairs >= SMALL and find_spec("numba") is not None else "numpy"


def _kernel(path: Path) -> Kernel:
    if path == "numpy":
        return blocks.search
    from validators.distances import compiled

    return compiled.search


def _adder(path: Path) -> dense.Add | None:
    if path == "numpy":
        return None
    from validators.distances import compiled

    return compiled.add
