"""Counts of groups of cells, compiled."""

from typing import Any

import numpy as np

from schemas.compiling import compiled


@compiled
def add_groups(found: Any, counts: Any, cells: Any, firsts: Any) -> None:
    """Fill (blocks, groups) with sums of (blocks, cells) counts; group g has the ``cells`` from ``firsts[g]`` on."""
    for block in range(len(counts)):
        own = counts[block]
        for group in range(found.shape[1]):
            total = 0
            # Unsigned places: no index is checked for being negative.
            for place in range(np.uint64(firsts[group]), np.uint64(firsts[group + 1])):
                total += own[np.uint64(cells[place])]
            found[block, group] = total
