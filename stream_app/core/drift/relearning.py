"""A new baseline from the rows after a change."""

import numpy as np

from stream_app.core.drift.bins import Floats
from stream_app.core.drift.layout import Integers, Layout


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
