"""The planner's side of private timing: when a private test is asked for, and what its one answer starts.

Every newly certified release under a contract with timing ``private`` arms a test against that release: a new grant
where none is outstanding, else a renewal of the one that has not fired, which costs nothing. A grant is used up by the
first answer that names it. So at most one grant is paid for each certified release, and none is asked for again before
a run has brought a new release, however often the stream would fire.
"""

from schemas.contract import Contract
from schemas.events.budget import TriggerGrant, TriggerRefused, TriggerRequested
from schemas.events.releases import ReleaseMoved
from schemas.events.sources import DriftDetected
from stream_app.core.plan import ArmedTrigger, Plan, Trigger
from stream_app.core.turn import STATION, Turn

TEST = "private drift test"


def arm(turn: Turn, event: ReleaseMoved) -> None:
    """Ask the ledger for a private test against a release that has just come into use, where the contract wants one."""
    plan, contract = turn.plan, turn.plan.contract
    if contract is None or not _wanted(plan, contract, event):
        return
    privacy, armed = contract.policy.privacy, plan.armed
    kept = armed is not None and (armed.scope, armed.grant.epsilon) == (privacy.scope, privacy.trigger_cost)
    if armed is not None and kept and armed.grant.release_id == event.release_id:
        return
    grant = TriggerGrant(
        grant_id=armed.grant.grant_id if armed is not None and kept else _new_id(turn),
        epsilon=privacy.trigger_cost,
        contract_digest=event.contract_digest,
        release_id=event.release_id,
        data=event.training.data,
    )
    turn.change(armed=ArmedTrigger(privacy.scope, grant))
    turn.tell(
        TriggerRequested,
        scope=privacy.scope,
        dataset=plan.dataset,
        grant=grant,
        accountant=privacy.accountant,
        renewal=kept,
    )


def _wanted(plan: Plan, contract: Contract, event: ReleaseMoved) -> bool:
    """The standing release, of the contract in force, for a dataset whose live rows may be looked at."""
    standing = plan.standing
    return (
        event.state == "certified"
        and contract.policy.privacy.timing == "private"
        and contract.policy.regeneration.on_drift
        and plan.access
        and event.contract_digest == plan.contract_digest
        and standing is not None
        and standing.release_id == event.release_id
    )


def _new_id(turn: Turn) -> str:
    return f"{turn.plan.dataset[:100]}.test.{turn.entry.fact_id(STATION, 'test')[:12]}"


def take_private_drift(turn: Turn, event: DriftDetected, text: str) -> None:
    """Under timing ``private`` only the answer of a granted test counts; any other drift changes nothing at all.

    Not even whether a fitted model may be sampled again, or which rows come next: both would tell of the raw stream.
    """
    plan, armed = turn.plan, turn.plan.armed
    if event.grant is None:
        turn.dismiss(text, "the contract's timing is private: drift on the raw stream decides nothing")
    elif armed is None or event.grant != armed.grant.grant_id:
        turn.dismiss(text, "the contract's timing is private, and this test was not granted, or has answered before")
    elif event.window is None:
        turn.dismiss(text, "the answer of the private test came without a window of rows to learn from")
    else:
        turn.change(armed=None, changes=plan.changes + 1, latest=event.window)
        turn.pull(Trigger("drift", text, turn.new_run_id()))


def take_trigger_refusal(turn: Turn, event: TriggerRefused) -> None:
    """No test without a grant: until the next certified release only snapshots, expiry and people start runs."""
    armed = turn.plan.armed
    if armed is None or event.grant.grant_id != armed.grant.grant_id:
        return
    turn.change(armed=None)
    turn.dismiss(TEST, f"the ledger refused the budget: {event.reason}; live rows start no run until the next release")
