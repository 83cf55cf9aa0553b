"""Putting keys into an entity bound's table, as a loop that numba compiles; imported only where numba is installed."""

import numpy as np

from schemas.compiling import compiled
from schemas.keyed_hash import Bools, Hashes, Slots


@compiled
def insert(mixed: Hashes, table: Hashes, slots: Slots, fresh: Bools) -> None:
    """``slots`` holds each key's home, and then its place; ``fresh`` says where it was put in just now.

    The last entry of the table is that of key 0 alone, which marks free ones elsewhere; one must be free.
    """
    size = len(table) - 1
    for i in range(len(mixed)):
        slot, wanted = slots[i], mixed[i]
        while table[slot] != wanted:
            if table[slot] == np.uint64(0):
                table[slot] = wanted
                fresh[i] = True
            else:
                slot = slot + 1 if slot + 1 < size else 0
        slots[i] = slot
