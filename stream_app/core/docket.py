"""One turn of the registry: the register as it changes while one entry is decided, and the facts that come of it."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from schemas.events.base import DatasetEvent, Event
from schemas.events.commands import CommandRefused
from schemas.events.releases import IncidentOpened, ReleaseMoved, State
from schemas.events.runs import TrainingReport
from stream_app.core.certification import earned, statement
from stream_app.core.entry import Entry
from stream_app.core.register import Register, Release
from stream_app.core.transparency import grown, root_of
from stream_app.core.unsigned import CheckpointAdvanced, KeysCondemned, StatementDrawn, StatusDrawn

STATION = "registry"
F = TypeVar("F", bound=DatasetEvent)


@dataclass(slots=True)
class Docket:
    """Lives for one entry only; every fact's id derives from the entry and the fact's place in the docket."""

    register: Register
    entry: Entry
    facts: list[Event] = field(default_factory=list)
    heartbeat: bool = False

    def __post_init__(self) -> None:
        self._before = self.register

    _before: Register = field(init=False)

    def tell(self, kind: type[F], *parts: str | int, **fields: Any) -> None:
        name = kind.__name__
        event_id = self.entry.fact_id(STATION, name, len(self.facts), *parts)
        self.facts.append(kind(event_id=event_id, dataset=self.register.dataset, **fields))

    def refuse(self, reason: str) -> None:
        """A command that changes nothing is answered, so that whoever signed it learns why."""
        self.facts.append(
            CommandRefused(
                event_id=self.entry.fact_id(STATION, "CommandRefused", len(self.facts)),
                target=self.register.dataset,
                reason=reason,
            )
        )

    def change(self, **changes: Any) -> None:
        self.register = replace(self.register, **changes)

    def put(self, release: Release) -> None:
        self.register = self.register.with_release(release)

    def move(self, release: Release, state: State, reason: str | None = None, **changes: Any) -> Release:
        """Put a release into another state, and tell the planner."""
        moved = replace(release, state=state, since=self.register.now, reason=reason, **changes)
        self.put(moved)
        self.report(moved)
        return moved

    def report(self, release: Release) -> None:
        """Tell the planner where a release stands; of one that never had a candidate there is nothing to tell."""
        training = _training(release)
        if release.dossier is None or training is None:
            return
        request = release.dossier.request
        self.tell(
            ReleaseMoved,
            run_id=request.run_id,
            release_id=release.release_id,
            state=release.state,
            source=request.source,
            contract_digest=request.contract_digest,
            training=training,
        )

    def incident(
        self,
        severity: Literal["low", "high"],
        summary: str,
        release_id: str | None,
        restored: str | None = None,
        topic: str = "",
    ) -> None:
        """Open an incident; ``topic`` lets a later one of the same kind be recognised while this is open."""
        incident_id = self.entry.fact_id(STATION, "incident", len(self.facts))
        self.change(incidents=(*self.register.incidents, (incident_id, topic or None)))
        self.tell(
            IncidentOpened,
            incident_id=incident_id,
            severity=severity,
            summary=summary,
            release_id=release_id,
            restored=restored,
        )

    def certify_ready(self) -> None:
        """Certify every candidate that waits for nothing any more, in the order in which they were cleared."""
        if self.register.frozen or not self.register.access:
            return
        for release in self.register.releases:
            if release.state == "awaiting_approval" and not release.waits_for:
                self._certify(release)

    def _certify(self, release: Release) -> None:
        assert release.dossier is not None
        if (sibling := certified_sibling(self.register, release)) is not None:
            self.move(release, "rejected", f"its run has a certified release already: {sibling.release_id}")
            return
        drawn = statement(release.dossier, release.approvals, self.register.now)
        for former in self.register.releases:
            if former.state == "certified":
                self.move(former, "superseded", f"by {release.release_id}")
        order = self.register.certified
        frontier = grown(self.register.frontier, bytes.fromhex(drawn.digest()))
        self.change(certified=order + 1, frontier=frontier, head=order)
        self.move(
            release, "certified", order=order, statement_sha256=drawn.digest(), expires_at=drawn.predicate.expires_at
        )
        self.tell(StatementDrawn, release_id=release.release_id, statement=drawn)
        self.tell(CheckpointAdvanced, size=order + 1, root=root_of(frontier).hex())

    def settle(self) -> Release | None:
        """Make sure that what is current now says that it is certified; gives the current release."""
        current = self.register.current
        if current is not None and current.state == "superseded":
            return self.move(current, "certified", "restored")
        return current

    def condemn(self, release: Release) -> None:
        """Have the data keys of a release's artefacts destroyed."""
        training = _training(release)
        if training is not None:
            self.tell(
                KeysCondemned,
                release_id=release.release_id,
                artefact_ids=(training.data.artefact_id, training.model.artefact_id),
            )

    def close(self) -> tuple[Register, tuple[Event, ...]]:
        """The register and its facts, the newest status last where anything changed or a heartbeat is due."""
        if self.heartbeat or _differ(self._before, self.register):
            # versions grow with the log: the first entry of a partition is version 1
            self.tell(StatusDrawn, status=self.register.status(self.entry.offset + 1))
        return self.register, tuple(self.facts)


def _differ(before: Register, after: Register) -> bool:
    """True where a status of the one would say something else than one of the other, its time apart."""
    pairs = zip(before.releases, after.releases, strict=False)
    return (
        before.frozen != after.frozen
        or before.head != after.head
        or len(before.releases) != len(after.releases)
        or any(old is not new and old.shown() != new.shown() for old, new in pairs)
    )


def _training(release: Release) -> TrainingReport | None:
    """The release's training report, with the mechanisms that its model earned."""
    if release.dossier is None or release.dossier.training is None:
        return None
    training = release.dossier.training
    return training.model_copy(update={"mechanisms": earned(release.dossier, training)})


def certified_sibling(register: Register, release: Release) -> Release | None:
    """Another release of the same run that was certified once, whatever became of it."""
    assert release.dossier is not None
    run_id = release.dossier.request.run_id
    return next(
        (
            other
            for other in register.releases
            if other.order is not None
            and other.release_id != release.release_id
            and other.dossier is not None
            and other.dossier.request.run_id == run_id
        ),
        None,
    )
