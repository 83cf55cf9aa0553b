"""Metrics of subgroups: whether what holds for all holds for each."""

from typing import Final

from schemas.metrics.metric import Metric

FAIRNESS: Final[tuple[Metric, ...]] = ()
