"""Thresholds from a budget of false alarms."""

import math
from functools import lru_cache

from stream_app.core.drift.coding.bins import Floats

_RARE_SHARE = 0.2
"""The part of the budget that goes to rare cells."""

_MOST_STEPS = 4_096
_LEAST_ALLOWANCE, _SMALL_ALLOWANCE = 0.01, 0.1
_NODES = 24
_TERMS = 4_096
_NOTHING_LEFT = 72.0
_LEAST_SKEW, _NEWTON = 0.01, 12
_GRID = 4_096
_LARGEST = 50.0

WINDOWS = (1, 4, 16)
"""Blocks over which rare cells are added up."""


def blocks_between_alarms(tests: int, block_rows: int, alarms_per_million: float) -> float:
    """Blocks between two false alarms that each of ``tests`` may give on average, of a budget for all of them."""
    return max(1, tests) * 1e6 / (alarms_per_million * block_rows)


@lru_cache(maxsize=4_096)
def cusum_threshold(
    sided: int, block_rows: int, alarms_per_million: float, allowance: float, deviation: float = 0.0
) -> float:
    """The height at which ``sided`` one-sided Page tests together keep to the budget: ``cusum_thresholds`` of one."""
    import numpy as np

    wanted = 1 / blocks_between_alarms(sided, block_rows, alarms_per_million)
    return float(cusum_thresholds(*(np.array([each]) for each in (wanted, allowance, deviation)))[0])


def cusum_thresholds(wanted: Floats, allowances: Floats, deviations: Floats) -> Floats:
    """(tests,) heights at which one-sided Page tests give so many false alarms a block as is ``wanted`` of each.

    The mean time between false alarms of one, in blocks, is (exp(2kb) - 2kb - 1) / (2k^2) for independent normal scores
    and allowance k, with b = h + 2 ``overshoots`` (Siegmund, Sequential Analysis, 1985, eq. 2.56). Against the integral
    equation it is right to 0.3 % up to an allowance of 1.2 and to 15 % at 2.2. Where the mean of the scores is known
    with an error of standard ``deviations``, the rate is averaged over that error.
    """
    import numpy as np

    nodes, weights = _normal_nodes()
    off = allowances[:, None] - deviations[:, None] * nodes
    least = off <= _LEAST_ALLOWANCE
    allowed = np.maximum(off, _LEAST_ALLOWANCE)
    beyond = 2 * overshoots(allowed)
    low, high = np.zeros(len(wanted)), np.full(len(wanted), 200.0)
    for _ in range(60):
        middle = (low + high) / 2
        exponent = np.minimum(2 * allowed * (middle[:, None] + beyond), 600.0)
        # A block's mean that reaches the allowance leaves no time at all.
        rates = np.where(least, 1.0, 2 * allowed**2 / (np.exp(exponent) - exponent - 1))
        few = (rates * weights).sum(axis=1) < wanted
        low, high = np.where(few, low, middle), np.where(few, middle, high)
    return high


def overshoots(allowances: Floats) -> Floats:
    """By how much sums of normal scores of mean ``allowances`` jump past a height that is far away, as an exponent
    counts it: 0.583 for a small allowance, less for a large one, where steps are cut less often.

    Source: Siegmund, Sequential Analysis, 1985, eq. 4.37 and 4.38: -log(nu(2k)) / (2k), nu of twice the allowance.
    """
    import numpy as np

    logs, jumps = _jumps()
    found: Floats = np.interp(np.log(np.minimum(allowances, _LARGEST)), logs, jumps, left=0.5826)
    return found


@lru_cache(maxsize=1)
def _jumps() -> tuple[Floats, Floats]:
    """Logarithms of allowances, so near to each other that a straight line between two is right to six digits, and
    their overshoots; summed once, for the series is long.
    """
    import numpy as np
    from scipy.special import ndtr

    k = np.exp(np.linspace(np.log(_SMALL_ALLOWANCE), np.log(_LARGEST), _GRID))
    total, start = np.zeros(len(k)), 1
    while start < _TERMS:
        # Beyond that nothing of a double is left to add.
        more = np.flatnonzero(k**2 * start < _NOTHING_LEFT)
        steps = np.arange(start, min(2 * start, _TERMS))
        total[more] += (ndtr(-k[more, None] * np.sqrt(steps)) / steps).sum(axis=1)
        start = 2 * start
    return np.log(k), (2 * total + np.log(2 * k**2)) / (2 * k)


@lru_cache(maxsize=1)
def _normal_nodes() -> tuple[Floats, Floats]:
    """Nodes and weights of a standard normal error, for Gauss-Hermite quadrature."""
    import numpy as np

    nodes, weights = np.polynomial.hermite.hermgauss(_NODES)
    return nodes * math.sqrt(2), weights / math.sqrt(math.pi)


def lengthened(skews: Floats, cuts: Floats, allowances: Floats) -> Floats:
    """(tests,) by what heights for normal scores are multiplied where they are skewed, and cut off at ``cuts``.

    A sum passes height h with a chance that falls as exp(-th), where t solves E exp(t(X - k)) = 1; it is 2k for normal
    scores, so that the factor is 2k / t. X has Pearson's third law. Source: Asmussen, Applied Probability and Queues,
    2003, chapter XIII, for the exponent.
    """
    import numpy as np

    skews, values = np.abs(skews), np.linspace(-6.0, 14.0, 401)
    found, skewed = np.ones(len(skews)), np.flatnonzero(skews >= _LEAST_SKEW)
    which, own = np.unique(skews[skewed], return_inverse=True)
    weights = np.stack([_pearson(values, skew) for skew in which] or [np.zeros(401)])[own]
    allowed = allowances[skewed, None]
    over, root = np.minimum(values, cuts[skewed, None]) - allowed, 4 * allowed
    # The expectation is convex in t and below 1 up to the root: from beyond it Newton's steps only fall.
    for _ in range(_NEWTON):
        grown = weights * np.exp(root * over)
        total = grown.sum(axis=1, keepdims=True)
        slope = (grown * over).sum(axis=1, keepdims=True) / total
        root -= np.divide(np.log(total), slope, out=np.zeros_like(total), where=(total > 1) & (slope > 0))
    found[skewed] = np.maximum(1.0, 2 * allowed / root)[:, 0]
    return found


def _pearson(values: Floats, skew: float) -> Floats:
    """Weights of values under a gamma law that is moved to mean 0 and variance 1."""
    import numpy as np

    shape = 4 / skew**2
    over = np.maximum(shape + values * math.sqrt(shape), 1e-12)
    logs = (shape - 1) * np.log(over / shape) - (over - shape)
    found = np.where(over > 1e-12, np.exp(logs), 0.0)
    weights: Floats = found / found.sum()
    return weights


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
