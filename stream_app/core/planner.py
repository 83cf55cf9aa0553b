"""The planner's decisions: the fold of ``plan.log``, one state per dataset.

Whether, why and how to generate again: on a new snapshot, drift, expiry, a failed check or a person's request; one
run in flight per dataset; after a rejection the ladder is climbed. What is installed on a worker never enters
(``ladder.py`` says how that works).
"""

from dataclasses import dataclass, replace

from schemas.errors import PerennialError
from schemas.events.base import Event
from schemas.events.budget import CapDeclared, SpendRefused, TriggerRefused
from schemas.events.commands import (
    ApplyContract,
    CancelRun,
    CommandAccepted,
    Freeze,
    GrantAccess,
    StartRun,
    Unfreeze,
    WithdrawAccess,
    target_of,
)
from schemas.events.plans import ContractApplied, Ticked
from schemas.events.releases import CheckFailed, ReleaseMoved
from schemas.events.runs import CandidateRejected
from schemas.events.sources import DriftDetected, ProfileTaken
from schemas.regeneration import DATA_DRIVEN
from stream_app.core.entry import Entry, Facts
from stream_app.core.ladder import Choice, Selection
from stream_app.core.plan import Plan, Trigger
from stream_app.core.renewal import take_move, take_tick
from stream_app.core.signals import take_check, take_drift
from stream_app.core.trigger_budget import take_trigger_refusal
from stream_app.core.turn import Turn, obstacle


def initial(dataset: str) -> Plan:
    return Plan(dataset)


@dataclass(frozen=True, slots=True)
class Planner:
    """``Planner(selection).step`` is the step of the fold."""

    selection: Selection

    def step(self, plan: Plan, entry: Entry, /) -> tuple[Plan, Facts]:
        """Decide one entry of ``plan.log``; other events change nothing."""
        recorded = plan.decided.recall(entry)
        if recorded is not None:
            return plan, recorded
        turn = Turn(replace(plan, now=max(plan.now, entry.at)), entry, self.selection)
        _decide(turn, entry.event)
        turn.resume()
        facts = tuple(turn.facts)
        return replace(turn.plan, decided=plan.decided.record(entry, facts)), facts


def _decide(turn: Turn, event: Event) -> None:
    match event:
        case CommandAccepted():
            _command(turn, event)
        case ProfileTaken():
            _profile(turn, event)
        case DriftDetected():
            take_drift(turn, event)
        case CandidateRejected():
            _rejected(turn, event)
        case SpendRefused():
            _refused(turn, event)
        case TriggerRefused():
            take_trigger_refusal(turn, event)
        case ReleaseMoved():
            take_move(turn, event)
        case CheckFailed():
            take_check(turn, event)
        case Ticked():
            take_tick(turn)
        case _:
            pass


def _command(turn: Turn, event: CommandAccepted) -> None:
    if target_of(event.command) != turn.plan.dataset:
        return
    match event.command:
        case ApplyContract() as command:
            _contract(turn, command)
        case StartRun(rows=rows, where=where, family=family):
            text = "run requested" + (f" with family {family}" if family else "")
            turn.pull(Trigger("person", text, turn.new_run_id(), rows, where, family))
        case CancelRun(run_id=run_id):
            _cancel(turn, run_id)
        case Freeze(release_id=None):
            turn.change(frozen=True)
        case Unfreeze(release_id=None):
            _unfreeze(turn)
        case GrantAccess():
            turn.change(access=True)
        case WithdrawAccess():
            turn.change(access=False)
            if turn.plan.run is not None:
                turn.end("cancelled", "access to the source was withdrawn")
        case _:
            pass


def _unfreeze(turn: Turn) -> None:
    """Ends the freeze, or else the pause: who unfreezes for another reason need not know of the changed columns."""
    plan = turn.plan
    if plan.paused is None:
        turn.change(frozen=False)
    elif plan.frozen:
        turn.change(frozen=False)
        turn.dismiss(
            "unfreeze", "the freeze is over, but the pause for changed columns holds: unfreeze once more to end that"
        )
    else:
        turn.change(paused=None, accepted=(*plan.accepted, *plan.paused.columns))


