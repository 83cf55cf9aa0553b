"""Thresholds from a budget of false alarms."""

import math
from functools import lru_cache

from stream_app.core.drift.coding.bins import Floats

_RARE_SHARE = 0.2
"""The part of the budget that goes to rare cells."""

_MOST_STEPS = 4_096
_LEAST_ALLOWANCE = 0.01
_NODES = 24

WINDOWS = (1, 4, 16)
"""Blocks over which rare cells are added up."""


def blocks_between_alarms(tests: int, block_rows: int, alarms_per_million: float) -> float:
    """Blocks between two false alarms that each of ``tests`` may give on average, of a budget for all of them."""
    return max(1, tests) * 1e6 / (alarms_per_million * block_rows)


@lru_cache(maxsize=4_096)
def cusum_threshold(
    sided: int, block_rows: int, alarms_per_million: float, allowance: float, deviation: float = 0.0
) -> float:
    """The height at which ``sided`` one-sided Page tests together keep to the budget.

    Siegmund's approximation of the mean time between false alarms of one, in blocks: (exp(2kb) - 2kb - 1) / (2k^2) with
    b = h + 1.166 (Siegmund, Sequential Analysis, 1985, eq. 2.56), for independent normal scores and allowance k. Where
    the mean of the scores is known with an error of standard ``deviation``, the rate is averaged over that error.
    """
    wanted = 1 / blocks_between_alarms(sided, block_rows, alarms_per_million)
    nodes, weights = _errors(deviation)
    low, high = 0.0, 200.0
    for _ in range(60):
        middle = (low + high) / 2
        rate = sum(weight * _rate(allowance - node, middle) for node, weight in zip(nodes, weights, strict=True))
        low, high = (low, middle) if rate < wanted else (middle, high)
    return high


def _rate(allowance: float, height: float) -> float:
    """False alarms a block of one test; a block's mean that reaches the allowance leaves no time at all."""
    if allowance <= _LEAST_ALLOWANCE:
        return 1.0
    exponent = min(2 * allowance * (height + 1.166), 600.0)
    return 2 * allowance**2 / (math.exp(exponent) - exponent - 1)


def _errors(deviation: float) -> tuple[list[float], list[float]]:
    """Nodes and weights of a normal error, for Gauss-Hermite quadrature."""
    import numpy as np

    if deviation <= 0:
        return [0.0], [1.0]
    nodes, weights = np.polynomial.hermite.hermgauss(_NODES)
    return (deviation * math.sqrt(2) * nodes).tolist(), (weights / math.sqrt(math.pi)).tolist()


def rare_threshold(cells: int, block_rows: int, alarms_per_million: float) -> float:
    """Minus the decimal logarithm of the Poisson tail at which ``cells`` rare cells keep to the budget."""
    tests = max(1, cells) * len(WINDOWS)
    return -math.log10(_RARE_SHARE * alarms_per_million * block_rows / 1e6 / tests)


def poisson_tail(seen: Floats, expected: Floats) -> Floats:
    """Minus the decimal logarithm of P(X >= seen) for Poisson X; 0 where nothing was seen."""
    import numpy as np
    from scipy.special import pdtrc

    tail = pdtrc(np.maximum(np.ceil(seen) - 1, 0), expected)
    return np.where(seen >= 1, -np.log10(np.maximum(tail, 1e-300)), 0.0)


def poisson_limit(height: float, expected: Floats) -> Floats:
    """The smallest count whose ``poisson_tail`` is at least ``height``."""
    import numpy as np
    from scipy.special import pdtrik

    # Nearer to 1 a double says too little of a tail: from there on by steps of one.
    near = 1 - 10.0 ** -min(height, 14.0)
    found = np.maximum(1.0, np.ceil(pdtrik(near, np.maximum(expected, 1e-12))))
    for _ in range(_MOST_STEPS):
        low = poisson_tail(found, expected) < height
        if not low.any():
            break
        found = found + low
    return np.asarray(found, dtype=np.float64)
