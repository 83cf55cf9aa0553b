"""The life of releases: certificates, signed status, incidents, receipts, checkpoints of the transparency log."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Envelope
from schemas.events.base import DatasetEvent
from schemas.events.runs import TrainingReport
from schemas.events.sources import SourceRef
from schemas.model import Digest, Model, Name, ReleaseId, RunId

State = Literal["awaiting_approval", "certified", "superseded", "frozen", "revoked", "rejected", "retired", "expired"]


class ReleaseState(Model):
    """Where one release stands, since when (milliseconds, broker time)."""

    release_id: ReleaseId
    state: State
    since: int
    reason: str | None = None
    certificate_sha256: Digest | None = None
    expires_at: int | None = None


class Status(Model):
    """The register of one dataset at ``version``: what consumers may open now.

    ``version`` only grows, so an ordered rollback is a newer status that names an older release. A consumer refuses a
    version below the highest it has seen, and one older than ``fresh_until`` where it can be asked again.
    """

    dataset: Name
    version: Annotated[int, Field(ge=0)]
    current: ReleaseId | None = None
    releases: tuple[ReleaseState, ...]
    frozen: bool = False
    as_of: int
    fresh_until: int


class ReleaseCertified(DatasetEvent):
    """A certificate: an in-toto statement about the release's files in a DSSE envelope."""

    type: ClassVar[str] = "io.perennial.release.certified.v1"
    dataset: Name
    release_id: ReleaseId
    envelope: Envelope


class StatusPublished(DatasetEvent):
    """The signed status of a dataset; the newest version is the truth."""

    type: ClassVar[str] = "io.perennial.status.published.v1"
    dataset: Name
    version: int
    envelope: Envelope


class ReleaseMoved(DatasetEvent):
    """The registry tells the planner where a run's release stands now; ``training`` lets it sample the model again."""

    type: ClassVar[str] = "io.perennial.release.moved.v1"
    dataset: Name
    run_id: RunId
    release_id: ReleaseId
    state: State
    source: SourceRef
    contract_digest: Digest
    training: TrainingReport


class IncidentOpened(DatasetEvent):
    """Something that a responder must look at; stays open until a signed review closes it."""

    type: ClassVar[str] = "io.perennial.incident.opened.v1"
    dataset: Name
    incident_id: ReleaseId
    severity: Literal["low", "high"]
    summary: str
    release_id: ReleaseId | None = None
    restored: ReleaseId | None = None


class IncidentClosed(DatasetEvent):
    """A signed review closed an incident."""

    type: ClassVar[str] = "io.perennial.incident.closed.v1"
    dataset: Name
    incident_id: ReleaseId
    keyid: str
    note: str | None = None


class ReceiptIssued(DatasetEvent):
    """A consumer opened a release."""

    type: ClassVar[str] = "io.perennial.receipt.issued.v1"
    dataset: Name
    release_id: ReleaseId
    consumer: Annotated[str, Field(max_length=200)]
    files: tuple[Digest, ...]


class CheckFailed(DatasetEvent):
    """The monitor measured a release again on fresh rows and it no longer holds."""

    type: ClassVar[str] = "io.perennial.check.failed.v1"
    dataset: Name
    release_id: ReleaseId
    metric: str
    value: float
    limit: float


class CheckpointPublished(DatasetEvent):
    """The transparency log of a dataset's certificates: ``size`` leaves under one RFC 6962 root, signed."""

    type: ClassVar[str] = "io.perennial.checkpoint.published.v1"
    dataset: Name
    size: int
    root: Digest
    envelope: Envelope


class DeadLettered(DatasetEvent):
    """A message that no station can use: where it stands and why, never its content."""

    type: ClassVar[str] = "io.perennial.dead.lettered.v1"
    dataset: str
    station: str
    topic: str
    partition: int
    offset: int
    sha256: Digest
    error: str
    reason: str
