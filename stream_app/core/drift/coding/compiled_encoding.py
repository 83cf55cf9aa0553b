"""Codes of cells by loops that numba compiles; imported only where numba is installed, compiled once and kept on disk.

The same steps as in ``encoding``, a few hundred cells at a time: short loops without branches run many cells at once.
"""

import numpy as np

from schemas.compiling import compiled
from stream_app.core.drift.coding.bins import Codes
from stream_app.core.drift.coding.cells import Floats, Indices
from stream_app.core.drift.coding.encoding import Grid

CHUNK = 256


@compiled
def bin_numbers(numbers: Floats, into: Grid, out: Codes) -> None:
    """(rows,) codes into ``out``, as ``searchsorted`` from the right would give them."""
    edges, first, low, scale, lower, upper = into.edges, into.first, into.low, into.scale, into.lower, into.upper
    last, one, new = np.float64(len(first) - 1), np.uint64(1), np.uint64(1)
    found = np.empty(CHUNK, dtype=np.uint64)
    for start in range(0, len(numbers), CHUNK):
        some = numbers[start : start + CHUNK]
        codes = out[start : start + CHUNK]
        for i in range(len(some)):
            place = (some[i] - low) * scale
            place = place if place > 0.0 else 0.0
            place = place if place < last else last
            found[i] = first[np.uint64(place)]
        # Unsigned, or every look-up would first ask whether it counts from the end.
        step = np.uint64(into.stride)
        while step:
            for i in range(len(some)):
                found[i] += step if edges[found[i] + step - one] <= some[i] else np.uint64(0)
            step >>= one
        for i in range(len(some)):
            number = some[i]
            code = found[i] + np.uint64(2)
            code = new if (number < lower) | (number > upper) else code
            codes[i] = code if abs(number) < np.inf else np.uint64(0)


@compiled
def look_up(indices: Indices, table: Codes, out: Codes) -> None:
    """The table's codes, of which the last is that of index -1; raises ``IndexError`` beyond the table."""
    size = len(table)
    for i in range(len(indices)):
        place = indices[i] + size if indices[i] < 0 else indices[i]
        if place < 0 or place >= size:
            raise IndexError("an index beyond the words of its column")
        out[i] = table[place]
