"""How far the errors of a block of rows are from those expected, in standard deviations."""

from typing import Any

import numpy as np

from stream_app.core.drift.coding.bins import Floats


def block_scores(
    labelled: "np.ndarray[Any, Any]", wrong: "np.ndarray[Any, Any]", expected: Floats, offset: float = 0.0
) -> Floats:
    """(blocks,) Anscombe's variance-stabilised binomial: unit variance whatever the rate.

    ``offset`` is how much more than ``expected`` has become usual, on the scale of ``angle``.
    """
    steady = angle((wrong + 0.375) / (labelled + 0.75))
    usual = np.clip(angle(expected / np.maximum(labelled, 1)) + offset, 0, np.pi / 2)
    found: Floats = 2 * np.sqrt(labelled + 0.5) * (steady - usual)
    return found


def angle(share: "np.ndarray[Any, Any] | Floats | float") -> Floats:
    """The arcsine of a share's square root."""
    found: Floats = np.arcsin(np.sqrt(np.clip(np.asarray(share, dtype=np.float64), 0, 1)))
    return found


def inflation(scores: Floats, least: float = 1.0) -> float:
    """The largest standard deviation of sums over 1, 2, 4, ... blocks over that of independent scores.

    Not below ``least``. Each is lowered by its own standard error, so that chance alone inflates little.
    """
    found, width = least, 1
    while len(scores) // width >= 8:
        groups = len(scores) // width
        sums = scores[: groups * width].reshape(groups, width).sum(axis=1) / np.sqrt(width)
        found = max(found, float(sums.std(ddof=1)) / (1 + 1 / float(np.sqrt(2 * (groups - 1)))))
        width *= 2
    return found
