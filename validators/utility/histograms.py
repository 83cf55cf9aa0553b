"""Total variation between coded tables, for one column or a pair, with what resampling says about its error."""

import numpy as np

from validators.encoding import Codes
from validators.statistics import Reals


def similarity(real: Codes, fake: Codes, size: int) -> float:
    """1 - total variation of two columns of codes below ``size``."""
    return 1 - 0.5 * float(np.abs(_shares(real, size) - _shares(fake, size)).sum())


def _shares(codes: Codes, size: int, weights: Reals | None = None) -> Reals:
    counts: Reals = np.bincount(codes, weights, minlength=size).astype(np.float64)
    return counts / max(1e-300, float(counts.sum()))


def joint(left: Codes, right: Codes, size: int) -> Codes:
    """One code for each pair of codes, where ``right`` has ``size`` of them."""
    return left * np.int32(size) + right


def resampled_deviation(
    real: list[Codes], fake: list[Codes], sizes: list[int], rng: np.random.Generator, rounds: int = 40
) -> float:
    """Standard deviation of the mean similarity over the columns when the rows of both sides are drawn anew (Poisson
    bootstrap).
    """
    if not real:
        return 0.0
    means = np.empty(rounds)
    for k in range(rounds):
        on_real, on_fake = rng.poisson(1.0, len(real[0])).astype(float), rng.poisson(1.0, len(fake[0])).astype(float)
        means[k] = np.mean(
            [
                1 - 0.5 * np.abs(_shares(a, size, on_real) - _shares(b, size, on_fake)).sum()
                for a, b, size in zip(real, fake, sizes, strict=True)
            ]
        )
    return float(means.std(ddof=1))
