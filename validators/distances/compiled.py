"""The search as loops that numba compiles; imported only where numba is installed, compiled once and kept on disk.

The same steps as ``blocks``: costs are summed in the same order, without fused or reordered arithmetic.
"""

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from schemas.compiling import compiled
from validators.distances.packing import Words
from validators.distances.tree import Integers, Tree

Counts = npt.NDArray[np.uint16]
Singles = npt.NDArray[np.float32]
CHUNK = 16
"""Words of groups that are passed over at once where none is wanted: a loop without branches, which vectorises."""
NOBODY = 0x7FFF
"""Mismatches of a group that does not exist; more than any table has columns."""


@compiled
def add(block: Singles, rows: Reals, targets: Reals) -> None:
    """To a (q, t) block the sums of absolute differences of (q, p) and (t, p) rows, in float32."""
    columns = np.empty((targets.shape[1], targets.shape[0]), dtype=np.float32)
    columns[:] = targets.T
    for row in range(rows.shape[0]):
        out = block[row]
        for j in range(columns.shape[0]):
            mine, theirs = np.float32(rows[row, j]), columns[j]
            for target in range(len(theirs)):
                out[target] += abs(theirs[target] - mine)


@compiled
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


@compiled
def _choose(count: Counts, words: Words, least: int, most: int, begins: Integers, chosen: Integers) -> None:
    """``chosen`` lists the groups of ``least`` up to ``most`` mismatches, those of m from ``begins[m]`` on.

    ``words`` are the ``count`` seen as four to a word: a sum sets the top bit of each that is above ``most``.
    """
    tops = np.uint64(0x8000800080008000)
    above = np.uint64(0x7FFF - most) * np.uint64(0x0001000100010001)
    many = 0
    for start in range(0, len(words), CHUNK):
        end = min(start + CHUNK, len(words))
        sums = tops
        for word in range(start, end):
            sums &= words[word] + above
        if sums != tops:
            for word in range(start, end):
                if (words[word] + above) & tops != tops:
                    for group in range(4 * word, 4 * word + 4):
                        chosen[many] = group
                        many += least <= count[group] <= most
    _by_count(count, least, most, begins, chosen, many)


@compiled
def _by_count(count: Counts, least: int, most: int, begins: Integers, chosen: Integers, many: int) -> None:
    """Counting sort of the first ``many``, by way of the second half of ``chosen``."""
    begins[least : most + 2] = 0
    for j in range(many):
        begins[count[chosen[j]] + 1] += 1
    for unequal in range(least, most + 1):
        begins[unequal + 1] += begins[unequal]
    half = len(chosen) // 2
    chosen[half : half + many] = chosen[:many]
    for j in range(half, half + many):
        chosen[begins[count[chosen[j]]]] = chosen[j]
        begins[count[chosen[j]]] += 1
    for unequal in range(most + 1, least, -1):
        begins[unequal] = begins[unequal - 1]
    begins[least] = 0


@compiled
def _bound(row: int, rows: Reals, box: int, lows: Reals, highs: Reals, cost: float, squared: bool) -> float:
    """No row of the box costs less."""
    for j in range(rows.shape[1]):
        gap = max(0.0, lows[box, j] - rows[row, j], rows[row, j] - highs[box, j])
        cost += gap * gap if squared else gap
    return cost


@compiled
def _cost(row: int, rows: Reals, target: int, targets: Reals, cost: float, squared: bool) -> float:
    """What the pair costs. Not given up early: a wrong guess of a branch takes longer than a few sums."""
    for j in range(rows.shape[1]):
        gap = rows[row, j] - targets[target, j]
        cost += gap * gap if squared else abs(gap)
    return cost


@compiled
def _offer(row: int, found: float, many: int, best: Reals, ties: Integers) -> None:
    """A cost that so many targets have, to the query's two best and the ties of the first."""
    if found < best[row, 0]:
        best[row, 1] = found if many > 1 else best[row, 0]
        best[row, 0] = found
        ties[row] = many
    elif found == best[row, 0]:
        best[row, 1] = found
        ties[row] += many
    elif found < best[row, 1]:
        best[row, 1] = found


@compiled
def _scan(
    row: int, rows: Reals, owner: Integers, owners: Integers, targets: Reals, begin: int, end: int, alike: bool,
    cost: float, squared: bool, most: float, best: Reals, ties: Integers,
) -> None:  # fmt: skip
    """The rows of a leaf."""
    for target in range(begin, begin + 1 if alike else end):
        found = _cost(row, rows, target, targets, cost, squared)
        if found <= most and not (len(owner) and owner[row] == owners[target]):
            _offer(row, found, end - begin if alike else 1, best, ties)


@compiled
def _nearest_box(
    row: int, rows: Reals, first: int, last: int, lows: Reals, highs: Reals, cost: float, squared: bool
) -> int:
    least, where = np.inf, first
    for box in range(first, last):
        found = _bound(row, rows, box, lows, highs, cost, squared)
        if found < least:
            least, where = found, box
    return where


