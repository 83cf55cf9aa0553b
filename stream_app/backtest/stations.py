"""Planner, ledger and registry in memory: the very folds of the workers, each over a log of its own, on one clock.

Trainer and gates are a function that says what becomes of a granted attempt, ``fit_seconds`` later; approvals are
given as soon as they are asked for. Nothing is signed and nothing is published.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from schemas.contract import Contract
from schemas.envelope import Envelope
from schemas.events import Event, derive_id
from schemas.events.budget import LedgerEntry
from schemas.events.commands import Command, CommandAccepted, read_command
from schemas.events.plans import Ticked
from schemas.events.releases import ReleaseMoved
from schemas.events.runs import CandidateCleared, CandidateRejected, GenerationRequested
from stream_app.core import ledger, planner, registry
from stream_app.core.entry import Entry
from stream_app.core.ladder import Selection
from stream_app.core.plan import Plan
from stream_app.core.routes import INBOXES, LEDGER, PLANNER, REGISTRY, Routes, addressed, key_in
from stream_app.core.unsigned import StatusDrawn

Work = Callable[[GenerationRequested], CandidateCleared | CandidateRejected]
_PASSING = (Ticked, StatusDrawn)
"""As many as messages, and nobody asks for them afterwards."""
_ENVELOPE = Envelope(payloadType="application/json", payload="", signatures=())


@dataclass(slots=True)
class Log:
    """One log with its station: entries, and the state of every key."""

    step: Callable[[Any, Entry], tuple[Any, tuple[Event, ...]]]
    initial: Callable[[str], Any]
    routes: Routes
    entries: list[Entry] = field(default_factory=list)
    states: dict[str, Any] = field(default_factory=dict)

    def append(self, event: Event, key: str, at: int) -> list[tuple[str, str, Event]]:
        """Decide the event; what to publish, where, under which key."""
        entry = Entry(event, key, at, len(self.entries))
        self.entries.append(entry)
        state = self.states[key] if key in self.states else self.initial(key)
        self.states[key], facts = self.step(state, entry)
        return addressed(self.routes, facts)


@dataclass(frozen=True, slots=True)
class Told:
    """Something that a station said, at a time (milliseconds), and after how many rows of the stream."""

    at: int
    row: int
    topic: str
    event: Event


class Stations:
    """``now`` (milliseconds) and ``row`` are where the replay stands; ``told`` is everything that was published."""

    def __init__(self, dataset: str, selection: Selection, work: Work, fit_seconds: float, now: int) -> None:
        self.now, self.row, self.dataset = now, 0, dataset
        self.told: list[Told] = []
        self.logs = {
            "plan.log": Log(planner.Planner(selection).step, planner.initial, PLANNER),
            "budget.log": Log(ledger.step, ledger.initial, LEDGER),
            "release.log": Log(registry.step, registry.initial, REGISTRY),
        }
        self._work, self._fit_ms = work, int(fit_seconds * 1000)
        self._pending: list[tuple[int, int, Event]] = []

    @property
    def plan(self) -> Plan:
        found: Plan = self.logs["plan.log"].states.get(self.dataset) or planner.initial(self.dataset)
        return found

    @property
    def lines(self) -> list[LedgerEntry]:
        """The ledger, in order."""
        ledger_only = (told.event for told in self.told if told.topic == "budget.ledger")
        return [event for event in ledger_only if isinstance(event, LedgerEntry)]

    def apply(self, contract: Contract) -> None:
        """Put the contract in force."""
        self._command("plan.log", "owner", command="apply_contract", contract=contract.document())

    def tell(self, event: Event) -> None:
        """An event of ``source.drift``."""
        self._publish([("source.drift", self.dataset, event)])

    def advance(self, at: int) -> None:
        """Let time pass: outcomes that are due come in, then every log that waits for it gets a tick."""
        while self._pending and self._pending[0][0] <= at:
            due, _, event = heappop(self._pending)
            self.now = max(self.now, due)
            self._publish([(_topic(event), self.dataset, event)])
        self.now = max(self.now, at)
        tick = Ticked(event_id=derive_id("tick", self.dataset, self.now, self.row), target=self.dataset)
        self._publish([("plan.log", self.dataset, tick), ("release.log", self.dataset, tick)])

    def _publish(self, messages: list[tuple[str, str, Event]]) -> None:
        """Hand messages on, and whatever follows from them, until nothing is left to decide."""
        left = deque(messages)
        while left:
            topic, key, event = left.popleft()
            if not isinstance(event, _PASSING):
                self.told.append(Told(self.now, self.row, topic, event))
            if topic in self.logs:
                left.extend(self.logs[topic].append(event, key, self.now))
                if isinstance(event, ReleaseMoved) and event.state == "awaiting_approval":
                    self._approve(event)
            elif isinstance(event, GenerationRequested):
                left.extend(self._worked(event))
            else:
                left.extend(
                    (log, key_in(log, event), event)
                    for log, sources in INBOXES.items()
                    if isinstance(event, sources.get(topic, ()))
                )

    def _worked(self, event: GenerationRequested) -> list[tuple[str, str, Event]]:
        came = self._work(event)
        if not self._fit_ms or event.dossier.request.reuse is not None:
            return [(_topic(came), self.dataset, came)]
        heappush(self._pending, (self.now + self._fit_ms, len(self.told), came))
        return []

    def _approve(self, event: ReleaseMoved) -> None:
        run = self.plan.run
        roles = () if run is None else run.request.contract.policy.tier.approvals
        for role in roles:
            self._command("release.log", role, command="approve", release_id=event.release_id)

    def _command(self, log: str, role: str, **fields: Any) -> None:
        found: Command = read_command(
            {"audience": "backtest", "nonce": "0" * 32, "issued_at": 0, "expires_at": 0, "dataset": self.dataset}
            | fields
        )
        name = derive_id("command", role, found.digest())
        accepted = CommandAccepted(
            event_id=name, target=self.dataset, command=found, keyid=role, role=role, envelope=_ENVELOPE
        )
        self._publish([(log, self.dataset, accepted)])


def _topic(event: Event) -> str:
    return "candidates.cleared" if isinstance(event, CandidateCleared) else "candidates.rejected"
