"""The search as loops that numba compiles; imported only where numba is installed, compiled once and kept on disk.

The same steps as ``blocks``: costs are summed in the same order, without fused or reordered arithmetic.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

from schemas.bins import Reals
from validators.distances.packing import Words
from validators.distances.tree import Integers, Tree

F = TypeVar("F", bound=Callable[..., object])
Counts = npt.NDArray[np.uint16]
CHUNK = 64
"""Groups that are passed over at once where none of them is wanted: a loop without branches, which vectorises."""


def _compiled(function: F) -> F:
    try:
        return cast(F, njit(cache=True, nogil=True)(function))
    except RuntimeError:
        # Nowhere to keep it, as on a read-only disk: compiled anew by each process.
        return cast(F, njit(nogil=True)(function))


@_compiled
def _count_mismatches(keys: Words, at: int, tree: Tree, count: Counts) -> None:
    """``count`` becomes the mismatches of one group of queries with every group of targets."""
    ones, twos, fours = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333), np.uint64(0x0F0F0F0F0F0F0F0F)
    bytes_, one, two = np.uint64(0x0101010101010101), np.uint64(1), np.uint64(2)
    count[:] = 0
    for word in range(keys.shape[0]):
        mine, low, high = keys[word, at], tree.low[word], tree.high[word]
        theirs = tree.keys[word]
        for group in range(len(theirs)):
            x = mine ^ theirs[group]
            x = (((x & low) + low) | x) & high
            x = x - ((x >> one) & ones)
            x = (x & twos) + ((x >> two) & twos)
            x = (x + (x >> np.uint64(4))) & fours
            count[group] += np.uint16((x * bytes_) >> np.uint64(56))


@_compiled
def _choose(count: Counts, unequal: int, chosen: Integers) -> int:
    """How many groups have that many mismatches; ``chosen`` begins with them."""
    many = 0
    for start in range(0, len(count), CHUNK):
        end = min(start + CHUNK, len(count))
        present = 0
        for group in range(start, end):
            present += count[group] == unequal
        if present:
            for group in range(start, end):
                chosen[many] = group
                many += count[group] == unequal
    return many


@_compiled
def _bound(
    row: int, rows: Reals, box: int, lows: Reals, highs: Reals, cost: float, squared: bool, most: float
) -> float:
    """No row of the box costs less; given up once above ``most``."""
    for j in range(rows.shape[1]):
        gap = max(lows[box, j] - rows[row, j], rows[row, j] - highs[box, j])
        if gap > 0:
            cost += gap * gap if squared else gap
            if cost > most:
                break
    return cost


@_compiled
def _cost(row: int, rows: Reals, target: int, targets: Reals, cost: float, squared: bool, most: float) -> float:
    """What the pair costs; given up once above ``most``."""
    for j in range(rows.shape[1]):
        gap = abs(rows[row, j] - targets[target, j])
        cost += gap * gap if squared else gap
        if cost > most:
            break
    return cost


@_compiled
def _scan(
    row: int, rows: Reals, owner: Integers, tree: Tree, leaf: int, cost: float, squared: bool, most: float,
    best: Reals, ties: Integers,
) -> None:  # fmt: skip
    """The leaf's rows, into the query's two best costs and the ties of the first."""
    for target in range(tree.starts[leaf], tree.starts[leaf + 1]):
        if len(owner) and owner[row] == tree.owner[target]:
            continue
        found = _cost(row, rows, target, tree.rows, cost, squared, most)
        if found <= most:
            many = tree.starts[leaf + 1] - target if tree.solid[leaf] else 1
            if found < best[row, 0]:
                best[row, 1] = found if many > 1 else best[row, 0]
                best[row, 0] = found
                ties[row] = many
            elif found == best[row, 0]:
                best[row, 1] = found
                ties[row] += many
            elif found < best[row, 1]:
                best[row, 1] = found
        if tree.solid[leaf]:
            break


@_compiled
def _nearest_box(
    row: int, rows: Reals, first: int, last: int, lows: Reals, highs: Reals, cost: float, squared: bool
) -> int:
    least, where = np.inf, first
    for box in range(first, last):
        found = _bound(row, rows, box, lows, highs, cost, squared, least)
        if found < least:
            least, where = found, box
    return where


@_compiled
def _visit(
    row: int, rows: Reals, owner: Integers, tree: Tree, group: int, cost: float, squared: bool, k: int,
    best: Reals, ties: Integers, spare: Reals, spare_ties: Integers,
) -> None:  # fmt: skip
    """One group of targets for one query; a query without neighbours looks first where they are likeliest."""
    most = best[row, k - 1]
    first, last = tree.branches[group], tree.branches[group + 1]
    if most == np.inf and tree.leaves[last] - tree.leaves[first] > 1:
        branch = _nearest_box(row, rows, first, last, tree.branch_low, tree.branch_high, cost, squared)
        leaf = _nearest_box(
            row, rows, tree.leaves[branch], tree.leaves[branch + 1], tree.leaf_low, tree.leaf_high, cost, squared
        )
        spare[row, :] = np.inf
        _scan(row, rows, owner, tree, leaf, cost, squared, np.inf, spare, spare_ties)
        most = spare[row, k - 1]
    for branch in range(first, last):
        begin, end = tree.leaves[branch], tree.leaves[branch + 1]
        if end - begin > 1 and (
            _bound(row, rows, branch, tree.branch_low, tree.branch_high, cost, squared, most) > most
        ):
            continue
        for leaf in range(begin, end):
            if tree.starts[leaf + 1] - tree.starts[leaf] > 1 and (
                _bound(row, rows, leaf, tree.leaf_low, tree.leaf_high, cost, squared, most) > most
            ):
                continue
            _scan(row, rows, owner, tree, leaf, cost, squared, most, best, ties)
            most = min(most, best[row, k - 1])


@_compiled
def search(
    keys: Words, starts: Integers, rows: Reals, owner: Integers, tree: Tree, width: int, weight: float, squared: bool,
    k: int, best: Reals, ties: Integers,
) -> None:  # fmt: skip
    """(n_queries, 2) ``best`` costs, of which k are exact, and ``ties`` of the first, of queries in groups."""
    groups = tree.keys.shape[1]
    count, chosen = np.empty(groups, dtype=np.uint16), np.empty(groups + 1, dtype=np.int64)
    spare, spare_ties = np.empty((len(rows), 2)), np.zeros(len(rows), dtype=np.int64)
    for at in range(len(starts) - 1):
        _count_mismatches(keys, at, tree, count)
        for unequal in range(width + 1):
            cost = unequal * weight
            if best[starts[at] : starts[at + 1], k - 1].max() < cost:
                break
            many = _choose(count, unequal, chosen)
            for row in range(starts[at], starts[at + 1]):
                for j in range(many):
                    if best[row, k - 1] < cost:
                        break
                    _visit(row, rows, owner, tree, chosen[j], cost, squared, k, best, ties, spare, spare_ties)
