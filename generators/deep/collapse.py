"""Mode collapse: what a network draws has lost most of the variety of the rows that it saw."""

from collections.abc import Sequence

import numpy as np

from generators.arrays import Floats, Ints
from generators.protocol import FitFailed

ROWS = 4_096
"""Rows that are drawn to look at."""
LEAST_ENTROPY, LEAST_DISTINCT, LEAST_COLUMN = 0.5, 0.1, 0.1
"""Shares of the data's own: of all columns' entropies added, of distinct rows, and of a single column's entropy."""
VARIED = 0.3
"""Nats: columns whose entropy is below this may become constant."""


def collapsed(real: Ints, drawn: Ints, sizes: Sequence[int]) -> FitFailed | None:
    """``FitFailed`` where (rows, columns) cells ``drawn`` vary far less than as many of ``real`` (in random order)."""
    real = real[: len(drawn)]
    drawn = drawn[: len(real)]
    of_real, of_drawn = _entropies(real, sizes), _entropies(drawn, sizes)
    total = of_drawn.sum() / of_real.sum() if of_real.sum() > 0 else 1.0
    distinct = len(np.unique(drawn, axis=0)) / max(1, len(np.unique(real, axis=0)))
    varied = of_real > VARIED
    stuck = int((of_drawn[varied] < LEAST_COLUMN * of_real[varied]).sum())
    if total >= LEAST_ENTROPY and distinct >= LEAST_DISTINCT and stuck * 2 <= int(varied.sum()):
        return None
    return FitFailed(
        "mode_collapse",
        f"drawn rows have {total:.0%} of the entropy of the data's columns and {distinct:.0%} of its distinct rows; "
        f"{stuck} of {len(sizes)} columns hardly vary. Another seed, more steps or another family may do better",
    )


def _entropies(cells: Ints, sizes: Sequence[int]) -> Floats:
    """Nats of each column."""
    found = []
    for place, size in enumerate(sizes):
        shares = np.bincount(cells[:, place], minlength=size) / max(1, len(cells))
        found.append(float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum()))
    return np.array(found, dtype=np.float64)
