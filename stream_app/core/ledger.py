"""The ledger's decisions: the fold of ``budget.log``, one state per budget scope.

Reserve before any row is read: what was granted is spent whatever becomes of the run, rejected attempts included, and
the scope's epsilon is composed over every grant it ever made. Caps are compared on exact figures; what is written is
rounded up. Anything that cannot be accounted for is refused.
"""

import math
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from schemas.accounting import epsilon_of
from schemas.errors import BudgetError, PerennialError
from schemas.events.budget import (
    CapChanged,
    CapDeclared,
    LedgerEntry,
    RunEnded,
    SpendRefused,
    SpendRequested,
    SpendReserved,
    SpendSettled,
    TriggerGrant,
    TriggerRefused,
    TriggerRequested,
    TriggerReserved,
)
from schemas.events.commands import CommandAccepted, SetCap
from schemas.events.runs import Dossier, GenerationRequest, GenerationRequested
from schemas.mechanism import Gaussian, Mechanism, Pure, SubsampledGaussian
from schemas.model import epsilon_text
from schemas.regeneration import DATA_DRIVEN
from stream_app.core.caps import ACCOUNTANTS, Cap, Caps
from stream_app.core.entry import Entry, Facts
from stream_app.core.persistent import Decided, PersistentMap

STATION = "ledger"
LARGEST = 999_999_999
UNCAPPED = Cap(epsilon="0", delta=1e-5)
"""What a refusal states where no cap was ever declared: nothing may be spent."""


