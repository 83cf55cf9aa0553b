"""The sums behind scores, compiled: each block's counts are read while they are in the cache."""

from typing import Any

import numpy as np

from schemas.compiling import compiled


@compiled
def sums(counts: Any, contrasts: Any, bases: Any, runs: Any, slots: Any, inverse: Any, firsts: Any) -> Any:
    """What ``Scoring`` sums of (blocks, cells) counts; the matrices are CSR triples of starts, cells and weights.

    ``runs`` (bases,): whether a base's cells follow each other.
    """
    blocks, squared = len(counts), len(firsts) - 1
    linear = np.zeros((blocks, len(contrasts[0]) - 1))
    rows = np.zeros((blocks, len(bases[0]) - 1))
    totals = np.zeros((blocks, squared))
    seen, apart = np.zeros(len(inverse)), np.zeros(len(inverse), dtype=np.bool_)
    for block in range(blocks):
        cells = counts[block]
        _weighed(linear[block], cells, contrasts[0], contrasts[1], contrasts[2])
        _added(rows[block], cells, bases[0], bases[1], runs)
        _added(seen, cells, slots[0], slots[1], apart)
        for channel in range(squared):
            total = 0.0
            for slot in range(firsts[channel], firsts[channel + 1]):
                total += seen[slot] * seen[slot] * inverse[slot]
            totals[block, channel] = total
    return linear, rows, totals


@compiled
def _weighed(out: Any, cells: Any, starts: Any, places: Any, weights: Any) -> None:
    """A contrast's cells follow each other. Unsigned places: no index is checked for being negative."""
    one = np.uint64(1)
    for row in range(len(out)):
        place, stop = np.uint64(starts[row]), np.uint64(starts[row + 1])
        if place == stop:
            continue
        cell = np.uint64(places[place])
        total = 0.0
        while place < stop:
            total += weights[place] * cells[cell]
            place += one
            cell += one
        out[row] = total


@compiled
def _added(out: Any, cells: Any, starts: Any, places: Any, runs: Any) -> None:
    for row in range(len(out)):
        start, stop = np.uint64(starts[row]), np.uint64(starts[row + 1])
        total = 0
        if runs[row]:
            first = np.uint64(places[start])
            for cell in range(first, first + (stop - start)):
                total += cells[cell]
        else:
            for place in range(start, stop):
                total += cells[np.uint64(places[place])]
        out[row] = total


@compiled
def standardised(
    scores: Any, sizes: Any, sums: Any, rows: Any, base_of: Any, expected: Any, roots: Any, most: float
) -> None:
    """Fill (blocks, channels) ``sizes``, and the linear channels' ``scores``, cut at ``most`` either way."""
    linear = sums.shape[1]
    for block in range(len(scores)):
        own, size, total, seen = scores[block], sizes[block], sums[block], rows[block]
        for channel in range(len(size)):
            base = np.uint64(base_of[channel])
            size[channel] = seen[base] / expected[base]
        for channel in range(linear):
            score = total[channel] / roots[channel]
            score = score if score < most else most
            own[channel] = score if score > -most else -most


@compiled
def centred(scores: Any, sizes: Any, centre: Any, spread: Any, cut: Any) -> None:
    """Turn (blocks, channels) ``scores`` into those off the ``centre`` in units of ``spread``, cut off at ``cut``."""
    for block in range(len(scores)):
        own, size = scores[block], sizes[block]
        for channel in range(len(own)):
            score = (own[channel] - centre[channel] * size[channel]) / spread[channel]
            score = score if score < cut[channel] else cut[channel]
            own[channel] = score if score > -cut[channel] else -cut[channel]
