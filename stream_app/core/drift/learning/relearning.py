"""A new baseline from the rows after a change."""

import numpy as np

from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.layout import Integers, Layout
from stream_app.core.drift.reference import Reference
from stream_app.core.drift.scoring.scoring import Scoring

_MOVED = 4.0


def relearnt(old: Integers, settled: Integers, layout: Layout, among: Integers | None = None) -> Integers:
    """(1 + periods, cells) counts to compare with from now on, from those of the ``settled`` rows by period.

    Without a season they are the settled rows' own. With one, few periods have been seen since the change: it is taken
    to be the same in each, so every cell of a period's old counts is scaled as the settled rows differ from what the
    old baseline led to expect of them. ``among`` (1 + periods, cells) are the rows that each old count is out of.
    """
    total = settled.sum(axis=0)
    if len(old) == 1:
        whole: Integers = total[None]
        return whole
    rows = _rows(settled, layout)
    shares = old / np.maximum(_rows(old, layout)[:, None] if among is None else among, 1)
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


def moved(
    settled: Integers, reference: Reference, scorings: tuple[Scoring, ...], blocks: int | Integers
) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    """(channels,) whether the settled rows, by period, score off a baseline by more than four standard errors.

    ``scorings`` are the baseline's, which is of so many nominal ``blocks``, or (channels,) each channel's.
    """
    first = reference.layout.column_cells(0)
    total, number = np.zeros(len(reference.channels)), np.zeros(len(reference.channels))
    for period in np.flatnonzero(settled.any(axis=1)):
        scores, sizes = scorings[period].whole(settled[period])
        total += (scores - reference.centre * sizes) / reference.spread
        number += float(settled[period, first].sum()) / (reference.block_rows * scorings[period].looks)
    found = np.abs(total) > _MOVED * np.sqrt(number + number**2 / np.maximum(1, blocks))
    return np.asarray(found, dtype=bool)
