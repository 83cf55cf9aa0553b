"""Whether some subgroup loses more than the whole table does."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from schemas.errors import InsufficientEvidence
from schemas.finding import Finding, Gate
from validators.fairness.losses import Loss, Rows, losses
from validators.fairness.slices import Slice, inside, slices_of, subgroup_columns
from validators.protocol import Evidence
from validators.utility.learning import Learning, as_compared, learning
from validators.verdicts import hold, require, unmeasured

if TYPE_CHECKING:
    import pandas as pd

LEAST = 100
"""Rows of a slice in the synthetic table, in train and in the holdout."""
LARGE = 0.05
"""A slice with at least this real share must be measured."""
OCCURRING = 0.01
"""A slice with at least this real share must occur."""
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Gap:
    """By how much one slice loses more than the whole table in one measure, with simultaneous bounds."""

    slice: str
    measure: str
    value: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class SubgroupGap:
    """The largest excess of a slice's loss over the whole table's, in columns, pairs, coverage, learning or detection.

    Slices are the values of the contract's subgroup columns (quarters of numbers), at most 12 a column. A loss compares
    the slice's synthetic rows with as many train rows of the slice, against its holdout rows (``losses``). Intervals
    hold for all slices and measures at once, and only one that lies above the limit fails. A slice of 1 % of the real
    rows without any synthetic row fails where 10 were due. A slice of 5 % with fewer than 100 rows on some side makes
    the finding insufficient; smaller ones without support are named.
    """

    metric: str = "subgroup_gap"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding, or none without subgroups; raises ``InsufficientEvidence`` below 100 rows of any table."""
        if not subgroup_columns(evidence):
            return ()
        changed, detail = as_compared(evidence)
        for what, table in _tables(changed).items():
            require(len(table), LEAST, f"{what} rows")
        supported, small = _support(changed)
        dropped = _dropped(changed)
        if dropped:
            return (self._dropped(changed, dropped, detail),)
        lacking = [one for one in small if one.share >= LARGE]
        if not supported:
            raise InsufficientEvidence(f"no subgroup has {LEAST} rows in every table")
        gaps = _gaps(changed, _task(evidence), supported)
        held = self._held(changed, gaps, small, detail)
        if not lacking or held.verdict != "PASS":
            return (held,)
        reason = f"fewer than {LEAST} rows of {', '.join(one.name for one in lacking)} on some side"
        return (held.model_copy(update={"verdict": "INSUFFICIENT", "reason": reason}),)

    def _held(self, evidence: Evidence, gaps: list[Gap], small: list[Slice], detail: dict[str, Any]) -> Finding:
        limit = evidence.contract.policy.limit(self.metric)
        # A gap that is sure to be too large comes first, then the largest, sure or not.
        worst = max(gaps, key=lambda one: (one.lower > limit, one.value))
        shown = sorted(gaps, key=lambda one: -one.value)[:SHOWN]
        named = ", ".join(one.name for one in small)
        return hold(
            evidence.contract,
            self.metric,
            self.gate,
            worst.value,
            interval=(worst.lower, worst.upper),
            rule="confident",
            baseline=0.0,
            support=len(evidence.synthetic),
            samples={what: len(table) for what, table in _tables(evidence).items()},
            reason=f"too few rows to measure {named}" if small else None,
            detail=detail
            | {
                "worst": {"slice": worst.slice, "measure": worst.measure},
                "gaps": {f"{one.slice} {one.measure}": [one.value, one.lower, one.upper] for one in shown},
                "unsupported": [one.name for one in small],
            },
        )

    def _dropped(self, evidence: Evidence, dropped: list[Slice], detail: dict[str, Any]) -> Finding:
        names = [one.name for one in dropped]
        held = unmeasured(
            evidence.contract, self.metric, self.gate, "FAIL", f"no synthetic row of {', '.join(names[:5])}"
        )
        support = {"support": len(evidence.synthetic), "value": 1.0, "baseline": 0.0}
        return held.model_copy(update=support | {"detail": detail | {"dropped": names[:SHOWN]}})


def _tables(evidence: Evidence) -> "dict[str, pd.DataFrame]":
    return {"synthetic": evidence.synthetic, "train": evidence.train, "holdout": evidence.holdout}


def _rows(evidence: Evidence, one: Slice) -> Rows:
    return Rows(*(inside(evidence, table, one) for table in _tables(evidence).values()))


def _support(evidence: Evidence) -> tuple[list[Slice], list[Slice]]:
    """Slices with enough rows in every table, and those without."""
    found: tuple[list[Slice], list[Slice]] = ([], [])
    for one in slices_of(evidence):
        least = min(int(inside(evidence, table, one).sum()) for table in _tables(evidence).values())
        found[least < LEAST].append(one)
    return found


def _dropped(evidence: Evidence) -> list[Slice]:
    """Slices of 1 % of the real rows that ten synthetic rows were due of, and none came: e^-10 by chance."""
    due = [one for one in slices_of(evidence) if one.share >= OCCURRING and one.share * len(evidence.synthetic) >= 10]
    return [one for one in due if not inside(evidence, evidence.synthetic, one).any()]


def _task(evidence: Evidence) -> Learning | None:
    try:
        return learning(evidence)
    except InsufficientEvidence:
        return None


def _gaps(evidence: Evidence, task: Learning | None, supported: list[Slice]) -> list[Gap]:
    from scipy.special import ndtri

    everything = Rows(*(np.ones(len(table), dtype=bool) for table in _tables(evidence).values()))
    whole = {loss.measure: loss for loss in losses(evidence, task, everything)}
    found = [(one, loss) for one in supported for loss in losses(evidence, task, _rows(evidence, one))]
    found = [(one, loss) for one, loss in found if loss.measure in whole and np.isfinite(loss.value)]
    width = -float(ndtri(0.025 / len(found)))
    return [_gap(one, loss, whole[loss.measure], width) for one, loss in found]


def _gap(one: Slice, loss: Loss, whole: Loss, width: float) -> Gap:
    value, half = loss.value - whole.value, width * float(np.hypot(loss.deviation, whole.deviation))
    return Gap(one.name, loss.measure, value, value - half, value + half)
