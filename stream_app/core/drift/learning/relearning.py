"""A new baseline from the rows after a change."""

import numpy as np

from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.layout import Integers, Layout
from stream_app.core.drift.reference import Reference

_MOVED = 4.0


def relearnt(old: Integers, settled: Integers, layout: Layout) -> Integers:
    """(1 + periods, cells) counts to compare with from now on, from those of the ``settled`` rows by period.

    Without a season they are the settled rows' own. With one, few periods have been seen since the change: it is taken
    to be the same in each, so every cell of a period's old counts is scaled as the settled rows differ from what the
    old baseline led to expect of them.
    """
    total = settled.sum(axis=0)
    if len(old) == 1:
        whole: Integers = total[None]
        return whole
    rows = _rows(settled, layout)
    shares = old / np.maximum(_rows(old, layout), 1)[:, None]
    expected = (rows[:, None] * shares).sum(axis=0)
    ratio: Floats = (total + 0.5) / (expected + 0.5)
    moved = shares * ratio
    # As many rows as were settled: the new baseline must not look better known than it is.
    first = layout.column_cells(0)
    scaled = moved / np.maximum(moved[:, first].sum(axis=1, keepdims=True), 1e-12) * total[first].sum()
    found: Integers = np.rint(scaled).astype(np.int64)
    found[0] = total
    return found


def _rows(counts: Integers, layout: Layout) -> Integers:
    found: Integers = counts[:, layout.column_cells(0)].sum(axis=1)
    return found


def moved(settled: Integers, reference: Reference) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    """(channels,) whether the settled rows, by period, score off the reference by more than four standard errors."""
    first = reference.layout.column_cells(0)
    total, blocks = np.zeros(len(reference.channels)), 0.0
    for period in np.flatnonzero(settled.any(axis=1)):
        number = float(settled[period, first].sum()) / reference.block_rows
        typical = np.rint(settled[period] / number).astype(np.int64)
        scores, sizes = reference.scorings[period].score(typical[None])
        total += number * (scores - reference.centre * sizes)[0] / reference.spread
        blocks += number
    found = np.abs(total) > _MOVED * np.sqrt(blocks + blocks**2 / max(1, reference.blocks))
    return np.asarray(found, dtype=bool)
