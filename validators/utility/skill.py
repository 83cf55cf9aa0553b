"""How good scores are, with the influence of each tested row: AUC for classes, R squared for numbers."""

import numpy as np

from schemas.bins import Reals
from validators.influence import Influenced, auc_of, gain_of, mean_of
from validators.utility.target import Target

REGULARISER = 0.02
"""Added to both R squared: where a target cannot be predicted from real rows either, nothing was lost."""


def quality(scores: Reals, truth: Reals, target: Target) -> Influenced:
    """AUC for two classes, its mean over classes one against the rest for more, R squared for numbers; NaN where
    undefined.
    """
    if target.task == "number":
        return gain_of(scores[:, 0], truth)
    asked = (1,) if target.classes == 2 else tuple(range(target.classes))
    each = [auc_of(scores[:, k], truth == k) for k in asked if 0 < (truth == k).sum() < len(truth)]
    return mean_of(each) if each else Influenced(float("nan"), np.zeros(len(truth)))


def kept(synthetic: Influenced, real: Influenced, target: Target) -> Influenced:
    """The share of the real model's quality that the synthetic one has: the ratio of AUCs, or of gains over the mean.

    A model worse than the mean has no gain; there is no less than none.
    """
    if target.task == "classes":
        return synthetic.over(real)
    gained = synthetic if synthetic.value > 0 else Influenced(0.0, synthetic.rows)
    floor = real if real.value > 0 else Influenced(0.0, real.rows)
    return gained.shifted(REGULARISER).over(floor.shifted(REGULARISER))


def skill(found: Influenced, target: Target) -> float:
    """0 for guessing, whatever the target: AUC - 1/2, or R squared; never below 0."""
    return max(0.0, found.value - (0.5 if target.task == "classes" else 0.0))


def macro_f1(scores: Reals, truth: Reals, target: Target) -> float:
    """F1 of the likeliest class, averaged over the classes that occur; 0 for numbers."""
    if target.task == "number":
        return 0.0
    called = scores.argmax(axis=1)
    each = []
    for k in np.unique(truth):
        hits = float(((called == k) & (truth == k)).sum())
        each.append(2 * hits / float((called == k).sum() + (truth == k).sum()))
    return float(np.mean(each))
