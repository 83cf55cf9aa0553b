"""The limits a contract may set, with their defaults and directions: the thresholds of every gate.

A value ``at_most`` the limit passes, or ``at_least``; a contract overrides a limit by its name.
"""

from typing import Literal

from schemas.model import Model


class Limit(Model):
    """One threshold: the metric it bounds, its default and what it means."""

    metric: str
    default: float
    direction: Literal["at_most", "at_least"]
    means: str


LIMITS: tuple[Limit, ...] = (
    Limit(metric="schema_violations", default=0.0, direction="at_most", means="cells or rows that break the contract"),
    Limit(
        metric="copied_rows",
        default=0.01,
        direction="at_least",
        means="p-value of the leak gate below which a table is refused: the rate at which fresh rows may be",
    ),
    Limit(
        metric="leak_detectable_share",
        default=0.02,
        direction="at_most",
        means="smallest leaked share of the table that the leak gate sees; above it, evidence is insufficient",
    ),
    Limit(
        metric="nearest_neighbour_share",
        default=0.55,
        direction="at_most",
        means="share of synthetic rows nearer to a training row than to an equally large holdout",
    ),
    Limit(
        metric="membership_inference",
        default=0.58,
        direction="at_most",
        means="AUC of the best membership attack, upper interval bound",
    ),
    Limit(
        metric="marginal_fidelity", default=0.90, direction="at_least", means="mean of 1 - total variation over columns"
    ),
    Limit(
        metric="pair_fidelity",
        default=0.80,
        direction="at_least",
        means="mean of 1 - total variation over pairs of columns",
    ),
    Limit(
        metric="tstr_ratio",
        default=0.85,
        direction="at_least",
        means="skill of a model trained on synthetic rows over one trained on real rows, both tested on held-out rows",
    ),
    Limit(
        metric="detection_auc",
        default=0.78,
        direction="at_most",
        means="AUC of a boosted classifier that tells synthetic from real rows",
    ),
    Limit(
        metric="coverage",
        default=0.80,
        direction="at_least",
        means="share of the real table's categories and ranges that occur",
    ),
)

DEFAULT_LIMITS: dict[str, float] = {limit.metric: limit.default for limit in LIMITS}
KNOWN_LIMITS: tuple[str, ...] = tuple(DEFAULT_LIMITS)
DIRECTIONS: dict[str, Literal["at_most", "at_least"]] = {limit.metric: limit.direction for limit in LIMITS}
