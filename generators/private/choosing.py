"""The exponential mechanism, exactly: one of several candidates by integer scores, and what that costs as a Gaussian.

Drawn by rejection with exact coins of probability exp(-gap), so that no logarithm or Gumbel variable leaks through
floating point.

*What it costs.* Between neighbouring tables the log-likelihood ratios of all outcomes lie within an interval of length
epsilon (bounded range: Durfee and Rogers 2019). Every such pair of laws is dominated by one on two outcomes whose
ratios are the interval's ends (Dong, Durfee and Rogers 2020). That one's trade-off function is two straight pieces,
which lie above the Gaussian mechanism's convex one as soon as their kink does. The kink is worst where the interval
lies evenly about zero, where both errors are 1 / (1 + e^(epsilon/2)): so the mechanism is mu-GDP (Dong, Roth and Su
2022) with mu = 2 Phi^-1(1 / (1 + e^(-epsilon/2))), and composes with Gaussian noise without any loss in conversion.
"""

import math
from statistics import NormalDist

import numpy as np

from generators.arrays import Ints
from generators.private.noise import NoiseStream, bernoulli_exp

STEPS = 2**24
"""The scores' weight is a whole number of 1/STEPS, rounded down."""
BATCH = 256
_NORMAL = NormalDist()


def range_of(mu: float) -> float:
    """The epsilon of an exponential mechanism that costs no more than a Gaussian mechanism of that mu."""
    return 2 * math.log(_NORMAL.cdf(mu / 2) / _NORMAL.cdf(-mu / 2))


def mu_of(epsilon: float) -> float:
    """The mu that an exponential mechanism of ``epsilon`` costs."""
    return -2 * _NORMAL.inv_cdf(1 / (1 + math.exp(epsilon / 2)))


def exponential_choice(stream: NoiseStream, scores: Ints, weight: float) -> int:
    """An index with probability proportional to exp(``weight`` x score); exact for the weight rounded down to STEPS.

    Scores are integers that differ by less than 2^30. The best is accepted whenever it is proposed: as many
    proposals as candidates are expected at most.
    """
    gaps = (scores.max() - scores) * math.floor(weight * STEPS)
    while True:
        proposed = stream.below(scores.size, BATCH)
        accepted = np.flatnonzero(bernoulli_exp(stream, gaps[proposed], STEPS))
        if accepted.size:
            return int(proposed[accepted[0]])
