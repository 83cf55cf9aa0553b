"""The sums behind scores, compiled: each block's counts are read while they are in the cache."""

from typing import Any

import numpy as np

from stream_app.core.drift.counts.compiled_counting import compiled


@compiled
def sums(counts: Any, contrasts: Any, bases: Any, slot_of: Any, inverse: Any, firsts: Any) -> Any:
    """What ``Scoring`` sums of (blocks, cells) counts; the matrices are CSR triples of starts, cells and weights."""
    blocks, squared = len(counts), len(firsts) - 1
    linear = np.zeros((blocks, len(contrasts[0]) - 1))
    rows = np.zeros((blocks, len(bases[0]) - 1))
    totals = np.zeros((blocks, squared))
    seen = np.empty(len(inverse) + 1)
    for block in range(blocks):
        cells = counts[block]
        _weighed(linear[block], cells, contrasts[0], contrasts[1], contrasts[2])
        _added(rows[block], cells, bases[0], bases[1])
        seen[:] = 0
        for cell in range(len(cells)):
            seen[np.uint64(slot_of[cell])] += cells[cell]
        for slot in range(len(inverse)):
            seen[slot] = seen[slot] * seen[slot] * inverse[slot]
        for channel in range(squared):
            total = 0.0
            for slot in range(firsts[channel], firsts[channel + 1]):
                total += seen[slot]
            totals[block, channel] = total
    return linear, rows, totals


@compiled
def _weighed(out: Any, cells: Any, starts: Any, places: Any, weights: Any) -> None:
    for row in range(len(out)):
        start, stop = starts[row], starts[row + 1]
        if start == stop:
            continue
        own, part = weights[start:stop], cells[places[start] : places[stop - 1] + 1]
        total = 0.0
        for place in range(len(own)):
            total += own[place] * part[place]
        out[row] = total


@compiled
def _added(out: Any, cells: Any, starts: Any, places: Any) -> None:
    for row in range(len(out)):
        total = 0
        for place in range(starts[row], starts[row + 1]):
            total += cells[np.uint64(places[place])]
        out[row] = total
