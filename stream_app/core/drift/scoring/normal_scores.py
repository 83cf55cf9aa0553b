"""Mean and spread of a column on a scale that its own ranks give: free of units, of long tails and of raw values."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stream_app.core.drift.coding.bins import Floats


class Moments(NamedTuple):
    """Of normal scores: about 0 and 1 for the counts that gave the ranks."""

    mean: float
    deviation: float


def moments(counts: npt.ArrayLike, ranked: npt.ArrayLike) -> Moments | None:
    """Of the bins of ``counts`` (codes,), by their ranks in ``ranked``; none where either has no present cell."""
    own, reference = (np.asarray(each, dtype=np.float64)[2:] for each in (counts, ranked))
    if not own.sum() or not reference.sum():
        return None
    scores, shares = _scores(reference), own / own.sum()
    mean = float(scores @ shares)
    return Moments(mean, float(np.sqrt(max(0.0, float((scores - mean) ** 2 @ shares)))))


def _scores(counts: Floats) -> Floats:
    """Normal score of each bin's middle rank; beyond the ends in steps of 0.3, for further out is further."""
    from scipy.special import ndtri

    total = counts.sum()
    least = min(0.5, 0.25 / total)
    rank = np.clip((np.cumsum(counts) - counts / 2) / total, least, 1 - least)
    ends = np.flatnonzero(counts)[[0, -1]]
    places = np.arange(len(counts))
    found: Floats = ndtri(rank) + 0.3 * (places - np.clip(places, *ends))
    return found
