"""Targets laid out for the search: groups of equal codes, in each of them branches of leaves of near rows."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from validators.distances.packing import Words

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
LEAF = 16
BRANCH = 16


class Tree(NamedTuple):
    """Group g has the branches from ``branches[g]`` up to ``branches[g + 1]``; so have branches leaves, leaves rows.

    Boxes are the least and the greatest numbers of a branch's or leaf's rows. A ``solid`` leaf's rows are all alike.
    ``owner`` is empty where rows have none.
    """

    keys: Words
    low: Words
    high: Words
    branches: Integers
    leaves: Integers
    starts: Integers
    rows: Reals
    owner: Integers
    solid: Flags
    branch_low: Reals
    branch_high: Reals
    leaf_low: Reals
    leaf_high: Reals


def split(rows: Reals, order: Integers, starts: Integers) -> tuple[Integers, Integers]:
    """``order`` rearranged inside each run between ``starts`` and the starts of the leaves, as in a k-d tree (Bentley
    1975): runs are halved at the median of their widest column until they are short, or all alike.
    """
    order, done = order.copy(), [starts[:0]]
    begins, ends = starts[:-1], starts[1:]
    while True:
        wide = (ends - begins > LEAF) & (rows.shape[1] > 0)
        done.append(begins[~wide])
        begins, ends = begins[wide], ends[wide]
        if not len(begins):
            return order, np.sort(np.concatenate(done))
        sizes = ends - begins
        at = spans(begins, sizes)
        first = np.cumsum(sizes) - sizes
        lying = rows[order[at]]
        extent = np.maximum.reduceat(lying, first) - np.minimum.reduceat(lying, first)
        alike = extent.max(axis=1) == 0
        run = np.repeat(np.arange(len(begins)), sizes)
        order[at] = order[at][np.lexsort((lying[np.arange(len(at)), extent.argmax(axis=1)[run]], run))]
        done.append(begins[alike])
        begins, ends = begins[~alike], ends[~alike]
        middle = begins + (ends - begins) // 2
        begins, ends = np.concatenate([begins, middle]), np.concatenate([middle, ends])


def branched(starts: Integers, leaf_starts: Integers) -> tuple[Integers, Integers]:
    """(n_groups + 1,) branches of groups, (n_branches + 1,) leaves of branches."""
    groups = np.searchsorted(leaf_starts, starts)
    counts = np.diff(groups)
    each = -(-counts // BRANCH)
    branches = np.concatenate([[0], np.cumsum(each)]).astype(np.int64)
    place = np.arange(branches[-1]) - np.repeat(branches[:-1], each)
    return branches, np.append(np.repeat(groups[:-1], each) + BRANCH * place, len(leaf_starts)).astype(np.int64)


def boxes(values: Reals, starts: Integers, upper: bool) -> Reals:
    """The least, or the greatest, of each run."""
    return (np.maximum if upper else np.minimum).reduceat(values, starts, axis=0)


def spans(begins: Integers, sizes: Integers) -> Integers:
    """The integers from each begin on, as many as its size, one run after the other."""
    ends = np.cumsum(sizes)
    runs: Integers = np.repeat(begins - (ends - sizes), sizes)
    return np.arange(len(runs), dtype=np.int64) + runs
