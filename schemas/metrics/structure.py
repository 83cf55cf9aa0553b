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
        method="every cell and row against names, types, time zones, domains, keys, constraints and dependencies",
    ),
    Metric(
        name="reference_violations",
        gate="schema",
        default=0.0,
        direction="at_most",
        means="cells that refer to a key that does not exist",
        method="every present cell of a referring column against the keys of its parent table",
        source="referential integrity: Codd 1979",
    ),
    Metric(
        name="future_dates",
        gate="schema",
        default=0.0,
        direction="at_most",
        means="times later than the contract or the real rows allow",
        method="upper end of the domain; without one, as much after the newest real time as real times span",
    ),
    Metric(
        name="personal_data",
        gate="schema",
        default=0.0,
        direction="at_most",
        means="columns that hold personal data which the contract does not declare",
        method="names of columns; shapes and check digits of their different values, against the rate of chance "
        "(exact binomial)",
        source="own; ISO/IEC 7812-1, ISO 13616, ISO/IEC 7064, Verhoeff 1969",
    ),
    Metric(
        name="policy_breaches",
        gate="policy",
        default=0.0,
        direction="at_most",
        means="rules of use that the contract breaks",
        method="a table of rules over tier, usage, approvals and claim of the contract",
    ),
    Metric(
        name="sequence_fidelity",
        gate="utility",
        default=0.88,
        direction="at_least",
        means="likeness of the events of one entity: how many, how far apart, in which order; of the least alike side",
        method="least of 1 - total variation against the holdout, less what sampling gives, of rows per entity, gaps, "
        "first and last states, transitions and repeated times, and of 1 - difference of lag-1 autocorrelations",
    ),
    Metric(
        name="k_anonymity",
        gate="privacy",
        default=1.0,
        direction="at_least",
        means="rows in the smallest class of equal quasi-identifiers",
        method="exact counts of the contract's quasi-identifiers; by default all columns, numbers in 5 quantile bins",
        source="Sweeney 2002",
    ),
    Metric(
        name="l_diversity",
        gate="privacy",
        default=1.0,
        direction="at_least",
        means="fewest different sensitive values in a class of equal quasi-identifiers",
        method="exact counts; exp(entropy) beside them",
        source="Machanavajjhala et al. 2007",
    ),
    Metric(
        name="small_class_hits",
        gate="privacy",
        default=0.005,
        direction="at_most",
        means="rate of sensitive values told of small train classes, beyond that of the holdout's, lower bound",
        method="classes of fewer than 5 units, equally many units a side; variance over classes, 99 % interval",
    ),
)
