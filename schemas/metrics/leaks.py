"""Metrics of copied rows and of what the gates can see."""

from typing import Final

from schemas.metrics.metric import Metric

LEAKS: Final[tuple[Metric, ...]] = (
    Metric(
        name="copied_rows",
        gate="privacy",
        default=0.01,
        direction="at_least",
        means="p-value of the leak gate below which a table is refused: the rate at which fresh rows may be",
        method="exact, all-but-one-column and near matches of pool rows; members among the hits against hypergeometric "
        "odds",
        source="own; null of the one-run audit (Steinke et al. 2023), test martingale (Ville 1939)",
    ),
    Metric(
        name="leak_detectable_share",
        gate="privacy",
        default=0.02,
        direction="at_most",
        means="smallest leaked share of the table that the leak gate sees; above it, evidence is insufficient",
        method="power of the exact test at 95 % from the pool's unique rows and chance hits",
    ),
)
