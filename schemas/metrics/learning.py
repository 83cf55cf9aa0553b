"""Metrics of models that learn from synthetic rows."""

from typing import Final

from schemas.metrics.metric import Metric

LEARNING: Final[tuple[Metric, ...]] = (
    Metric(
        name="tstr_ratio",
        gate="utility",
        default=0.85,
        direction="at_least",
        means="skill of a model trained on synthetic rows over one trained on real rows, both tested on held-out rows",
        method="histogram gradient boosting; skill over guessing; bootstrap over test rows",
        source="train on synthetic, test on real: Esteban et al. 2017",
    ),
    Metric(
        name="detection_auc",
        gate="utility",
        default=0.78,
        direction="at_most",
        means="AUC of a boosted classifier that tells synthetic from real rows",
        method="histogram gradient boosting, cross-fitted in three folds; DeLong",
        source="classifier two-sample test: Lopez-Paz and Oquab 2017",
    ),
)
