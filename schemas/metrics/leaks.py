"""Metrics of copied rows, of what the gates can see, and of whether they and their evidence can be trusted."""

from typing import Final

from schemas.metrics.metric import Metric

LEAKS: Final[tuple[Metric, ...]] = (
    Metric(
        name="copied_rows",
        gate="privacy",
        default=0.01,
        direction="at_least",
        means="p-value of the leak gate below which a table is refused: the rate at which fresh rows may be",
        method="walks down pool rows that reappear whole or but for one or two columns, and down those far nearer to "
        "the table than to the pool; the chance of as many members at the top, exact",
        source="own; null of the one-run audit (Steinke et al. 2023), test martingale (Ville 1939)",
    ),
    Metric(
        name="leak_detectable_share",
        gate="privacy",
        default=0.02,
        direction="at_most",
        means="smallest leaked share of the table that the leak gate sees; above it, evidence is insufficient",
        method="power of the look at whole rows at 95 % from the pool's unique rows and chance hits",
    ),
    Metric(
        name="controls",
        gate="privacy",
        default=0.0,
        direction="at_most",
        means="controls that came out wrong: copies that passed, fresh real rows that were refused",
        method="an exact copy, leaks of .5, 2 and 10 %, a noisy copy and fresh real rows, each as large as the table "
        "where rows suffice, through the leak gate; copy and fresh rows also through neighbours and membership",
    ),
    Metric(
        name="split_contamination",
        gate="schema",
        default=0.0,
        direction="at_most",
        means="ways in which the real tables are not one random split by the privacy unit",
        method="units on two sides; rows equal across sides against the share that a random split explains, at 1e-4; "
        "a boosted classifier of train against holdout, AUC's lower bound at most .55",
        source="own; classifier two-sample test (Lopez-Paz and Oquab 2017)",
    ),
)
