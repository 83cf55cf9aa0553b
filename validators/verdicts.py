"""From a measured value to a finding: how a limit, an interval and too little data decide."""

import math
from collections.abc import Mapping
from typing import Any

from schemas.contract import Contract
from schemas.errors import InsufficientEvidence
from schemas.finding import Finding, Gate, Verdict
from schemas.limits import DIRECTIONS
from validators.statistics import Interval


def hold(
    contract: Contract,
    metric: str,
    gate: Gate,
    value: float,
    *,
    interval: Interval | None = None,
    cautious: bool = False,
    baseline: float | None = None,
    support: int = 0,
    reason: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> Finding:
    """The finding of ``metric``, held against the contract's limit.

    A value beyond the limit fails. Where ``cautious``, a value within the limit whose interval reaches beyond it is
    insufficient: more data might pass it, these do not.
    """
    limit, direction = contract.policy.limit(metric), DIRECTIONS[metric]
    if not all(map(math.isfinite, (value, *(interval or ())))):
        return unmeasured(contract, metric, gate, "INVALID", "the measure is not a finite number on these tables")
    verdict: Verdict = "PASS" if _within(value, limit, direction) else "FAIL"
    worst = None if interval is None else interval[1] if direction == "at_most" else interval[0]
    if verdict == "PASS" and cautious and worst is not None and not _within(worst, limit, direction):
        verdict, reason = "INSUFFICIENT", reason or "the interval reaches beyond the limit: too few rows to tell"
    held = unmeasured(contract, metric, gate, verdict, reason)
    measured = {"value": value, "interval": interval, "baseline": baseline, "support": support}
    return held.model_copy(update=measured | {"detail": dict(detail or {})})


def _within(value: float, limit: float, direction: str) -> bool:
    return value <= limit if direction == "at_most" else value >= limit


def unmeasured(contract: Contract, metric: str, gate: Gate, verdict: Verdict, reason: str | None) -> Finding:
    """A finding without a value: what was missing, or what was broken."""
    return Finding(
        metric=metric,
        gate=gate,
        value=None,
        limit=contract.policy.limit(metric),
        direction=DIRECTIONS[metric],
        verdict=verdict,
        reason=reason,
    )


def require(rows: int, least: int, what: str) -> None:
    """Raises ``InsufficientEvidence`` below ``least`` rows."""
    if rows < least:
        raise InsufficientEvidence(f"{what}: {rows} rows, at least {least} are needed")
