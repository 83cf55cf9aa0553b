"""The life of releases: certificates, signed status, incidents, receipts, checkpoints of the transparency log."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Envelope
from schemas.events.base import DatasetEvent
from schemas.events.runs import TrainingReport
from schemas.events.sources import SourceRef
from schemas.finding import Verdict
from schemas.model import Digest, Model, Name, ReleaseId, RunId

Checked = Verdict | Literal["UNREADABLE"]
CheckCause = Literal["drift", "rows", "schedule", "suite"]
"""Why a release was measured again: drift brought a window of fresh rows, or their number did; the days since the last
attack, or attacks that changed.
"""

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
    """The monitor measured a release again and it no longer holds: against fresh rows (``utility``), or under attack
    (``privacy``).

    ``group`` names the subgroup that lost most, by its column and the position of its value, where a measure of
    subgroups failed. ``look`` counts the attacks on this release, that of its certification the first. ``window`` are
    the fresh rows, ``said`` the finding in words.
    """

    type: ClassVar[str] = "io.perennial.check.failed.v1"
    dataset: Name
    release_id: ReleaseId
    metric: str
    value: float
    limit: float
    gate: Literal["utility", "privacy"] = "utility"
    group: Annotated[str, Field(max_length=300)] | None = None
    look: Annotated[int, Field(ge=1)] | None = None
    window: SourceRef | None = None
    said: Annotated[str, Field(max_length=500)] | None = None


class ReleaseChecked(DatasetEvent):
    """A release in use was measured again: why, with which suite, on which rows, and what came of it.

    ``UNREADABLE`` where the rows to compare it with (those that it was made from, or a window of live rows) can no
    longer be read; neither that nor too little evidence (``INSUFFICIENT``, ``INVALID``) is a pass or a failure.
    ``suite`` and ``look`` are those of an attack.
    """

    type: ClassVar[str] = "io.perennial.release.checked.v1"
    dataset: Name
    release_id: ReleaseId
    gate: Literal["utility", "privacy"]
    verdict: Checked
    cause: CheckCause
    source_sha256: Digest
    suite: Digest | None = None
    look: Annotated[int, Field(ge=1)] | None = None
    failed: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    reason: Annotated[str, Field(max_length=500)] | None = None


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