def _contract(turn: Turn, command: ApplyContract) -> None:
    plan, contract = turn.plan, command.contract
    digest, trigger = contract.digest(), f"contract {contract.version}"
    if contract.dataset != plan.dataset:
        turn.dismiss(trigger, "the contract is of another dataset than its command")
        return
    if (
        plan.contract is not None
        and digest != plan.contract_digest
        and _version(contract.version) <= _version(plan.contract.version)
    ):
        turn.dismiss(trigger, f"version {plan.contract.version} is in force: a changed contract needs a higher version")
        return
    if digest == plan.contract_digest:
        turn.dismiss(trigger, "this contract is in force already")
        return
    turn.change(contract=contract, contract_digest=digest, paused=None, accepted=())
    privacy = contract.policy.privacy
    turn.tell(ContractApplied, dataset=plan.dataset, contract=contract, contract_digest=digest)
    turn.tell(
        CapDeclared,
        scope=privacy.scope,
        dataset=plan.dataset,
        epsilon=privacy.cap_epsilon,
        delta=privacy.delta,
        accountant=privacy.accountant,
    )
    if plan.contract is not None and privacy.timing != plan.contract.policy.privacy.timing:
        _drop_untimely(turn, plan.contract.policy.privacy.timing, privacy.timing)


def _drop_untimely(turn: Turn, before: str, timing: str) -> None:
    """What live rows asked for under another timing may not decide when a run of the new contract starts, nor may a
    window that drift on the raw stream chose be what it learns from.
    """
    profile, waiting = turn.plan.profile, turn.plan.waiting
    if before == "raw":
        turn.change(latest=None if profile is None else profile.source)
    if timing != "raw" and waiting is not None and waiting.origin in DATA_DRIVEN:
        turn.change(waiting=None)
        turn.dismiss(waiting.text, f"it waited, and the new contract's timing is {timing}: it may not decide that")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _cancel(turn: Turn, run_id: str) -> None:
    if turn.plan.run is None or turn.plan.run.request.run_id != run_id:
        turn.dismiss("cancellation", "no such run is in flight")
        return
    turn.end("cancelled")


def _profile(turn: Turn, event: ProfileTaken) -> None:
    """A snapshot counts once under each contract; rows of the stream are counted anew from it."""
    taken = f"{event.source.sha256}/{turn.plan.contract_digest}"
    known, first = turn.plan.taken == taken, turn.plan.profile is None
    turn.change(profile=event, taken=taken)
    if known:
        return
    turn.change(latest=event.source, drift=None, noted=())
    turn.pull(Trigger("snapshot", "first snapshot" if first else "new snapshot or contract", turn.new_run_id()))


def _rejected(turn: Turn, event: CandidateRejected) -> None:
    run, request = turn.plan.run, event.dossier.request
    if run is None or (request.run_id, request.attempt) != (run.request.run_id, run.request.attempt):
        return
    why = "; ".join(event.reasons)[:400] or event.verdict
    said = f"attempt {request.attempt} ({request.family}) was refused by {event.station}: {why}"
    if (reason := obstacle(turn.plan, run.trigger)) is not None:
        turn.end("rejected", f"{said}; no further attempt, because {reason}")
        return
    choice, left = _next_choice(turn, event)
    if choice is None:
        turn.end("rejected", f"{said}; {left}")
        return
    turn.attempt(run.trigger, (*run.tried, choice))


def _next_choice(turn: Turn, event: CandidateRejected) -> tuple[Choice | None, str]:
    """What to try next under the contract that the run pinned, or none and why."""
    run = turn.plan.run
    assert run is not None
    if event.verdict == "INSUFFICIENT":
        # Another draw could only pass by chance, and every attempt is paid for.
        return None, "no other generator brings more evidence: more rows are needed, or a contract that asks for less"
    contract, rows = run.request.contract, run.rows
    if len(run.tried) >= contract.policy.regeneration.max_attempts:
        return None, f"the contract allows {contract.policy.regeneration.max_attempts} attempts"
    try:
        if run.request.reuse is not None:
            choice: Choice | None = turn.selection.choose(contract, rows, run.trigger.family)
        else:
            choice = turn.selection.climb(contract, rows, run.tried, event.reasons)
    except PerennialError as error:
        return None, str(error)
    return choice, "nothing is left to try"


def _refused(turn: Turn, event: SpendRefused) -> None:
    run = turn.plan.run
    if run is None or (event.request.run_id, event.request.attempt) != (run.request.run_id, run.request.attempt):
        return
    turn.end("failed", f"the ledger refused the budget: {event.reason}")