@dataclass(frozen=True, slots=True)
class RunSpend:
    """What one run reserved: its releases, their mechanisms, and how it ended."""

    releases: tuple[str, ...] = ()
    mechanisms: tuple[Mechanism, ...] = ()
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The budget of one scope. ``spent`` is every grant so far, equal mechanisms counted together; ``triggers`` the
    grants of private tests by id.
    """

    scope: str
    caps: Caps = field(default_factory=Caps)
    spent: tuple[Mechanism, ...] = ()
    runs: PersistentMap[RunSpend] = field(default_factory=PersistentMap)
    triggers: PersistentMap[TriggerGrant] = field(default_factory=PersistentMap)
    sequence: int = 0
    previous: str | None = None
    decided: Decided = field(default_factory=Decided)

    @property
    def cap(self) -> Cap:
        return self.caps.in_force or UNCAPPED


def initial(scope: str) -> Ledger:
    return Ledger(scope)


def step(ledger: Ledger, entry: Entry, /) -> tuple[Ledger, Facts]:
    """Decide one entry of ``budget.log``; other events change nothing."""
    recorded = ledger.decided.recall(entry)
    if recorded is not None:
        return ledger, recorded
    after, facts = _decide(ledger, entry)
    return replace(after, decided=ledger.decided.record(entry, facts)), facts


def _decide(ledger: Ledger, entry: Entry) -> tuple[Ledger, Facts]:
    match entry.event:
        case CapDeclared() as event:
            return _recap(ledger, entry, ledger.caps.declare(event), event.dataset, "contract")
        case CommandAccepted(command=SetCap() as command) if command.scope == ledger.scope:
            return _recap(ledger, entry, ledger.caps.command(command), ledger.scope, "command")
        case SpendRequested(request=request):
            return _spend(ledger, entry, request)
        case TriggerRequested() as event:
            return _arm(ledger, entry, event)
        case RunEnded() as event:
            return _settle(ledger, entry, event)
        case _:
            return ledger, ()


def compounded(spent: tuple[Mechanism, ...], more: tuple[Mechanism, ...]) -> tuple[Mechanism, ...]:
    """Both together, with equal mechanisms counted: the same composition, so nothing is gained or lost."""
    found = list(spent)
    for mechanism in more:
        place = next((index for index, known in enumerate(found) if _same(known, mechanism)), None)
        if place is None:
            found.append(mechanism)
        else:
            found[place] = _added(found[place], mechanism)
    return tuple(found)


def _same(known: Mechanism, mechanism: Mechanism) -> bool:
    if isinstance(known, Gaussian) and isinstance(mechanism, Gaussian):
        return known.noise_multiplier == mechanism.noise_multiplier
    if isinstance(known, SubsampledGaussian) and isinstance(mechanism, SubsampledGaussian):
        return (known.noise_multiplier, known.sample_rate) == (mechanism.noise_multiplier, mechanism.sample_rate)
    return False


def _added(known: Mechanism, mechanism: Mechanism) -> Mechanism:
    if isinstance(known, Gaussian) and isinstance(mechanism, Gaussian):
        return known.model_copy(update={"count": known.count + mechanism.count})
    if isinstance(known, SubsampledGaussian) and isinstance(mechanism, SubsampledGaussian):
        return known.model_copy(update={"steps": known.steps + mechanism.steps})
    raise BudgetError("only mechanisms of one kind are counted together")


def _recap(ledger: Ledger, entry: Entry, caps: Caps, dataset: str, origin: str) -> tuple[Ledger, Facts]:
    after = replace(ledger, caps=caps)
    if ledger.caps.in_force == caps.in_force:
        return after, ()
    return _write(
        after,
        entry,
        CapChanged,
        dataset=dataset,
        origin=origin,
        epsilon_before=_text(ledger.spent, ledger.cap.delta),
        epsilon_after=_text(ledger.spent, after.cap.delta),
    )


def _spend(ledger: Ledger, entry: Entry, request: GenerationRequest) -> tuple[Ledger, Facts]:
    run = ledger.runs.get(request.run_id) or RunSpend()
    spent = compounded(ledger.spent, request.mechanisms)
    try:
        exact = _composed(spent, ledger.cap.delta)
        fault = _fault(ledger, run, request) or _overspent(ledger, request, exact)
        after_text = _written(exact)
    except (PerennialError, ArithmeticError, ValueError):
        fault, after_text = (
            "the accountant cannot account for the mechanisms asked for",
            _text(ledger.spent, ledger.cap.delta),
        )
    told: dict[str, Any] = {
        "dataset": request.dataset,
        "run_id": request.run_id,
        "attempt": request.attempt,
        "mechanisms": request.mechanisms,
        "epsilon_before": _text(ledger.spent, ledger.cap.delta),
        "epsilon_after": after_text,
    }
    if fault is not None:
        return _write(ledger, entry, SpendRefused, request=request, reason=fault, **told)
    kept = replace(
        run, releases=(*run.releases, request.release_id), mechanisms=compounded(run.mechanisms, request.mechanisms)
    )
    granted = replace(ledger, spent=spent, runs=ledger.runs.put(request.run_id, kept))
    after, facts = _write(granted, entry, SpendReserved, **told)
    dossier = Dossier(request=request, epsilon_after=after_text)
    go = GenerationRequested(event_id=entry.fact_id(STATION, "generation"), dataset=request.dataset, dossier=dossier)
    return after, (*facts, go)


def _fault(ledger: Ledger, run: RunSpend, request: GenerationRequest) -> str | None:
    """Why a request is refused whatever it costs, or none."""
    privacy = request.contract.policy.privacy
    accountant = ledger.caps.accountant(request.dataset)
    if accountant is None:
        return "the dataset has declared no cap in this scope: apply its contract"
    if accountant not in ACCOUNTANTS or privacy.accountant != accountant:
        return "the contract names an accountant that this ledger does not have"
    if privacy.scope != ledger.scope or request.contract.dataset != request.dataset:
        return "the pinned contract is of another scope or dataset"
    if run.outcome is not None:
        return f"the run has ended: {run.outcome}"
    if request.release_id in run.releases:
        return "this attempt has its grant already"
    if request.reuse is not None and request.mechanisms:
        return "sampling a fitted model again spends nothing, but mechanisms are asked for"
    if privacy.claim == "formal" and not (request.mechanisms or (request.reuse is not None and request.earned)):
        return "a formal claim needs a mechanism, and the request names none"
    return None


def _overspent(ledger: Ledger, request: GenerationRequest, exact: float) -> str | None:
    """Why the scope cannot bear it, or none. Runs that live rows ask for leave the contract's reserve untouched."""
    if not request.mechanisms:
        return None
    reserve = request.contract.policy.regeneration.budget_reserve if request.origin in DATA_DRIVEN else 0.0
    cap, come_to = Decimal(ledger.cap.epsilon), f"the scope would come to epsilon {_written(exact)}"
    if Decimal(exact) > cap:
        return f"{come_to} at delta {ledger.cap.delta:g}, over its cap of {ledger.cap.epsilon}"
    if Decimal(exact) > (usable := cap * (1 - Decimal(repr(reserve)))):
        return (
            f"{come_to}, and drift and failed checks may use {usable.normalize():f} of its cap of "
            f"{ledger.cap.epsilon}: the rest is kept for expiry and for people (budget_reserve {reserve:g})"
        )
    return None


