"""From a measured value to a finding: how a limit, an interval and too little data decide."""

import math
from collections.abc import Mapping
from typing import Any, Literal

from schemas.contract import Contract
from schemas.errors import InsufficientEvidence
from schemas.finding import Finding, Gate, Verdict
from schemas.metrics import BY_NAME, DIRECTIONS
from validators.statistics import Interval

Rule = Literal["value", "cautious", "confident"]


def hold(
    contract: Contract,
    metric: str,
    gate: Gate,
    value: float,
    *,
    interval: Interval | None = None,
    rule: Rule = "value",
    baseline: float | None = None,
    support: int = 0,
    samples: Mapping[str, int] | None = None,
    reason: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> Finding:
    """The finding of ``metric``, held against the contract's limit by ``rule``.

    ``value``: a value beyond the limit fails. ``cautious``: so it does, and a value within the limit whose interval
    reaches beyond it is insufficient: more data might pass it, these do not. ``confident``: only a value whose whole
    interval lies beyond the limit fails; for attacks that anyone may try, where noise alone must refuse nobody. A
    measure that decides so must ask for enough rows itself (``require``).
    """
    limit, direction = contract.policy.limit(metric), DIRECTIONS[metric]
    if not all(map(math.isfinite, (value, *(interval or ())))):
        return unmeasured(contract, metric, gate, "INVALID", "the measure is not a finite number on these tables")
    low, high = interval if interval is not None else (value, value)
    worst, best = (high, low) if direction == "at_most" else (low, high)
    decisive = best if rule == "confident" else value
    verdict: Verdict = "PASS" if _within(decisive, limit, direction) else "FAIL"
    if verdict == "PASS" and rule == "cautious" and not _within(worst, limit, direction):
        verdict, reason = "INSUFFICIENT", reason or "the interval reaches beyond the limit: too few rows to tell"
    held = unmeasured(contract, metric, gate, verdict, reason)
    measured = {"value": value, "interval": interval, "baseline": baseline, "support": support}
    return held.model_copy(update=measured | {"samples": dict(samples or {}), "detail": dict(detail or {})})


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
        method=BY_NAME[metric].method,
        source=BY_NAME[metric].source,
    )


def require(rows: int, least: int, what: str) -> None:
    """Raises ``InsufficientEvidence`` below ``least`` rows."""
    if rows < least:
        raise InsufficientEvidence(f"{what}: {rows} rows, at least {least} are needed")
