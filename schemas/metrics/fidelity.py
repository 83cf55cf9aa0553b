"""Metrics of distributions: columns, pairs, coverage."""

from typing import Final

from schemas.metrics.metric import Metric

FIDELITY: Final[tuple[Metric, ...]] = (
    Metric(
        name="marginal_fidelity",
        gate="utility",
        default=0.90,
        direction="at_least",
        means="mean of 1 - total variation over columns",
        method="total variation against the holdout on shared bins of the real rows, missing as one more",
    ),
    Metric(
        name="pair_fidelity",
        gate="utility",
        default=0.80,
        direction="at_least",
        means="mean of 1 - total variation over pairs of columns",
        method="total variation of two-way tables against the holdout on shared bins of the real rows",
    ),
    Metric(
        name="coverage",
        gate="utility",
        default=0.80,
        direction="at_least",
        means="share of the real table's categories and ranges that occur",
        method="cells of which a fresh sample of the same size would hold five or more",
    ),
)
