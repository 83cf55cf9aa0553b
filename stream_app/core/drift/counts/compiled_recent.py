"""Sums of neighbouring blocks, compiled."""

from typing import Any

import numpy as np

from schemas.compiling import compiled

_AT_ONCE = 256


@compiled
def add_up(counts: Any, limits: Any, work: Any) -> Any:
    """(limits, cells) sums of (blocks, cells) counts from the first to before the second of each. ``work`` (cells,)
    must hold the sums of 256 blocks: the narrower it is, the more a processor adds at once.
    """
    found = np.zeros((len(limits), counts.shape[1]), dtype=np.int64)
    for place in range(len(limits)):
        for start in range(limits[place, 0], limits[place, 1], _AT_ONCE):
            work[:] = 0
            for block in range(start, min(start + _AT_ONCE, limits[place, 1])):
                _add(work, counts[block])
            _add(found[place], work)
    return found


@compiled
def _add(sums: Any, counts: Any) -> None:
    for cell in range(len(sums)):
        sums[cell] += counts[cell]
