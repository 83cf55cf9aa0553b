"""Points and indexes of one evidence's tables, on a scale that its real tables set once."""

from typing import TYPE_CHECKING

from validators.distances.points import Metric, Points
from validators.distances.scales import Scale, fitted
from validators.protocol import Evidence

if TYPE_CHECKING:
    import pandas as pd


def scale(evidence: Evidence, metric: Metric = "gower") -> Scale:
    """Fitted on train and holdout; categories are known from all real tables."""
    real = (evidence.train, evidence.holdout, evidence.reference)
    return evidence.memo.of(
        ("scale", metric), real, lambda: fitted(real[:2], evidence.contract.modelled, metric, real[2:])
    )


def points(evidence: Evidence, table: "pd.DataFrame", metric: Metric = "gower") -> Points:
    """The rows of ``table`` under ``metric``."""
    real = (evidence.train, evidence.holdout, evidence.reference)
    return evidence.memo.of(("points", metric), (*real, table), lambda: scale(evidence, metric).points(table))
