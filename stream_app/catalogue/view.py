"""The read side: what the consumer topics say, folded into views for people. Nothing here decides anything."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from schemas.certificate import Statement
from schemas.errors import ContractError, InputError
from schemas.events import Event
from schemas.events.budget import LedgerEntry
from schemas.events.plans import ContractApplied, TriggerDeferred, TriggerDismissed
from schemas.events.releases import (
    CheckpointPublished,
    DeadLettered,
    IncidentClosed,
    IncidentOpened,
    ReceiptIssued,
    ReleaseCertified,
    ReleaseState,
    Status,
    StatusPublished,
)
from schemas.events.runs import (
    CandidateCleared,
    CandidatePrivate,
    CandidateRejected,
    CandidateTrained,
    Dossier,
    GenerationRequested,
    RunProgressed,
)
from schemas.events.sources import DriftDetected, ProfileTaken
from stream_app.adapters.reader import StoredMessage, read_topic

READ = (
    "contracts",
    "source.drift",
    "budget.ledger",
    "regeneration.requests",
    "candidates.trained",
    "candidates.private",
    "candidates.cleared",
    "candidates.rejected",
    "release.certified",
    "release.status",
    "incidents",
    "receipts",
    "transparency.checkpoints",
    "run.progress",
    "dead.letters",
)
_STAGES: dict[type[Event], str] = {
    GenerationRequested: "training",
    CandidateTrained: "privacy gate",
    CandidatePrivate: "utility gate",
    CandidateCleared: "cleared",
    CandidateRejected: "rejected",
}


@dataclass(slots=True)
class Catalogue:
    """Everything the topics told, newest last. Signatures are checked by the client and by ``verify``, not here."""

    contracts: dict[str, ContractApplied] = field(default_factory=dict)
    drift: dict[str, list[DriftDetected]] = field(default_factory=lambda: defaultdict(list))
    seen_at: dict[str, int] = field(default_factory=dict)
    profiles: dict[str, ProfileTaken] = field(default_factory=dict)
    ledger: dict[str, LedgerEntry] = field(default_factory=dict)
    dossiers: dict[str, tuple[str, Dossier]] = field(default_factory=dict)
    rejections: dict[str, CandidateRejected] = field(default_factory=dict)
    certificates: dict[str, ReleaseCertified] = field(default_factory=dict)
    statuses: dict[str, Status] = field(default_factory=dict)
    envelopes: dict[str, StatusPublished] = field(default_factory=dict)
    incidents: dict[str, IncidentOpened] = field(default_factory=dict)
    closed: dict[str, IncidentClosed] = field(default_factory=dict)
    receipts: dict[str, ReceiptIssued] = field(default_factory=dict)
    checkpoints: dict[str, CheckpointPublished] = field(default_factory=dict)
    deferred: dict[str, TriggerDeferred] = field(default_factory=dict)
    dismissed: dict[str, TriggerDismissed] = field(default_factory=dict)
    progress: dict[str, RunProgressed] = field(default_factory=dict)
    dead: dict[str, DeadLettered] = field(default_factory=dict)
    unreadable: int = 0

    @classmethod
    def read(cls, bootstrap: str, topics: Iterable[str] = READ) -> Self:
        """Read the topics as they stand; raises ``TransientError`` where no broker answers."""
        view = cls()
        for message in read_topic(bootstrap, *topics):
            view.take(message)
        return view

    def take(self, message: StoredMessage) -> None:
        """Add one message; what cannot be read is counted. ``seen_at`` keeps when drift was told, by event id."""
        try:
            event = message.event()
        except ContractError:
            self.unreadable += 1
            return
        if isinstance(event, DriftDetected):
            self.seen_at.setdefault(event.event_id, message.at)
        self.add(event)

    def add(self, event: Event) -> None:
        """Add one event; a repeat changes nothing."""
        if type(event) in _STAGES:
            self._add_candidate(event)
            return
        match event:
            case ContractApplied():
                self.contracts[event.dataset] = event
            case ProfileTaken():
                self.profiles[event.dataset] = event
            case DriftDetected():
                if all(known.event_id != event.event_id for known in self.drift[event.dataset]):
                    self.drift[event.dataset].append(event)
            case LedgerEntry():
                self.ledger[event.event_id] = event
            case ReleaseCertified():
                self.certificates[event.release_id] = event
            case StatusPublished():
                self._add_status(event)
            case _:
                self._add_record(event)

    def _add_record(self, event: Event) -> None:
        match event:
            case IncidentOpened():
                self.incidents[event.incident_id] = event
            case IncidentClosed():
                self.closed[event.incident_id] = event
            case ReceiptIssued():
                self.receipts[event.event_id] = event
            case CheckpointPublished():
                self.checkpoints[event.dataset] = event
            case TriggerDeferred():
                self.deferred[event.event_id] = event
            case TriggerDismissed():
                self.dismissed[event.event_id] = event
            case RunProgressed():
                self.progress[event.run_id] = event
            case DeadLettered():
                self.dead[event.event_id] = event
            case _:
                pass

    def _add_candidate(self, event: Event) -> None:
        dossier: Dossier = getattr(event, "dossier")  # noqa: B009 (every event in _STAGES has one)
        self.dossiers[dossier.request.release_id] = (_STAGES[type(event)], dossier)
        if isinstance(event, CandidateRejected):
            self.rejections[dossier.request.release_id] = event

    def _add_status(self, event: StatusPublished) -> None:
        status = Status.from_bytes(event.envelope.content)
        known = self.statuses.get(status.dataset)
        if known is None or known.version < status.version:
            self.statuses[status.dataset] = status
            self.envelopes[status.dataset] = event

    def release(self, release_id: str) -> tuple[Status, ReleaseState]:
        """Where a release stands; raises ``InputError`` that lists the known ones."""
        for status in self.statuses.values():
            for release in status.releases:
                if release.release_id == release_id:
                    return status, release
        known = [release.release_id for status in self.statuses.values() for release in status.releases]
        raise InputError(f"no release {release_id}; known are {', '.join(known) or 'none yet'}")

    def statement(self, release_id: str) -> Statement:
        """What a release's certificate says; raises ``InputError``."""
        if release_id not in self.certificates:
            raise InputError(f"{release_id} has no certificate")
        return Statement.from_bytes(self.certificates[release_id].envelope.content)

    def open_incidents(self) -> list[IncidentOpened]:
        return [incident for name, incident in self.incidents.items() if name not in self.closed]
