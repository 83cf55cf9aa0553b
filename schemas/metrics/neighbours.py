"""Metrics of distances between synthetic and real rows."""

from typing import Final

from schemas.metrics.metric import Metric

NEIGHBOURS: Final[tuple[Metric, ...]] = (
    Metric(
        name="nearest_neighbour_share",
        gate="privacy",
        default=0.55,
        direction="at_most",
        means="share of synthetic rows nearer to a training row than to an equally large holdout",
        method="exact nearest neighbours, ties drawn by lot, sides of unequal size corrected by odds; Clopper-Pearson",
    ),
)
