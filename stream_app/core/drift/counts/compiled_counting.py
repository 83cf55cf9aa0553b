"""The loops of counting, compiled: one pass over a block's rows for each table, which stays in the cache."""

from typing import Any

import numpy as np

from schemas.compiling import compiled


@compiled
def looked_up(codes: Any, tables: Any) -> Any:
    """(columns, rows) each code's entry in its column's table (columns, 256)."""
    found = np.empty(codes.shape, dtype=np.uint8)
    for column in range(len(codes)):
        table, given, out = tables[column], codes[column], found[column]
        for row in range(len(given)):
            out[row] = table[np.uint64(given[row])]
    return found


@compiled
def _tally_codes(cells: Any, codes: Any) -> None:
    """Count each row in the cell of its code: with nothing to add it takes less than half as long as ``_tally``."""
    for row in range(len(codes)):
        cells[np.uint64(codes[row])] += 1


@compiled
def _tally(cells: Any, first: Any, second: Any) -> None:
    """Count each row in the cell whose number is the sum of its two entries.

    Unsigned sums of slices: the compiler then checks no index for being negative, which takes most of the time.
    """
    for row in range(len(first)):
        cells[np.uint64(first[row]) + np.uint64(second[row])] += 1


@compiled
def count_into(
    counts: Any, limits: Any, codes: Any, coarse: Any, groups: Any, pairs: Any, triples: Any, sizes: Any,
    fine: Any, joint: Any, cubes: Any, grouped: Any, inner: Any,
) -> None:  # fmt: skip
    """Add every row of every block to (blocks, cells) ``counts``, laid out as ``Layout`` says.

    Block by block, so that its cells and codes stay in the nearest cache.
    """
    most = 0
    for block in range(len(limits) - 1):
        most = max(most, limits[block + 1] - limits[block])
    outer = np.empty(most, dtype=np.uint32)
    for block in range(len(limits) - 1):
        start, stop = limits[block], limits[block + 1]
        cells, scaled = counts[block], outer[: stop - start]
        for column in range(len(codes)):
            _tally_codes(cells[fine[column] :], codes[column, start:stop])
        for pair in range(len(pairs)):
            left, right = coarse[pairs[pair, 0], start:stop], coarse[pairs[pair, 1], start:stop]
            _scale(scaled, left, sizes[pairs[pair, 1]])
            _tally(cells[joint[pair] :], scaled, right)
        for triple in range(len(triples)):
            one, two, three = triples[triple, 0], triples[triple, 1], triples[triple, 2]
            for row in range(stop - start):
                inside = np.uint32(coarse[one, start + row]) * np.uint32(sizes[two])
                scaled[row] = (inside + np.uint32(coarse[two, start + row])) * np.uint32(sizes[three])
            _tally(cells[cubes[triple] :], scaled, coarse[three, start:stop])
        for place in range(len(groups)):
            _scale(scaled, groups[place, start:stop], inner[-1])
            for column in range(len(codes)):
                _tally(cells[grouped[place] + inner[column] :], scaled, coarse[column, start:stop])


@compiled
def _scale(out: Any, codes: Any, width: Any) -> None:
    for row in range(len(out)):
        out[row] = np.uint32(codes[row]) * np.uint32(width)
