"""How large leaves are by default, and which classes have trees of their own."""

import math

import numpy as np

from generators.arrays import Ints

OWN = 5
"""Leaves' worth of rows from which on a class of the first column has trees of its own."""
MOST_BRANCHES = 8


def leaf_of(rows: int) -> int:
    """The least leaf by default: measured to pass the leak gate at 4,000 and 16,000 rows of Adult."""
    return max(20, min(110, round(1.2 * math.sqrt(rows))))


def branches(first: Ints, size: int, leaf: int) -> Ints:
    """For each code of the first column its branch: classes with rows enough for trees of their own, then the rest."""
    found = np.zeros(size, dtype=np.int64)
    counts = np.bincount(first, minlength=size)
    own = np.flatnonzero(counts >= OWN * leaf)
    if size > MOST_BRANCHES or (own.size < (counts > 0).sum() - 1 and own.size == 0):
        return found
    rest = counts[np.setdiff1d(np.arange(size), own)].sum()
    found[:] = own.size if rest else 0
    found[own] = np.arange(own.size)
    return found
