"""Which objects of an array are the same object, by a loop that numba compiles; imported only where it is installed."""

from typing import Any

import numpy as np

from schemas.compiling import compiled

MOST = 256
"""Objects that are told apart at most."""

_SLOTS = 4 * MOST


@compiled
def same_objects(addresses: Any, places: Any, firsts: Any) -> int:
    """How many addresses there are, -1 where they are more than ``MOST`` or one is 0.

    ``places`` (rows,) int32 becomes each one's number in the order of their first rows, which ``firsts`` (``MOST``,)
    becomes. Open addressing with linear probing, never more than a quarter full.
    """
    keys, numbers, found = np.zeros(_SLOTS, dtype=np.uint64), np.empty(_SLOTS, dtype=np.int32), 0
    for row in range(len(addresses)):
        wanted = np.uint64(addresses[row])
        slot = (wanted * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(54)
        while keys[slot] != wanted or wanted == np.uint64(0):
            if keys[slot] == np.uint64(0):
                if found == len(firsts) or wanted == np.uint64(0):
                    return -1
                keys[slot], numbers[slot], firsts[found] = wanted, found, row
                found += 1
            else:
                slot = (slot + np.uint64(1)) & np.uint64(_SLOTS - 1)
        places[row] = numbers[slot]
    return found
