"""A planner's desk for tests: a plan with its log, and what may come of a run."""

from typing import Any

from schemas.contract import Contract
from schemas.events import Event
from schemas.events.budget import RunEnded, SpendRequested
from schemas.events.plans import Ticked, TriggerDismissed
from schemas.events.releases import ReleaseMoved
from schemas.events.runs import GenerationRequest
from stream_app.core.planner import Planner, initial
from tests.events import Log, Selection, command, contract, dossier, profile, rejected

PLANNER = Planner(Selection())


class Office:
    """A plan with its log; by default a contract is in force and the first snapshot's run is in flight."""

    def __init__(self, pinned: Contract | None = None, started: bool = True, planner: Planner | None = None) -> None:
        self.planner = planner or PLANNER
        self.log, self.plan, self.facts = Log(), initial("flights"), list[Event]()
        if started:
            self.do(apply(pinned or contract()), profile())

    def do(self, *events: Event, after_ms: int = 1000) -> tuple[Event, ...]:
        told: tuple[Event, ...] = ()
        for event in events:
            self.plan, told = self.planner.step(self.plan, self.log.append(event, after_ms))
            self.facts += told
        return told

    @property
    def request(self) -> GenerationRequest:
        assert self.plan.run is not None
        return self.plan.run.request

    def certify(self, state: Any = "certified") -> tuple[Event, ...]:
        return self.do(moved(self.request, state))

    def refuse(self) -> tuple[Event, ...]:
        return self.do(rejected(dossier(self.request)))

    def requests(self) -> list[GenerationRequest]:
        return [fact.request for fact in self.facts if isinstance(fact, SpendRequested)]

    def dismissals(self) -> list[str]:
        return [fact.reason for fact in self.facts if isinstance(fact, TriggerDismissed)]


def apply(pinned: Contract) -> Event:
    return command("apply_contract", role="owner", contract=pinned.document(), dataset=pinned.dataset)


def moved(request: GenerationRequest, state: Any = "certified") -> ReleaseMoved:
    training = dossier(request).training
    assert training is not None
    return ReleaseMoved(
        event_id=f"moved-{request.release_id}-{state}",
        dataset="flights",
        run_id=request.run_id,
        state=state,
        release_id=request.release_id,
        source=request.source,
        contract_digest=request.contract_digest,
        training=training,
    )


def outcomes(facts: tuple[Event, ...]) -> list[str]:
    return [fact.outcome for fact in facts if isinstance(fact, RunEnded)]


def start(nonce: str = "", **fields: Any) -> Event:
    return command("start_run", nonce=nonce, **fields)


def tick(name: str = "t") -> Ticked:
    return Ticked(event_id=name, target="flights")
