"""The search in numpy: the steps of ``compiled`` over blocks of pairs, in a few hundred megabytes at most."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from validators.distances.nearest import keep, starts_of, summed, two
from validators.distances.packing import Words
from validators.distances.tree import Flags, Integers, Tree, spans

CELLS = 4_000_000
"""Pairs of groups that are counted at once, and numbers of pairs of rows."""
SINGLE = 2
"""Rows of a leaf that are measured as quickly as their box."""


@dataclass(frozen=True, slots=True)
class _Lists:
    """For each of some groups a list of branches, one after the other."""

    begins: Integers
    sizes: Integers
    branches: Integers


@dataclass(frozen=True, slots=True)
class _Search:
    """What stays the same for all blocks of one search; ``best`` and ``ties`` are filled in place."""

    rows: Reals
    owner: Integers
    tree: Tree
    squared: bool
    k: int
    best: Reals
    ties: Integers

    @property
    def pairs(self) -> int:
        """How many pairs of rows are measured at once."""
        return CELLS // max(4, int(self.rows.shape[1]))

    def visit(self, query: Integers, branch: Integers, cost: float) -> int:
        """At how many boxes and rows pairs of a query and a branch look; all at ``cost``, ordered by query."""
        most = self.best[:, self.k - 1]
        tree = self.tree
        lone = np.diff(tree.leaves)[branch] == 1
        if np.isinf(most[query]).any() and not lone.all():
            most = self._seeded(query, branch, cost, most)
        kept = lone | (self._bound(query, branch, tree.branch_low, tree.branch_high, cost, ~lone) <= most[query])
        query, branch = query[kept], branch[kept]
        looked = len(kept)
        for part in _parts(np.diff(tree.leaves)[branch], self.pairs):
            looked += self._leaves(*_below(query[part], branch[part], tree.leaves), cost, most)
        return looked

    def _leaves(self, query: Integers, leaf: Integers, cost: float, most: Reals) -> int:
        tree = self.tree
        small = np.diff(tree.starts)[leaf] <= SINGLE
        kept = small | (self._bound(query, leaf, tree.leaf_low, tree.leaf_high, cost, ~small) <= most[query])
        query, leaf = query[kept], leaf[kept]
        sizes = np.where(tree.solid[leaf], 1, np.diff(tree.starts)[leaf])
        for part in _parts(sizes, self.pairs):
            keep(self.best, self.ties, self.k, *self._measured(query[part], leaf[part], cost))
        return len(kept) + int(sizes.sum())

    def _seeded(self, query: Integers, branch: Integers, cost: float, most: Reals) -> Reals:
        """An upper limit of the k-th cost of queries that have none: what the likeliest leaf holds."""
        tree, most = self.tree, most.copy()
        new = np.isinf(most[query])
        query, branch = query[new], branch[new]
        where = _least(query, self._bound(query, branch, tree.branch_low, tree.branch_high, cost))
        query, leaf = _below(query[where], branch[where], tree.leaves)
        where = _least(query, self._bound(query, leaf, tree.leaf_low, tree.leaf_high, cost))
        first, second, at, many = two(*self._measured(query[where], leaf[where], cost))
        most[at] = first if self.k == 1 else np.where(many > 1, first, second)
        return most

    def _bound(
        self, query: Integers, box: Integers, lows: Reals, highs: Reals, cost: float, wanted: Flags | None = None
    ) -> Reals:
        """No row of the box costs less; infinite where not ``wanted``."""
        bound = np.full(len(query), np.inf)
        at = np.arange(len(query)) if wanted is None else np.flatnonzero(wanted)
        rows, box = self.rows[query[at]], box[at]
        gap = np.maximum(lows[box] - rows, rows - highs[box])
        np.maximum(gap, 0, out=gap)
        bound[at] = summed(gap, cost, self.squared)
        return bound

    def _measured(self, query: Integers, leaf: Integers, cost: float) -> tuple[Integers, Reals, Integers]:
        """Query, cost and how many targets it stands for, of each pair of a query and a row of its leaves."""
        tree = self.tree
        sizes = np.diff(tree.starts)[leaf]
        alike = tree.solid[leaf]
        looked = np.where(alike, 1, sizes)
        target = spans(tree.starts[leaf], looked)
        query, many = np.repeat(query, looked), np.repeat(np.where(alike, sizes, 1), looked)
        found = summed(np.abs(self.rows[query] - tree.rows[target]), cost, self.squared)
        if len(self.owner):
            found[self.owner[query] == tree.owner[target]] = np.inf
        return query, found, many


def search(
    keys: Words, starts: Integers, rows: Reals, owner: Integers, tree: Tree, width: int, weight: float, squared: bool,
    k: int, best: Reals, ties: Integers,
) -> int:  # fmt: skip
    """How many boxes and rows were looked at; (n_queries, 2) ``best`` costs, of which k are exact, and ``ties`` of the
    first, of queries in groups.
    """
    looked = 0
    state = _Search(rows, owner, tree, squared, k, best, ties)
    group = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    step = max(1, CELLS // max(1, tree.keys.shape[1]))
    for begin in range(0, len(starts) - 1, step):
        count = _mismatches(keys[:, begin : begin + step], tree, width)
        here = np.arange(starts[begin], starts[min(begin + step, len(starts) - 1)])
        for unequal in range(width + 1):
            here = here[best[here, k - 1] >= unequal * weight]
            if not len(here):
                break
            asked = np.unique(group[here])
            lists = _lists(count[asked - begin] == unequal, tree)
            mine = np.searchsorted(asked, group[here])
            for part in _parts(lists.sizes[mine], state.pairs):
                query, sizes = here[part], lists.sizes[mine[part]]
                pairs = lists.branches[spans(lists.begins[mine[part]], sizes)]
                if len(pairs):
                    looked += state.visit(np.repeat(query, sizes), pairs, unequal * weight)
    return looked


def _mismatches(keys: Words, tree: Tree, width: int) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    """(n_keys, n_groups) unequal codes."""
    count = np.zeros((keys.shape[1], tree.keys.shape[1]), dtype=np.uint8 if width < 256 else np.uint16)
    for mine, theirs, low, high in zip(keys, tree.keys, tree.low, tree.high, strict=True):
        apart = mine[:, None] ^ theirs[None]
        sums = apart & low
        sums += low
        sums |= apart
        sums &= high
        count += np.bitwise_count(sums)
    return count


def _lists(wanted: Flags, tree: Tree) -> _Lists:
    """The branches of each row's wanted groups."""
    # Many times quicker than ``nonzero`` in two dimensions.
    row, group = np.divmod(np.flatnonzero(wanted), wanted.shape[1])
    sizes = np.diff(tree.branches)[group]
    total = np.bincount(row, sizes, minlength=len(wanted)).astype(np.int64)
    return _Lists(np.cumsum(total) - total, total, spans(tree.branches[group], sizes))


def _below(query: Integers, node: Integers, starts: Integers) -> tuple[Integers, Integers]:
    """Pairs of a query and what lies in its node."""
    sizes = np.diff(starts)[node]
    return np.repeat(query, sizes), spans(starts[node], sizes)


def _parts(sizes: Integers, most: int) -> list[slice]:
    """Runs of entries of about ``most`` in all, or of one; entries of one query may be parted."""
    if not len(sizes):
        return []
    cuts = np.flatnonzero(np.diff(np.cumsum(sizes) // most)) + 1
    ends = [0, *cuts.tolist(), len(sizes)]
    return [slice(a, b) for a, b in pairwise(ends)]


def _least(query: Integers, bound: Reals) -> Integers:
    """Where each query's least bound stands, for queries that lie together."""
    starts = starts_of(query)
    least = np.minimum.reduceat(bound, starts)
    where = np.flatnonzero(bound == np.repeat(least, np.diff(np.append(starts, len(query)))))
    return where[starts_of(query[where])]
