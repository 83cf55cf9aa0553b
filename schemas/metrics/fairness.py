"""Metrics of subgroups: whether what holds for all holds for each."""

from typing import Final

from schemas.metrics.metric import Metric

FAIRNESS: Final[tuple[Metric, ...]] = (
    Metric(
        name="subgroup_gap",
        gate="utility",
        default=0.05,
        direction="at_most",
        means="how much more a subgroup loses than the whole table, against real rows of the same subgroup",
        method="columns, pairs, coverage, learning and detection on each slice; simultaneous intervals "
        "by the influence of rows",
    ),
    Metric(
        name="demographic_shift",
        gate="utility",
        default=0.05,
        direction="at_most",
        means="total variation between the subgroups' joint shares in synthetic and real rows, beyond sampling noise",
        method="joint slices of the contract's subgroups; what two samples of one population differ by is taken off",
    ),
    Metric(
        name="parity_gap",
        gate="utility",
        default=0.05,
        direction="at_most",
        means="how much less fair a model becomes when it is fitted on synthetic rows",
        method="increase of demographic parity and equalised odds differences on held-out rows; bootstrap",
        source="Hardt et al. 2016; fairlearn",
    ),
)
