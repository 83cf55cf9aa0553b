"""Metrics of models that learn from synthetic rows."""

from typing import Final

from schemas.metrics.metric import Metric

LEARNING: Final[tuple[Metric, ...]] = (
    Metric(
        name="tstr_ratio",
        gate="utility",
        default=0.90,
        direction="at_least",
        means="quality on held-out rows of a model of synthetic rows over that of a model of real rows, worst learner",
        method="boosting and a linear model; ratio of AUCs, or of gains over the mean; influence of tested rows",
        source="train on synthetic, test on real: Esteban et al. 2017",
    ),
    Metric(
        name="tstr_auc",
        gate="utility",
        default=0.84,
        direction="at_least",
        means="AUC on held-out rows of a model of synthetic rows, where a model of real rows reaches the limit",
        method="worst of the learners that reach the limit on real rows; DeLong",
        source="train on synthetic, test on real: Esteban et al. 2017; DeLong et al. 1988",
    ),
    Metric(
        name="trts_ratio",
        gate="utility",
        default=0.90,
        direction="at_least",
        means="quality of a model of real rows on synthetic rows over that on held-out rows, worst learner",
        method="boosting and a linear model; ratio of AUCs, or of gains over the mean; influence of tested rows",
        source="train on real, test on synthetic: Esteban et al. 2017",
    ),
    Metric(
        name="minority_recall",
        gate="utility",
        default=0.95,
        direction="at_least",
        means="recall of the rarest class by a model of real and synthetic rows over that by a model of real rows",
        method="boosting; as many alerts as held-out rows of the class; only where it holds less than 20 %",
    ),
    Metric(
        name="label_leakage",
        gate="utility",
        default=0.10,
        direction="at_most",
        means="by how much one column alone predicts the synthetic target better than the real one",
        method="target means by bin, learnt on one half and scored on the other; AUC or R squared",
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
    Metric(
        name="label_flips",
        gate="utility",
        default=0.02,
        direction="at_most",
        means="share of synthetic rows whose label was turned, all over or in one region, beyond every honest account",
        method="contradictions where models of real rows and of the table itself are surest; regression tree on "
        "half the rows finds a region, the other half measures; what a blurring generator comes to is excused",
        source="own, after confident learning (Northcutt et al. 2021)",
    ),
    Metric(
        name="backdoor_rows",
        gate="utility",
        default=0.005,
        direction="at_most",
        means="share of synthetic rows behind a rare value, or pair of values, that gives one label",
        method="cells three times as frequent as in real rows whose labels are purer than any honest account; exact "
        "binomial tests over all cells (Bonferroni)",
        source="own; the attack: Gu et al. 2017 (BadNets)",
    ),
    Metric(
        name="integrity_score",
        gate="utility",
        default=60.0,
        direction="at_least",
        means="0 to 100: columns, pairs, learning and detection between shuffled rows and fresh real ones",
        method="each part over what train rows reach against the holdout; below 60 review, 80 and above fit",
    ),
)
