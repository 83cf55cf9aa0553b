"""Labels turned all over a table: contradictions where real rows and the table itself are surest."""

import numpy as np

from schemas.bins import Reals
from validators.poison.suspicion import Judged, Planted
from validators.statistics import clopper_pearson

SURE = 0.5
"""The share of holdout rows that count as sure: those with the highest probability of their likeliest class."""
SURE_ITSELF = 0.7
"""Of the synthetic rows that both models call alike, the share of which the table's own model is surest."""
LEAST = 100


def flips(synthetic: Judged, holdout: Judged, own: Reals) -> Planted | None:
    """The share of turned labels; none where fewer than 100 rows of either table are sure.

    A generator that blurs the target contradicts what a model of real rows is sure of, but not what a model of its own
    rows is sure of too: there its rows are as pure as they get. Labels that were turned at random leave no pure place.
    Of holdout rows a share r contradicts, of a table with a share f of turned labels r + f(1 - 2r). Errors of the two
    rates in quadrature on Clopper-Pearson limits (Newcombe 1998, method 10). After Northcutt et al. 2021.
    """
    sure_real = _sure(holdout.boosting, holdout.boosting)
    called = synthetic.boosting.argmax(axis=1)
    both = _sure(synthetic.boosting, holdout.boosting) & (own.argmax(axis=1) == called)
    if min(int(sure_real.sum()), int(both.sum())) < LEAST:
        return None
    sure = both & (own.max(axis=1) >= np.quantile(own.max(axis=1)[both], 1 - SURE_ITSELF))
    against = int((synthetic.labels != called)[sure].sum())
    against_real = int((holdout.labels != holdout.boosting.argmax(axis=1))[sure_real].sum())
    share, low, high = _share(against, int(sure.sum()), against_real, int(sure_real.sum()))
    return Planted("flips", share, low, high, int(sure.sum()))


def _sure(probabilities: Reals, of: Reals) -> "np.typing.NDArray[np.bool_]":
    """Whose likeliest class is at least as likely as in the surest rows of ``of``."""
    sure: np.typing.NDArray[np.bool_] = probabilities.max(axis=1) >= np.quantile(of.max(axis=1), 1 - SURE)
    return sure


def _share(against: int, sure: int, against_real: int, sure_real: int) -> tuple[float, float, float]:
    rate, real = against / sure, against_real / sure_real
    low, high = clopper_pearson(against, sure)
    real_low, real_high = clopper_pearson(against_real, sure_real)
    scale = max(0.1, 1 - 2 * real)
    down, up = float(np.hypot(rate - low, real_high - real)), float(np.hypot(high - rate, real - real_low))
    return (rate - real) / scale, (rate - real - down) / scale, (rate - real + up) / scale
