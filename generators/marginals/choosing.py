"""Draws of one member of a group, by weight."""

import numpy as np

from generators.arrays import Floats, Ints, sums


def choose_within(groups: Ints, weights: Floats, wanted: Ints, rng: np.random.Generator) -> Ints:
    """For each wanted group, the index of one of its members, by weight; ``groups`` is sorted and holds every wanted
    one.
    """
    count = int(groups.max()) + 1
    size = np.bincount(groups, minlength=count)
    total = sums(groups, weights, count)
    share = np.where(total[groups] > 0, weights / np.maximum(total[groups], 1e-300), 1 / size[groups])
    ends = np.cumsum(share)
    first = np.searchsorted(groups, np.arange(count), side="left")
    last = np.searchsorted(groups, np.arange(count), side="right") - 1
    start = np.where(first > 0, ends[np.maximum(first - 1, 0)], 0.0)
    span = ends[np.maximum(last, 0)] - start
    found = np.searchsorted(ends, start[wanted] + rng.random(wanted.size) * span[wanted], side="right")
    chosen: Ints = np.clip(found, first[wanted], last[wanted])
    return chosen