@compiled
def _seeded(
    row: int, rows: Reals, owner: Integers, tree: Tree, group: int, cost: float, squared: bool, k: int,
    spare: Reals, spare_ties: Integers,
) -> float:  # fmt: skip
    """An upper limit of the k-th cost of a query without neighbours: what the group's likeliest leaf holds."""
    leaves, starts = tree.leaves, tree.starts
    first, last = tree.branches[group], tree.branches[group + 1]
    branch = _nearest_box(row, rows, first, last, tree.branch_low, tree.branch_high, cost, squared)
    leaf = _nearest_box(row, rows, leaves[branch], leaves[branch + 1], tree.leaf_low, tree.leaf_high, cost, squared)
    spare[row, :] = np.inf
    _scan(
        row, rows, owner, tree.owner, tree.rows, starts[leaf], starts[leaf + 1], tree.solid[leaf], cost, squared,
        np.inf, spare, spare_ties,
    )  # fmt: skip
    return float(spare[row, k - 1])


@compiled
def _visit(
    row: int, rows: Reals, owner: Integers, tree: Tree, groups: Integers, cost: float, squared: bool, k: int,
    best: Reals, ties: Integers, spare: Reals, spare_ties: Integers,
) -> int:  # fmt: skip
    """At how many boxes and rows of groups of targets one query looks."""
    # Taken out once: an array of a tuple counts its references each time, which costs more than a look.
    branches, leaves, starts, solid = tree.branches, tree.leaves, tree.starts, tree.solid
    branch_low, branch_high, leaf_low, leaf_high = tree.branch_low, tree.branch_high, tree.leaf_low, tree.leaf_high
    targets, owners = tree.rows, tree.owner
    most, looked = best[row, k - 1], 0
    for group in groups:
        if most < cost:
            break
        begin, end = starts[leaves[branches[group]]], starts[leaves[branches[group + 1]]]
        looked += 1
        if end - begin == 1:
            found = _cost(row, rows, begin, targets, cost, squared)
            if found <= most and not (len(owner) and owner[row] == owners[begin]):
                _offer(row, found, 1, best, ties)
                most = min(most, best[row, k - 1])
            continue
        first, last = branches[group], branches[group + 1]
        if most == np.inf and leaves[last] - leaves[first] > 1:
            most = _seeded(row, rows, owner, tree, group, cost, squared, k, spare, spare_ties)
        for branch in range(first, last):
            begin, end = leaves[branch], leaves[branch + 1]
            looked += end - begin
            if end - begin > 1 and _bound(row, rows, branch, branch_low, branch_high, cost, squared) > most:
                continue
            for leaf in range(begin, end):
                a, b = starts[leaf], starts[leaf + 1]
                if b - a > 1 and _bound(row, rows, leaf, leaf_low, leaf_high, cost, squared) > most:
                    continue
                _scan(row, rows, owner, owners, targets, a, b, solid[leaf], cost, squared, most, best, ties)
                looked += b - a
                most = min(most, best[row, k - 1])
    return looked


@compiled
def search(
    keys: Words, starts: Integers, rows: Reals, owner: Integers, tree: Tree, width: int, weight: float, squared: bool,
    k: int, best: Reals, ties: Integers,
) -> int:  # fmt: skip
    """How many boxes and rows were looked at; (n_queries, 2) ``best`` costs, of which k are exact, and ``ties`` of the
    first, of queries in groups.
    """
    looked = 0
    groups = tree.keys.shape[1]
    count = np.full(-(-groups // 4) * 4, NOBODY, dtype=np.uint16)
    words, begins = count.view(np.uint64), np.empty(width + 2, dtype=np.int64)
    chosen = np.empty(2 * len(count) + 2, dtype=np.int64)
    spare, spare_ties = np.empty((len(rows), 2)), np.zeros(len(rows), dtype=np.int64)
    for at in range(len(starts) - 1):
        _count_mismatches(keys, at, tree, count[:groups])
        least = most = int(count.min())
        while least <= width:
            _choose(count, words, least, most, begins, chosen)
            for row in range(starts[at], starts[at + 1]):
                for unequal in range(least, most + 1):
                    if best[row, k - 1] < unequal * weight:
                        break
                    looked += _visit(
                        row, rows, owner, tree, chosen[begins[unequal] : begins[unequal + 1]], unequal * weight,
                        squared, k, best, ties, spare, spare_ties,
                    )  # fmt: skip
            least = most + 1
            reach = best[starts[at] : starts[at + 1], k - 1].max() / weight
            if reach < least:
                break
            # Some rows found too few: one step further, else as far as the neighbours that are known allow.
            most = least if reach == np.inf else int(min(reach, width))
    return looked
