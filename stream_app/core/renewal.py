"""The releases that the planner knows, and the runs that renew them before or when they expire."""

from schemas.events.releases import ReleaseMoved
from stream_app.core.plan import KnownRelease, Plan, Trigger
from stream_app.core.trigger_budget import arm
from stream_app.core.turn import Turn, obstacle

DAY_MS = 86_400_000
REMEMBERED = 64
"""Releases that a plan keeps; it only ever samples the newest good one again."""


def take_move(turn: Turn, event: ReleaseMoved) -> None:
    """The registry says where a release stands; a run whose release stands or fell is over."""
    plan = turn.plan
    known = plan.release(event.release_id)
    run = plan.run if plan.run is not None and plan.run.request.run_id == event.run_id else None
    if event.state == "revoked":
        models = plan.revoked_models
        turn.change(
            revoked_models=models if event.training.model.sha256 in models else (*models, event.training.model.sha256)
        )
    if known is None or known.state != "revoked":
        turn.change(releases=_remembered(plan, event, known, None if run is None else run.changes))
        arm(turn, event)
    if run is None:
        return
    if event.state in ("certified", "superseded", "expired", "retired"):
        turn.end("certified")
    elif event.state in ("rejected", "revoked"):
        turn.end("rejected", f"release {event.release_id} is {event.state}")


def _remembered(
    plan: Plan, event: ReleaseMoved, known: KnownRelease | None, changes: int | None
) -> tuple[KnownRelease, ...]:
    first = event.state == "certified" and (known is None or known.expires_at is None)
    valid = plan.contract.policy.tier.valid_days * DAY_MS if plan.contract is not None else None
    kept = KnownRelease(
        release_id=event.release_id,
        state=event.state,
        source=event.source,
        contract_digest=event.contract_digest,
        training=event.training,
        changes=changes if known is None or known.changes is None else known.changes,
        certified_at=plan.now if first or known is None else known.certified_at,
        expires_at=(
            plan.now + valid if first and valid is not None else known.expires_at if known is not None else None
        ),
    )
    others = [other for other in plan.releases if other.release_id != event.release_id]
    return tuple(sorted((*others, kept), key=lambda each: (each.certified_at, each.release_id))[-REMEMBERED:])


def take_tick(turn: Turn) -> None:
    """A standing release is renewed once some days ahead, where the contract says so, and once when it has expired.

    Each as soon as a run may start: what stands in the way only puts it off.
    """
    plan, due = turn.plan, _due(turn.plan)
    if due is None or plan.expiry_handled == due[0]:
        return
    handled, release_id, text = due
    trigger = Trigger("expiry", text, turn.new_run_id(), release_id=release_id)
    if obstacle(plan, trigger) is None:
        turn.change(expiry_handled=handled)
        turn.pull(trigger)


def _due(plan: Plan) -> tuple[str, str, str] | None:
    """What is due, the release, and the trigger's text; or none."""
    contract, standing = plan.contract, plan.standing
    if contract is None or standing is None or standing.expires_at is None:
        return None
    policy, name = contract.policy.regeneration, standing.release_id
    if not policy.on_expiry:
        return None
    if standing.expires_at <= plan.now:
        return name, name, f"release {name} expired"
    if standing.expires_at - policy.renew_days_ahead * DAY_MS <= plan.now:
        return f"{name}/ahead", name, f"release {name} expires within {policy.renew_days_ahead} days"
    return None
