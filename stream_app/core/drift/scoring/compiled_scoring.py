"""Scores of blocks, compiled; the same numbers as without.

What is added up is whole, so that any order gives the same; the rest is computed channel by channel in the same steps.
Loops are short and touch few arrays, for then a processor takes many channels at once.
"""

from typing import Any

import numpy as np

from schemas.compiling import compiled


@compiled
def score(
    scores: Any, sizes: Any, counts: Any, pairs: Any, paired: Any, few: Any, many: Any, cell_squares: Any,
    pools: Any, channels: Any, squares: Any, off: Any, clip: float,
) -> None:  # fmt: skip
    """Fill (blocks, channels) ``scores`` and ``sizes`` of ``counts`` and those of ``pairs``, the matrices of
    ``Tables``.

    ``few`` and ``many`` are the pieces of contrasts, bases and pools, ``cell_squares`` those of cells that are slots by
    themselves; ``pools``, ``channels`` and ``squares`` are what ``Scoring`` has of them, and ``off`` is the centre, one
    over the spread and the cut of each channel.
    """
    cells, (owners, inverse, limits) = counts.shape[1] + pairs.shape[1], pools
    base_of, nominal, means, per_root = channels
    linear, (first, alone, begin, end, often_few, often_many, often_squares, often_pools) = len(means), limits
    last = first + len(owners)
    # Pieces may reach beyond the last cell, and weigh nothing there.
    work = np.zeros(cells + 64, dtype=np.int16)
    sums, seen, group = np.zeros(last, dtype=np.int32), np.zeros(len(base_of)), 0
    totals = np.zeros(len(base_of) - linear, dtype=np.uint64)
    for block in range(len(counts)):
        own, size, cell = scores[block], sizes[block], counts[block]
        _copied(work, cell[:begin])
        _copied(work[end:], cell[begin:])
        sums[:], totals[:] = 0, 0
        _weighed_few(sums, work, few[0], few[1], few[2], 0, often_few)
        _weighed_many(sums, work, many[0], many[1], many[2], 0, often_many)
        _squares_of_cells(totals, work, cell_squares, 0, often_squares)
        _squares_of_pools(totals, sums, first, owners, inverse, 0, often_pools)
        stop = linear + alone
        if paired[block]:
            _copied(work[begin:], pairs[group])
            _weighed_few(sums, work, few[0], few[1], few[2], often_few, len(few[0]))
            _weighed_many(sums, work, many[0], many[1], many[2], often_many, len(many[0]))
            _squares_of_cells(totals, work, cell_squares, often_squares, len(cell_squares[0]))
            _squares_of_pools(totals, sums, first, owners, inverse, often_pools, len(owners))
            stop, group = len(own), group + 1
        _sizes(seen[:stop], size[:stop], sums[linear:], base_of, nominal)
        _standardised(own[:linear], sums, means, seen, per_root, clip)
        _copied(own[linear:stop], totals[: stop - linear])
        _normal(own[linear:stop], seen[linear:stop], size[linear:stop], squares, clip)
        own[stop:], size[stop:] = 0.0, 0.0
        _centred(own[:stop], size[:stop], off[0], off[1], off[2])


@compiled
def _copied(out: Any, cells: Any) -> None:
    for cell in range(len(cells)):
        out[cell] = cells[cell]


@compiled
def _weighed_few(sums: Any, cells: Any, firsts: Any, rows: Any, weights: Any, start: int, stop: int) -> None:
    """Unsigned places: no index is checked for being negative. The length is plain, so that the loop disappears."""
    for piece in range(np.uint64(start), np.uint64(stop)):
        first, own, total = np.uint64(firsts[piece]), weights[piece], np.int32(0)
        for place in range(np.uint64(8)):
            total = np.int32(total + np.int32(np.int32(own[place]) * np.int32(cells[first + place])))
        sums[np.uint64(rows[piece])] += total


