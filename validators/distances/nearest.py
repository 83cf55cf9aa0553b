"""Costs of pairs of rows, and how each query's two least are kept while pairs come in."""

import numpy as np

from schemas.bins import Reals
from validators.distances.tree import Integers


def summed(gap: Reals, cost: float | Reals, squared: bool) -> Reals:
    """``cost`` and the columns of the (n_pairs, p) ``gap``, which is overwritten, added in their order."""
    total = np.full(len(gap), cost)
    if squared:
        np.multiply(gap, gap, out=gap)
    for j in range(gap.shape[1]):
        total += gap[:, j]
    return total


def starts_of(query: Integers) -> Integers:
    """Where each run of one query begins."""
    return np.flatnonzero(np.r_[True, query[1:] != query[:-1]])


def two(query: Integers, found: Reals, many: Integers) -> tuple[Reals, Reals, Integers, Integers]:
    """Each query's least cost, the least above it, the query, and how many targets have the least."""
    starts = starts_of(query)
    first = np.minimum.reduceat(found, starts)
    least = found == np.repeat(first, np.diff(np.append(starts, len(query))))
    ties = np.add.reduceat(np.where(least, many, 0), starts)
    return first, np.minimum.reduceat(np.where(least, np.inf, found), starts), query[starts], ties


def keep(best: Reals, ties: Integers, k: int, query: Integers, found: Reals, many: Integers) -> None:
    """Take over into ``best`` and ``ties`` the costs of pairs, each of which is seen once; a query's lie together."""
    near = found <= best[query, k - 1]
    near &= np.isfinite(found)
    query, found, many = query[near], found[near], many[near]
    if not len(query):
        return
    first, second, at, new = two(query, found, many)
    second = np.where(new > 1, first, second)
    old, older = best[at, 0], best[at, 1]
    ties[at] = np.where(first < old, new, np.where(first == old, ties[at] + new, ties[at]))
    best[at, 1] = np.minimum(np.maximum(first, old), np.minimum(second, older))
    best[at, 0] = np.minimum(first, old)
