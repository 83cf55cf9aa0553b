"""What live rows tell the planner: drift, columns that changed, checks that a release failed."""

from schemas.events.releases import CheckFailed, IncidentOpened
from schemas.events.sources import DriftDetected
from stream_app.core import drift_policy
from stream_app.core.plan import DriftMark, Pause, Trigger
from stream_app.core.trigger_budget import take_private_drift
from stream_app.core.turn import STATION, Turn, listed, obstacle

RUNBOOK = "deploy/runbooks/schema-drift.md"
SUBGROUP_METRICS = "subgroup"
"""How the names of metrics begin that look at subgroups."""


def take_drift(turn: Turn, event: DriftDetected) -> None:
    """Start a run on drift, or note it and say why none starts; changed columns pause the dataset.

    Where the contract's timing keeps the raw stream out, drift on it changes nothing but what is told of it.
    """
    text, contract = drift_policy.described(event), turn.plan.contract
    if contract is None:
        turn.dismiss(text, "no contract was applied to this dataset")
        return
    if event.kind == "schema":
        _pause(turn, event, text)
        return
    if contract.policy.privacy.timing == "private":
        take_private_drift(turn, event, text)
        return
    if (reason := drift_policy.untimely(contract)) is not None:
        # Which rows come next, and whether a model is sampled again, would tell of the raw stream as the time does.
        turn.dismiss(text, reason)
        return
    policy = contract.policy.regeneration
    if (reason := drift_policy.repeats(turn.plan, policy, event)) is not None:
        turn.dismiss(text, reason)
        return
    plan = turn.plan
    turn.change(
        changes=plan.changes + 1, latest=event.window or plan.latest, noted=drift_policy.noted(plan.noted, event)
    )
    if (reason := drift_policy.refusal(turn.plan, contract, event)) is not None:
        turn.dismiss(text, reason)
        return
    trigger = Trigger("drift", text, turn.new_run_id(), first=drift_policy.goes_first(event, policy))
    if obstacle(turn.plan, trigger) is None:
        turn.change(drift=DriftMark(event.row, turn.plan.now))
    turn.pull(trigger)


def _pause(turn: Turn, event: DriftDetected, text: str) -> None:
    """Columns that appeared, vanished or changed type: no run starts until a person has decided, under any timing.

    What the sender declares is no fact about a person, and a run that does not start takes nothing from the budget.
    The run in flight goes on with the rows that it was given, and releases that stand stay valid.
    """
    plan = turn.plan
    turn.change(changes=plan.changes + 1)
    if plan.paused is not None:
        turn.dismiss(text, f"the dataset is paused already for changed columns: see incident {plan.paused.incident_id}")
        return
    if event.columns and set(event.columns) <= set(plan.accepted):
        turn.dismiss(text, "a person looked at this change of columns and decided to go on under this contract")
        return
    incident_id = turn.entry.fact_id(STATION, "incident")
    turn.change(paused=Pause(event.columns, incident_id))
    columns = listed(event.columns) or "not named"
    turn.tell(
        IncidentOpened,
        dataset=plan.dataset,
        incident_id=incident_id,
        severity="high",
        summary=f"the columns of the source changed ({columns}): no run starts, releases that stand stay valid. Either "
        "apply a version of the contract that states the columns as they are now and announce a snapshot, or mend the "
        f"source and unfreeze the dataset; see {RUNBOOK}",
    )
    turn.dismiss(text, f"the dataset is paused until a person decides: see incident {incident_id}")


def take_check(turn: Turn, event: CheckFailed) -> None:
    """A release that no longer holds, on fresh rows or under attack, is made anew where rows may decide that."""
    text = f"check failed: {event.metric} of {event.release_id} is {event.value:.4g}, limit {event.limit:.4g}"
    text += f", most in {event.group}" if event.group else ""
    contract = turn.plan.contract
    _learn_from(turn, event)
    if contract is None or contract.policy.privacy.timing == "raw":
        turn.change(changes=turn.plan.changes + 1)
    if contract is not None and contract.policy.privacy.timing != "raw":
        what = "fresh rows" if event.gate == "utility" else "an attack on real rows"
        turn.dismiss(text, f"the contract's timing does not allow {what} to decide when to regenerate")
        return
    subgroups_first = contract is not None and contract.policy.regeneration.subgroups_first
    first = subgroups_first and (event.group is not None or event.metric.startswith(SUBGROUP_METRICS))
    run = turn.plan.run
    if run is not None and (run.trigger.origin, run.trigger.release_id) == ("check", event.release_id):
        turn.dismiss(text, "a run for a check that this release failed is in flight already")
        return
    turn.pull(Trigger("check", text, turn.new_run_id(), release_id=event.release_id, first=first))


def _learn_from(turn: Turn, event: CheckFailed) -> None:
    """A model whose release gave way to an attack is never sampled again, whatever the timing. Where fresh rows may
    decide, a release that degraded is made anew from those that showed it, unless newer ones came meanwhile.
    """
    plan, known = turn.plan, turn.plan.release(event.release_id)
    if known is None:
        return
    if event.gate == "privacy":
        model = known.training.model.sha256
        turn.change(revoked_models=tuple(dict.fromkeys((*plan.revoked_models, model))))
        return
    raw = plan.contract is not None and plan.contract.policy.privacy.timing == "raw"
    if raw and event.window is not None and plan.latest is not None and plan.latest.sha256 == known.source.sha256:
        turn.change(latest=event.window)
