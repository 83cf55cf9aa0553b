"""Metrics of the schema and policy gates, and of what rows say by themselves."""

from typing import Final

from schemas.metrics.metric import Metric

STRUCTURE: Final[tuple[Metric, ...]] = (
    Metric(
        name="schema_violations",
        gate="schema",
        default=0.0,
        direction="at_most",
        means="cells or rows that break the contract",
        method="every cell and row against names, types, domains, keys, constraints and dependencies of the contract",
    ),
)