@compiled
def _weighed_many(sums: Any, cells: Any, firsts: Any, rows: Any, weights: Any, start: int, stop: int) -> None:
    for piece in range(np.uint64(start), np.uint64(stop)):
        first, own, total = np.uint64(firsts[piece]), weights[piece], np.int32(0)
        for place in range(np.uint64(64)):
            total = np.int32(total + np.int32(np.int32(own[place]) * np.int32(cells[first + place])))
        sums[np.uint64(rows[piece])] += total


@compiled
def _squares_of_cells(totals: Any, cells: Any, pieces: Any, start: int, stop: int) -> None:
    """Squares of numbers of 15 bits have 30: products of two numbers of 32 bits a processor has many at once."""
    firsts, rows, weights = pieces
    for piece in range(np.uint64(start), np.uint64(stop)):
        first, own, total = np.uint64(firsts[piece]), weights[piece], np.uint64(0)
        for place in range(np.uint64(64)):
            seen = np.int32(cells[first + place])
            total += np.uint64(np.uint32(seen * seen)) * np.uint64(np.uint32(own[place]))
        totals[np.uint64(rows[piece])] += total


@compiled
def _squares_of_pools(totals: Any, sums: Any, first: int, owners: Any, inverse: Any, start: int, stop: int) -> None:
    for pool in range(np.uint64(start), np.uint64(stop)):
        seen = np.int64(sums[np.uint64(first) + pool])
        totals[np.uint64(owners[pool])] += np.uint64(seen * seen * np.int64(inverse[pool]))


@compiled
def _sizes(seen: Any, sizes: Any, rows: Any, base_of: Any, nominal: Any) -> None:
    for channel in range(len(seen)):
        seen[channel] = rows[np.uint64(base_of[channel])]
    for channel in range(len(seen)):
        sizes[channel] = seen[channel] * nominal[channel]


@compiled
def _standardised(scores: Any, sums: Any, means: Any, seen: Any, per_root: Any, clip: float) -> None:
    for channel in range(len(scores)):
        score = (sums[channel] - means[channel] * seen[channel]) * per_root[channel]
        score = score if score < clip else clip
        scores[channel] = score if score > -clip else -clip


@compiled
def _normal(scores: Any, seen: Any, sizes: Any, squares: Any, clip: float) -> None:
    """Turn ``scores``, which hold sums of squares, into scores near normal: ``chi_squared.normal``."""
    per_scale, nominal, sampled, per_freedom, low, steep, least = squares
    for channel in range(len(scores)):
        rows = seen[channel] if seen[channel] > 1.0 else 1.0
        unsure = 1.0 + sampled[channel] * rows
        unsure = unsure if unsure > 0.05 else 0.05
        off = scores[channel] * per_scale[channel] - rows * rows * nominal[channel]
        scores[channel] = np.divide(off, rows * unsure)
    for channel in range(len(scores)):
        value = scores[channel] * per_freedom[channel]
        value = value if value > 1e-30 else 1e-30
        third = ((np.float64(value).view(np.uint64) >> np.uint64(32)) * np.uint64(0xAAAAAAAB)) >> np.uint64(33)
        root = np.uint64((np.uint64(0x553EF0FF) - third) << np.uint64(32)).view(np.float64)
        left = 1.0 - value * (root * root * root)
        root = root * (1.0 + left * (1 / 3 + left * (2 / 9)))
        left = 1.0 - value * (root * root * root)
        root = root * (1.0 + left * (1 / 3 + left * (2 / 9)))
        scores[channel] = (value * root * root - low[channel]) * steep[channel]
    for channel in range(len(scores)):
        score = scores[channel] * np.sqrt(sizes[channel])
        score = score if score < clip else clip
        score = score if score > -clip else -clip
        scores[channel] = score if seen[channel] >= least[channel] else 0.0


@compiled
def _centred(scores: Any, sizes: Any, centre: Any, per_spread: Any, cut: Any) -> None:
    """Off the ``centre`` of a nominal block, in units of the spread, cut off at ``cut``."""
    for channel in range(len(scores)):
        score = (scores[channel] - centre[channel] * sizes[channel]) * per_spread[channel]
        score = score if score < cut[channel] else cut[channel]
        scores[channel] = score if score > -cut[channel] else -cut[channel]
