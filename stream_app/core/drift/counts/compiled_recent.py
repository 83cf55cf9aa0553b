"""Sums of neighbouring blocks, compiled."""

from typing import Any

import numpy as np

from schemas.compiling import compiled


@compiled
def add_up(counts: Any, limits: Any) -> Any:
    """(limits, cells) sums of (blocks, cells) counts from the first to before the second of each."""
    found = np.zeros((len(limits), counts.shape[1]), dtype=np.int64)
    for place in range(len(limits)):
        for block in range(limits[place, 0], limits[place, 1]):
            _add(found[place], counts[block])
    return found


@compiled
def _add(sums: Any, counts: Any) -> None:
    for cell in range(len(sums)):
        sums[cell] += counts[cell]
