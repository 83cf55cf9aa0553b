"""Rows in an order in which each comes after the rows of its entity and keys before it, many at a time."""

from collections.abc import Sequence

import numpy as np

from generators.arrays import Ints


def waves(chains: Sequence[Ints]) -> list[Ints]:
    """Rows (in order of time) by wave: no two rows of a wave share an entity or a key, and all that a row looks back on
    lies in earlier waves. ``chains``: for each row the number of its entity, and of each of its keys.
    """
    reached = [[0] * (int(chain.max()) + 1 if chain.size else 0) for chain in chains]
    level = []
    for row in zip(*(chain.tolist() for chain in chains), strict=True):
        own = 1 + max(last[at] for last, at in zip(reached, row, strict=True))
        for last, at in zip(reached, row, strict=True):
            last[at] = own
        level.append(own)
    levels = np.array(level, dtype=np.int64)
    order = np.argsort(levels, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(levels[order])) + 1) if order.size else []
