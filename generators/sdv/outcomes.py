"""Fits that ran and came to nothing: losses that are no numbers, samples that lost their variety."""

import numpy as np

from generators.arrays import Ints
from generators.protocol import FitFailed

LOOKED_AT = 2_000
LEAST_VARIETY = 0.1
"""A sample has collapsed where it has fewer than this share of the distinct rows that as many real rows have."""


def failed(losses: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]", real: Ints, drawn: Ints) -> FitFailed | None:
    """Why the fit failed, or none. ``losses`` of all epochs; (rows, columns) positions that were fitted and drawn."""
    if losses.size and not np.isfinite(losses).all():
        return FitFailed("non_finite", "the losses of the training are no longer numbers: try fewer epochs")
    size = min(len(real), len(drawn), LOOKED_AT)
    seen, made = (len(np.unique(rows[:size], axis=0)) for rows in (real, drawn))
    if made < LEAST_VARIETY * seen:
        return FitFailed("mode_collapse", f"{made} distinct rows in {size} drawn ones, where the fit saw {seen}")
    return None
