"""What the registry decides and a shell must still sign or carry out. None of these ever travels as it is.

They are facts like any other, with derived ids, but have no wire type. Ed25519 is deterministic, so two shells that
sign the same fact with the same key make the same bytes.
"""

from schemas.certificate import Statement
from schemas.events.base import DatasetEvent
from schemas.events.releases import Status
from schemas.model import Digest, Name, ReleaseId


class StatementDrawn(DatasetEvent):
    """A release is certified: sign ``statement`` into ``ReleaseCertified`` under this event id."""

    dataset: Name
    release_id: ReleaseId
    statement: Statement


class StatusDrawn(DatasetEvent):
    """The register changed or a heartbeat is due: sign ``status`` into ``StatusPublished`` under this event id."""

    dataset: Name
    status: Status


class CheckpointAdvanced(DatasetEvent):
    """The transparency log grew: sign size and root into ``CheckpointPublished`` under this event id."""

    dataset: Name
    size: int
    root: Digest


class KeysCondemned(DatasetEvent):
    """The data keys of these artefacts must be destroyed, before anything else is told; destroying twice is
    harmless.
    """

    dataset: Name
    release_id: ReleaseId
    artefact_ids: tuple[ReleaseId, ...]
