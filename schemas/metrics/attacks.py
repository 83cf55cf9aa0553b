"""Metrics of attacks on the people behind the rows."""

from typing import Final

from schemas.metrics.metric import Metric

ATTACKS: Final[tuple[Metric, ...]] = (
    Metric(
        name="membership_inference",
        gate="privacy",
        default=0.58,
        direction="at_most",
        means="AUC of the best membership attack, upper interval bound",
        method="best of several attacks, chosen on one half of the units and measured on the other; DeLong",
        source="van Breugel et al. 2023 (DOMIAS); DeLong et al. 1988",
    ),
)
