"""Codes of cells by loops that numba compiles; imported only where numba is installed, compiled once and kept on disk.

The same steps as in ``encoding``, a few hundred cells at a time: short loops without branches run many cells at once.
One call takes all columns, by where their arrays begin: to hand over an array costs as much as a thousand cells.
"""

from typing import Any

import numpy as np
from numba.np.numpy_support import carray

from schemas.compiled_addresses import bytes_at, floats_at, indices_at
from schemas.compiling import compiled
from stream_app.core.drift.coding.bins import Codes

CHUNK = 512
NUMBERS, WORDS = 1, 2
"""What a source is; any other is left alone."""


@compiled
def encode(sources: Any, grids: Any, firsts: Any, edges: Any, out: Codes) -> int:
    """(columns, rows) codes into ``out``; -1, or the first column with an index beyond its words.

    ``sources`` (columns, 4) say what a column is, where its cells begin, one for each row, and for words
    where their codes begin and how many they are. ``grids`` (columns, 5) are low,
    scale, lower and upper end and stride of a grid, ``firsts`` and ``edges`` (columns, any) its own.
    """
    rows = out.shape[1]
    for column in range(len(sources)):
        kind, cells = sources[column, 0], sources[column, 1]
        if kind == NUMBERS:
            _bin(carray(floats_at(cells), rows), grids[column], firsts[column], edges[column], out[column])
        elif kind == WORDS:
            table = carray(bytes_at(sources[column, 2]), sources[column, 3])
            if not _look_up(carray(indices_at(cells), rows), table, out[column]):
                return column
    return -1


@compiled
def _bin(numbers: Any, grid: Any, first: Any, edges: Any, out: Any) -> None:
    """(rows,) codes into ``out``, as ``searchsorted`` from the right would give them."""
    low, scale, lower, upper, last = grid[0], grid[1], grid[2], grid[3], np.float64(len(first) - 1)
    cells, found, passed = np.empty(CHUNK, np.int32), np.empty(CHUNK, np.uint8), np.empty(CHUNK, np.uint8)
    bounded, one = (lower > -np.inf) | (upper < np.inf), np.uint64(1)
    for start in range(0, len(numbers), CHUNK):
        some, codes = numbers[start : start + CHUNK], out[start : start + CHUNK]
        for i in range(len(some)):
            place = (some[i] - low) * scale
            place = place if place > 0.0 else 0.0
            cells[i] = np.int32(place if place < last else last)
        # Unsigned, or every look-up would first ask whether it counts from the end.
        for i in range(len(some)):
            found[i] = first[np.uint64(np.uint32(cells[i]))]
        step = np.uint64(grid[4])
        while step > one:
            # In two loops: in one the compiler makes a jump of it, and half of all jumps are foreseen wrongly.
            for i in range(len(some)):
                passed[i] = edges[np.uint64(found[i]) + step - one] <= some[i]
            for i in range(len(some)):
                found[i] += passed[i] * np.uint8(step)
            step >>= one
        for i in range(len(some)):
            found[i] += np.uint8(edges[np.uint64(found[i])] <= some[i])
        for i in range(len(some)):
            codes[i] = found[i] + np.uint8(2) if abs(some[i]) < np.inf else np.uint8(0)
        if bounded:
            for i in range(len(some)):
                outside = (some[i] < lower) | (some[i] > upper)
                codes[i] = np.uint8(1) if outside & (abs(some[i]) < np.inf) else codes[i]


@compiled
def _look_up(indices: Any, table: Any, out: Codes) -> bool:
    """The table's codes, of which the last is that of index -1; false where an index is beyond the table."""
    least, most, size = np.int32(0), np.int32(0), np.int64(len(table))
    for i in range(len(indices)):
        least, most = min(least, indices[i]), max(most, indices[i])
    if least < -size or most >= size:
        return False
    for i in range(len(indices)):
        place = np.int64(indices[i])
        out[i] = table[np.uint64(place + size if place < 0 else place)]
    return True
