"""The planner's decisions: the fold of ``plan.log``, one state per dataset.

Whether, why and how to generate again: on a new snapshot, drift, expiry, a failed check or a person's request; one
run in flight per dataset; after a rejection the ladder is climbed. What is installed on a worker never enters
(``ladder.py`` says how that works).
"""

from dataclasses import dataclass, replace

from schemas.errors import PerennialError
from schemas.events.base import Event
from schemas.events.budget import CapDeclared, SpendRefused
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
from stream_app.core.entry import Entry, Facts
from stream_app.core.ladder import Choice, Selection
from stream_app.core.plan import DriftMark, KnownRelease, Plan, Trigger
from stream_app.core.turn import Turn, obstacle

DAY_MS = 86_400_000
REMEMBERED = 64
"""Releases that a plan keeps; it only ever samples the newest good one again."""


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
        facts = tuple(turn.facts)
        return replace(turn.plan, decided=plan.decided.record(entry, facts)), facts


def _decide(turn: Turn, event: Event) -> None:
    match event:
        case CommandAccepted():
            _command(turn, event)
        case ProfileTaken():
            _profile(turn, event)
        case DriftDetected():
            _drift(turn, event)
        case CandidateRejected():
            _rejected(turn, event)
        case SpendRefused():
            _refused(turn, event)
        case ReleaseMoved():
            _moved(turn, event)
        case CheckFailed():
            _check(turn, event)
        case Ticked():
            _tick(turn)
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
            turn.change(frozen=False)
        case GrantAccess():
            turn.change(access=True)
        case WithdrawAccess():
            turn.change(access=False)
            if turn.plan.run is not None:
                turn.end("cancelled", "access to the source was withdrawn")
        case _:
            pass


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
    turn.change(contract=contract, contract_digest=digest)
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
    turn.change(latest=event.source, drift=None)
    turn.pull(Trigger("snapshot", "first snapshot" if first else "new snapshot or contract", turn.new_run_id()))


def _drift(turn: Turn, event: DriftDetected) -> None:
    columns = ", ".join(event.columns) or "rows"
    text = f"drift: {event.kind} of {columns}, {event.effect:.3g} {event.effect_unit} after {event.row} rows"
    plan = turn.plan
    if plan.contract is None:
        turn.dismiss(text, "no contract was applied to this dataset")
        return
    policy = plan.contract.policy.regeneration
    if plan.drift is not None and _rows_since(plan.drift, event.row) < policy.debounce_rows:
        turn.dismiss(text, f"within {policy.debounce_rows} rows of the drift that was acted on: the same change")
        return
    turn.change(changes=plan.changes + 1, latest=event.window or plan.latest)
    if (reason := _no_drift_run(turn.plan, event)) is not None:
        turn.dismiss(text, reason)
        return
    trigger = Trigger("drift", text, turn.new_run_id())
    if obstacle(turn.plan, trigger) is None:
        turn.change(drift=DriftMark(event.row, turn.plan.now))
    turn.pull(trigger)


def _rows_since(mark: DriftMark, row: int) -> int:
    """Rows between two drifts; a count that fell was started anew."""
    return row - mark.row if row >= mark.row else row


def _no_drift_run(plan: Plan, event: DriftDetected) -> str | None:
    assert plan.contract is not None
    policy = plan.contract.policy
    if not policy.regeneration.on_drift:
        return "the contract does not regenerate on drift"
    if policy.privacy.timing != "raw":
        return f"the contract's timing is {policy.privacy.timing}: drift on the raw stream may not decide the time"
    if event.window is None:
        return "the drift came without a window of rows to learn from"
    if plan.drift is not None and plan.now - plan.drift.at < policy.regeneration.debounce_seconds * 1000:
        return f"within {policy.regeneration.debounce_seconds} s of the drift that was acted on"
    return None


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


def _moved(turn: Turn, event: ReleaseMoved) -> None:
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


def _check(turn: Turn, event: CheckFailed) -> None:
    text = f"check failed: {event.metric} of {event.release_id} is {event.value:.4g}, limit {event.limit:.4g}"
    turn.change(changes=turn.plan.changes + 1)
    if turn.plan.contract is not None and turn.plan.contract.policy.privacy.timing != "raw":
        turn.dismiss(text, "the contract's timing does not allow fresh rows to decide when to regenerate")
        return
    turn.pull(Trigger("check", text, turn.new_run_id(), release_id=event.release_id))


def _tick(turn: Turn) -> None:
    """Expiry starts one run for each release, as soon as one may start."""
    plan, standing = turn.plan, turn.plan.standing
    if plan.contract is None or not plan.contract.policy.regeneration.on_expiry or standing is None:
        return
    if standing.expires_at is None or standing.expires_at > plan.now or standing.release_id == plan.expiry_handled:
        return
    trigger = Trigger(
        "expiry", f"release {standing.release_id} expired", turn.new_run_id(), release_id=standing.release_id
    )
    if obstacle(plan, trigger) is None:
        turn.change(expiry_handled=standing.release_id)
        turn.pull(trigger)
