"""The ledger's decisions: the fold of ``budget.log``, one state per budget scope.

Reserve before any row is read: what was granted is spent whatever becomes of the run, rejected attempts included, and
the scope's epsilon is composed over every grant it ever made. Caps are compared on exact figures; what is written is
rounded up. Anything that cannot be accounted for is refused.
"""

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
)
from schemas.events.commands import CommandAccepted, SetCap
from schemas.events.runs import Dossier, GenerationRequest, GenerationRequested
from schemas.mechanism import Gaussian, Mechanism, SubsampledGaussian
from schemas.model import epsilon_text
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
    """The budget of one scope. ``spent`` is every grant so far, equal mechanisms counted together."""

    scope: str
    caps: Caps = field(default_factory=Caps)
    spent: tuple[Mechanism, ...] = ()
    runs: PersistentMap[RunSpend] = field(default_factory=PersistentMap)
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
    if not request.mechanisms or Decimal(exact) <= Decimal(ledger.cap.epsilon):
        return None
    return (
        f"the scope would come to epsilon {_written(exact)} at delta {ledger.cap.delta:g}, "
        f"over its cap of {ledger.cap.epsilon}"
    )


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
