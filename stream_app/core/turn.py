"""One turn of the planner: the plan as it changes while one entry is decided, and the facts that come of it."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from schemas.errors import PerennialError
from schemas.events.base import Event
from schemas.events.budget import RunEnded, SpendRequested
from schemas.events.plans import TriggerDeferred, TriggerDismissed
from schemas.events.runs import ArtefactRef, GenerationRequest
from schemas.regeneration import DATA_DRIVEN
from stream_app.core.entry import Entry
from stream_app.core.ladder import Choice, Selection
from stream_app.core.plan import KnownRelease, Plan, Run, Trigger

STATION = "planner"
IN_USE = ("certified", "expired")
F = TypeVar("F", bound=Event)
Outcome = Literal["certified", "rejected", "cancelled", "failed"]


@dataclass(slots=True)
class Turn:
    """Lives for one entry only; every fact's id derives from the entry and the fact's place in the turn."""

    plan: Plan
    entry: Entry
    selection: Selection
    facts: list[Event] = field(default_factory=list)

    def change(self, **changes: Any) -> None:
        self.plan = replace(self.plan, **changes)

    def tell(self, kind: type[F], **fields: Any) -> None:
        event_id = self.entry.fact_id(STATION, kind.type, len(self.facts))
        self.facts.append(kind(event_id=event_id, **fields))

    def dismiss(self, trigger: str, reason: str) -> None:
        self.tell(TriggerDismissed, dataset=self.plan.dataset, trigger=trigger, reason=reason)

    def new_run_id(self) -> str:
        return f"{self.plan.dataset}.{self.entry.fact_id(STATION, 'run')[:12]}"

    def pull(self, trigger: Trigger) -> None:
        """Start a run, or let the trigger wait for the one in flight or for the end of a cool-down, or dismiss it with
        the reason.
        """
        plan, resting = self.plan, rest(self.plan, trigger)
        reason = obstacle(plan, trigger) or outranked(plan, trigger)
        if reason is not None:
            self.dismiss(trigger.text, reason)
        elif plan.run is not None or resting is not None:
            self._overtake(trigger)
            self.change(waiting=trigger)
            if plan.run is None:
                self.tell(TriggerDeferred, dataset=plan.dataset, trigger=trigger.text, reason=resting)
        else:
            self._start(trigger)

    def resume(self) -> None:
        """What waited for the end of a cool-down gets its turn, or is dismissed where no run may start any more."""
        waiting = self.plan.waiting
        if self.plan.run is not None or waiting is None:
            return
        if rest(self.plan, waiting) is None or obstacle(self.plan, waiting) is not None:
            self.change(waiting=None)
            self.pull(waiting)

    def _overtake(self, trigger: Trigger) -> None:
        if self.plan.waiting is not None:
            self.dismiss(self.plan.waiting.text, f"overtaken while it waited by: {trigger.text}")
            self.change(waiting=None)

    def _start(self, trigger: Trigger) -> None:
        contract, again = self.plan.contract, reusable(self.plan, trigger)
        assert contract is not None
        if again is not None:
            choice = Choice(
                again.training.family, "the distribution is unchanged: its fitted model is sampled again, at no cost"
            )
        else:
            try:
                choice = self.selection.choose(contract, self.plan.training_rows, trigger.family)
            except PerennialError as error:
                self.dismiss(trigger.text, str(error))
                return
        self._overtake(trigger)
        self.change(noted=())
        self.attempt(trigger, (choice,), again)

    def attempt(self, trigger: Trigger, tried: tuple[Choice, ...], again: KnownRelease | None = None) -> None:
        """Ask the ledger for the next attempt of a run, which is the last of ``tried``."""
        plan, choice, number = self.plan, tried[-1], len(tried)
        assert plan.contract is not None
        assert plan.contract_digest is not None
        assert plan.latest is not None
        before = plan.run
        contract, digest, source = (
            (plan.contract, plan.contract_digest, plan.latest)
            if before is None
            else (before.request.contract, before.request.contract_digest, before.request.source)
        )
        request = GenerationRequest(
            run_id=trigger.run_id,
            attempt=number,
            release_id=f"{trigger.run_id}.{number}",
            dataset=plan.dataset,
            contract=contract,
            contract_digest=digest,
            source=source,
            family=choice.family,
            why=choice.why,
            trigger=trigger.text,
            origin=trigger.origin,
            parameters=choice.parameters,
            mechanisms=() if again else choice.mechanisms,
            reuse=again.training.model if again else None,
            earned=again.training.mechanisms if again else (),
            rows=trigger.rows or contract.policy.regeneration.rows,
            where=trigger.where,
            prior=_prior(plan, choice, digest) if before is None and again is None else None,
        )
        changes, rows = (plan.changes, plan.training_rows) if before is None else (before.changes, before.rows)
        self.change(run=Run(trigger, request, tried, changes, rows))
        self.tell(SpendRequested, scope=contract.policy.privacy.scope, request=request)

    def end(self, outcome: Outcome, reason: str | None = None) -> None:
        """The run in flight is over; what waited for it gets its turn."""
        run, waiting = self.plan.run, self.plan.waiting
        assert run is not None
        read = outcome != "failed" or run.request.attempt > 1  # without a grant no row was read
        source = run.request.source if read else self.plan.source
        self.change(run=None, waiting=None, ended_at=self.plan.now, source=source)
        self.tell(
            RunEnded,
            scope=run.request.contract.policy.privacy.scope,
            dataset=self.plan.dataset,
            run_id=run.request.run_id,
            outcome=outcome,
        )
        if reason is not None:
            self.dismiss(run.trigger.text, reason)
        if waiting is not None:
            self.pull(waiting)


def obstacle(plan: Plan, trigger: Trigger) -> str | None:
    """Why no run may start for this trigger now, or none."""
    if plan.contract is None:
        return "no contract was applied to this dataset"
    if not plan.access:
        return "access to the source was withdrawn"
    if plan.frozen:
        return "the dataset is frozen"
    if plan.paused is not None:
        return (
            f"the dataset is paused, because its columns changed ({listed(plan.paused.columns)}): apply a new version "
            "of the contract, or unfreeze the dataset to go on as it is"
        )
    if plan.latest is None:
        return "no snapshot of this dataset was profiled yet"
    if plan.contract.policy.privacy.claim == "formal" and plan.contract.unconfirmed:
        return "a formal claim needs public domains, and nobody has confirmed those of: " + ", ".join(
            plan.contract.unconfirmed
        )
    if trigger.release_id is not None:
        known = plan.release(trigger.release_id)
        if known is None or known.state not in (*IN_USE, *(("frozen",) if trigger.origin == "check" else ())):
            return "the release is no longer in use"
    if trigger.origin == "expiry" and plan.standing is not None and plan.standing.release_id != trigger.release_id:
        return "a newer release stands in its place"
    return None


def rest(plan: Plan, trigger: Trigger) -> str | None:
    """Why what live rows ask for waits although no run is in flight, or none; people and expiry never wait for it."""
    if plan.contract is None or plan.ended_at is None or trigger.origin not in DATA_DRIVEN:
        return None
    seconds = plan.contract.policy.regeneration.cool_down_seconds
    left = seconds - (plan.now - plan.ended_at) // 1000
    if plan.now - plan.ended_at >= seconds * 1000:
        return None
    return f"it waits for the end of the cool-down, {seconds} s after the last run ended: {left} s are left"


def outranked(plan: Plan, trigger: Trigger) -> str | None:
    """Why a trigger gives way to the one that waits already, or none.

    The waiting run will use the newest rows as well: displacing it would only lose what it was asked for.
    """
    waiting = plan.waiting
    if waiting is None:
        return None
    if plan.run is not None and waiting.origin == "person" and trigger.origin != "person":
        return "a run that a person requested is waiting already and will use the newest rows"
    if waiting.first and not trigger.first and trigger.origin in DATA_DRIVEN:
        return f"a subgroup goes first and its run will use the newest rows; already waiting is: {waiting.text}"
    return None


def listed(names: tuple[str, ...]) -> str:
    """Names for people: five at most, each cut at 60 characters."""
    shown = ", ".join(name[:60] for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _prior(plan: Plan, choice: Choice, contract_digest: str) -> ArtefactRef | None:
    """The model that a fit goes on from, or none: the standing release's, of that family and contract, never doubted.

    Only a run's first attempt goes on from one: where its release is refused, the next starts without.
    """
    standing = plan.standing
    if not choice.follows or standing is None or standing.contract_digest != contract_digest:
        return None
    training = standing.training
    if training.family != choice.family or training.model.sha256 in plan.revoked_models:
        return None
    return training.model


def reusable(plan: Plan, trigger: Trigger) -> KnownRelease | None:
    """The release whose fitted model may be sampled again for this trigger, at no cost, or none.

    The distribution must be unchanged since (contract, source, no drift, no failed check), and no release from the same
    model may ever have been revoked: what was wrong with that release may be wrong with its model.
    """
    good, contract = plan.good, plan.contract
    if trigger.origin not in ("person", "expiry") or good is None or contract is None or plan.latest is None:
        return None
    unchanged = (good.contract_digest, good.source.sha256, good.changes) == (
        plan.contract_digest,
        plan.latest.sha256,
        plan.changes,
    )
    wanted = trigger.family in (None, good.training.family)
    earned = contract.policy.privacy.claim != "formal" or bool(good.training.mechanisms)
    trusted = good.training.model.sha256 not in plan.revoked_models
    return good if unchanged and wanted and earned and trusted else None
