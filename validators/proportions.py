"""Intervals of proportions and of their differences."""

import math

from validators.statistics import Interval


def wilson(hits: int, trials: int, confidence: float = 0.95) -> Interval:
    """Score interval of a proportion; (0, 1) without trials. Wilson 1927."""
    from scipy.special import ndtri

    if trials == 0:
        return 0.0, 1.0
    z = float(ndtri((1 + confidence) / 2))
    share, weight = hits / trials, z * z / trials
    middle = share + weight / 2
    half = z * math.sqrt(share * (1 - share) / trials + weight / (4 * trials))
    # At 0 and 1 the ends are exact, which rounding need not respect.
    low = 0.0 if hits == 0 else max(0.0, (middle - half) / (1 + weight))
    return low, 1.0 if hits == trials else min(1.0, (middle + half) / (1 + weight))


def newcombe(hits: int, trials: int, other_hits: int, other_trials: int, confidence: float = 0.95) -> Interval:
    """Interval of a share less another, independent one, of their score intervals. Newcombe 1998, method 10."""
    share, other = (h / n if n else 0.5 for h, n in ((hits, trials), (other_hits, other_trials)))
    low, high = wilson(hits, trials, confidence)
    other_low, other_high = wilson(other_hits, other_trials, confidence)
    return (
        share - other - math.hypot(share - low, other_high - other),
        share - other + math.hypot(high - share, other - other_low),
    )
