"""The planner's policy on drift, as pure functions over plan, contract and event.

Which events are one change, whether what was noted suffices for a run, and in words for operators why it does not.
"""

import math
from dataclasses import replace

from schemas.contract import Contract
from schemas.events.sources import DriftDetected
from schemas.regeneration import Regeneration
from stream_app.core.plan import DriftMark, NotedDrift, Plan
from stream_app.core.turn import listed

REMEMBERED = 64
"""Changes that a plan keeps in mind between two runs, the newest ones."""

ROUNDING = 1e-9
"""Severities are sums of decimal fractions: ten times a tenth is one."""


def described(event: DriftDetected) -> str:
    """The event as the text of a trigger."""
    group = "" if event.group is None else f" (group {event.group[:60]})"
    columns = listed(event.columns) or "rows"
    return f"drift: {event.kind} of {columns}{group}, {event.effect:.3g} {event.effect_unit} after {event.row} rows"


def goes_first(event: DriftDetected, policy: Regeneration) -> bool:
    """Whether it is a subgroup's drift, under a contract that lets subgroups go first."""
    return policy.subgroups_first and (event.kind == "subgroup" or event.group is not None)


def repeats(plan: Plan, policy: Regeneration, event: DriftDetected) -> str | None:
    """Why the event is taken for the change that a run was started for already, or none."""
    rows, own = policy.debounce_rows, policy.subgroup_debounce_rows
    if own is not None and goes_first(event, policy):
        rows = own
    if plan.drift is None or _rows_since(plan.drift, event.row) >= rows:
        return None
    return f"within {rows} rows of the drift that was acted on: the same change"


def _rows_since(mark: DriftMark, row: int) -> int:
    """Rows between two drifts; a count that fell was started anew."""
    return row - mark.row if row >= mark.row else row


def noted(known: tuple[NotedDrift, ...], event: DriftDetected) -> tuple[NotedDrift, ...]:
    """The changes in mind with this event's, newest last.

    Reports of one kind, columns and group whose spans of rows meet are one change: its span grows, and of its
    severities the largest holds. A sealed window shows that a change lasted for its rows.
    """
    new = _change(event)
    same = [old for old in known if _one_change(old, new)]
    merged = replace(
        new,
        severity=max(each.severity for each in (*same, new)),
        since_row=min(each.since_row for each in (*same, new)),
        row=max(each.row for each in (*same, new)),
    )
    return (*(old for old in known if old not in same), merged)[-REMEMBERED:]


def _change(event: DriftDetected) -> NotedDrift:
    window = 0 if event.window is None else event.window.rows or 0
    since = min(event.since_row, event.row)
    return NotedDrift(event.kind, event.columns, event.group, event.severity, since, max(event.row, since + window))


def _one_change(old: NotedDrift, new: NotedDrift) -> bool:
    alike = (old.kind, old.columns, old.group) == (new.kind, new.columns, new.group)
    return alike and new.since_row <= old.row and old.since_row <= new.row


def refusal(plan: Plan, contract: Contract, event: DriftDetected) -> str | None:
    """Why no run is started for this event, which stands last in ``plan.noted``, or none."""
    policy = contract.policy.regeneration
    if not policy.on_drift:
        return "the contract does not regenerate on drift (on_drift: false)"
    return _no_rows(plan, contract, event) or _unmet(plan, policy) or _too_soon(plan, policy)


def untimely(contract: Contract) -> str | None:
    """Why the contract's timing does not let the raw stream decide anything about regeneration, or none."""
    timing = contract.policy.privacy.timing
    return None if timing == "raw" else f"the contract's timing is {timing}: drift on the raw stream decides nothing"


def _no_rows(plan: Plan, contract: Contract, event: DriftDetected) -> str | None:
    """An outside detector seals no window: what it found is learnt from rows that no run has read yet, or not at all.

    Where no rows are known at all, the run's own obstacle says so.
    """
    if event.window is not None:
        return None
    if contract.policy.drift.late_labels and event.kind not in ("external", "concept"):
        return "labels come late, and it was found in rows without them: checks on labelled rows will decide"
    if event.kind != "external":
        return "the drift came without a window of rows to learn from: its sealed window will decide"
    read = [plan.source, plan.run.request.source if plan.run is not None else None]
    if plan.latest is None or all(source is None or source.sha256 != plan.latest.sha256 for source in read):
        return None
    return (
        "it was found outside and came without a window, and a run has read the newest rows that are known: "
        "it needs a window, or a new snapshot"
    )


def _unmet(plan: Plan, policy: Regeneration) -> str | None:
    change = plan.noted[-1]
    if change.lasted < policy.persistence_rows:
        return (
            f"noted: it has lasted {change.lasted} of the {policy.persistence_rows} rows that the contract asks for "
            "(persistence_rows); a later report of it, or its sealed window, can show more"
        )
    weight = math.fsum(each.severity for each in plan.noted if each.lasted >= policy.persistence_rows)
    if weight + ROUNDING < policy.minimum_severity:
        return (
            f"noted: its severity is {change.severity:.3g}, and all that was found since the last run adds up to "
            f"{weight:.3g} of the {policy.minimum_severity:.3g} that the contract asks for (minimum_severity)"
        )
    return None


def _too_soon(plan: Plan, policy: Regeneration) -> str | None:
    if plan.drift is None or plan.now - plan.drift.at >= policy.debounce_seconds * 1000:
        return None
    return f"within {policy.debounce_seconds} s of the drift that was acted on"
