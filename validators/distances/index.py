"""Exact nearest neighbours in mixed tables: targets indexed once, asked as often as wanted.

Rows of equal categories form a group, so that mismatches are counted once for two groups, not for two rows. A query's
groups are visited by their number of mismatches until that alone costs more than the neighbours found; inside a group,
boxes of near rows bound the cost from below. Every comparison with a bound is not strict, and bounds and costs are
summed in one order, so that rounding hides no neighbour and no tie. Compiled by numba where that is installed (extra
``fast``) and the tables are not small; numpy gives the same numbers, bit by bit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from validators.distances import blocks
from validators.distances.packing import Packing, grouped, packing
from validators.distances.points import Points
from validators.distances.tree import Integers, Tree, boxes, branched, split

Path = Literal["numpy", "numba"]
SMALL = 100_000_000
"""Pairs of rows below which loading compiled code would cost more than it saves."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """(n_queries, k) ``distance`` to the nearest targets, ascending, infinite where there are not as many.

    (n_queries,) ``ties``: how many targets are exactly as near as the nearest.
    """

    distance: Reals
    ties: Integers


@dataclass(frozen=True, slots=True)
class Index:
    """Targets to search in; ``owned`` where each has an owner, whose rows are no neighbours of each other."""

    size: int
    width: int
    owned: bool
    packing: Packing
    tree: Tree

    def search(
        self, queries: Points, k: Literal[1, 2] = 1, owners: Integers | None = None, path: Path | None = None
    ) -> Neighbours:
        """Exact. ``queries`` are on the scale of the targets, ``owners`` theirs; by default the quicker path."""
        best, ties = np.full((len(queries), 2), np.inf), np.zeros(len(queries), dtype=np.int64)
        if not len(queries) or not self.size:
            return Neighbours(best[:, :k], ties)
        keys, order, starts = grouped(self.packing.words(queries.codes))
        rows = np.ascontiguousarray(queries.scaled[order])
        owner = owners[order].astype(np.int64) if self.owned and owners is not None else np.zeros(0, dtype=np.int64)
        _kernel(path, len(queries) * self.size)(
            keys, starts, rows, owner, self.tree, self.width, queries.weight, queries.squared, k, best, ties
        )
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return Neighbours(queries.distances(best[back, :k]), ties[back])


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
    return Index(len(targets), targets.codes.shape[1], owned, packed, tree)


def _boxes(values: Reals, starts: Integers, upper: bool) -> Reals:
    return boxes(values, starts, upper) if len(starts) else values[:0]


Kernel = Callable[
    [
        npt.NDArray[np.uint64], Integers, Reals, Integers, Tree, int, float, bool, int, Reals, Integers,
    ],
    None,
]  # fmt: skip


def _kernel(path: Path | None, pairs: int) -> Kernel:
    if path is None:
        path = "numba" if pairs >= SMALL and find_spec("numba") is not None else "numpy"
    if path == "numpy":
        return blocks.search
    from validators.distances import compiled

    return compiled.search