def _arm(ledger: Ledger, entry: Entry, event: TriggerRequested) -> tuple[Ledger, Facts]:
    """A private test is charged whole when it is armed; a renewal of a grant costs nothing more."""
    grant, before = event.grant, _text(ledger.spent, ledger.cap.delta)
    mechanisms = () if event.renewal else (pure(grant.epsilon),)
    spent, after_text, fault = (*ledger.spent, *mechanisms), before, _price_fault(ledger, grant.epsilon)
    try:
        if fault is None:
            exact = _composed(spent, ledger.cap.delta)
            fault, after_text = _trigger_fault(ledger, event, exact), _written(exact)
    except (PerennialError, ArithmeticError, ValueError):
        fault = "the accountant cannot account for the test asked for"
    told: dict[str, Any] = {
        "dataset": event.dataset,
        "grant": grant,
        "mechanisms": mechanisms,
        "epsilon_before": before,
        "epsilon_after": after_text,
    }
    if fault is not None:
        return _write(ledger, entry, TriggerRefused, reason=fault, **told)
    granted = replace(ledger, spent=spent, triggers=ledger.triggers.put(grant.grant_id, grant))
    return _write(granted, entry, TriggerReserved, **told)


def _price_fault(ledger: Ledger, epsilon: str) -> str | None:
    """Why a test is refused before anything is composed: the accountant's work grows with the epsilon."""
    if Decimal(epsilon) <= 0:
        return "a private test needs an epsilon above 0"
    if Decimal(epsilon) > Decimal(ledger.cap.epsilon):
        return f"the test alone, of epsilon {epsilon}, is over the scope's cap of {ledger.cap.epsilon}"
    return None


def _trigger_fault(ledger: Ledger, event: TriggerRequested, exact: float) -> str | None:
    accountant, known = ledger.caps.accountant(event.dataset), ledger.triggers.get(event.grant.grant_id)
    if accountant is None:
        return "the dataset has declared no cap in this scope: apply its contract"
    if accountant not in ACCOUNTANTS or event.accountant != accountant:
        return "the contract names an accountant that this ledger does not have"
    if event.renewal:
        granted = known is not None and known.epsilon == event.grant.epsilon
        return None if granted else "no such test was granted: there is nothing to renew"
    if known is not None:
        return "this test has its grant already"
    if Decimal(exact) > Decimal(ledger.cap.epsilon):
        return (
            f"the scope would come to epsilon {_written(exact)} at delta {ledger.cap.delta:g}, "
            f"over its cap of {ledger.cap.epsilon}"
        )
    return None


def pure(epsilon: str) -> Pure:
    """The mechanism of a private test, never below the decimal that was granted."""
    return Pure(epsilon=math.nextafter(float(epsilon), math.inf))


def _settle(ledger: Ledger, entry: Entry, event: RunEnded) -> tuple[Ledger, Facts]:
    run = ledger.runs.get(event.run_id) or RunSpend()
    if run.outcome is not None:
        return ledger, ()
    after = replace(ledger, runs=ledger.runs.put(event.run_id, replace(run, outcome=event.outcome)))
    stands = _text(ledger.spent, ledger.cap.delta)
    return _write(
        after,
        entry,
        SpendSettled,
        dataset=event.dataset,
        run_id=event.run_id,
        mechanisms=run.mechanisms,
        outcome=event.outcome,
        epsilon_before=stands,
        epsilon_after=stands,
    )


def _write(ledger: Ledger, entry: Entry, kind: type[LedgerEntry], **fields: Any) -> tuple[Ledger, Facts]:
    line = kind(
        event_id=entry.fact_id(STATION, kind.type),
        scope=ledger.scope,
        sequence=ledger.sequence,
        decides=entry.event.event_id,
        previous=ledger.previous,
        cap_epsilon=ledger.cap.epsilon,
        delta=ledger.cap.delta,
        **fields,
    )
    return replace(ledger, sequence=ledger.sequence + 1, previous=line.digest()), (line,)


def _text(spent: tuple[Mechanism, ...], delta: float) -> str:
    return _written(_composed(spent, delta))


@lru_cache(maxsize=256)
def _composed(spent: tuple[Mechanism, ...], delta: float) -> float:
    """The exact figure; remembered, because some mechanisms take the accountant seconds."""
    return epsilon_of(spent, delta)


def _written(exact: float) -> str:
    """An epsilon as text, rounded up; from 10^9 on, which no cap reaches, it is written as the largest that can be."""
    return epsilon_text(exact) if exact < LARGEST else str(LARGEST)
