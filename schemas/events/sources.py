"""What data owners announce and stream, and what the drift station says about it."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from schemas.drift import Kind, Onset
from schemas.errors import ContractError
from schemas.events.base import DatasetEvent
from schemas.events.raw import RawBody, whole_number
from schemas.model import Digest, Model, Name


class SourceRef(Model):
    """Where rows lie: an fsspec URI with the SHA-256 of its bytes.

    ``format`` ``sealed`` is an encrypted window of live rows in the artefact store, which only workers can open.
    """

    uri: Annotated[str, Field(min_length=1, max_length=2000)]
    sha256: Digest
    format: Literal["csv", "parquet", "jsonl", "sealed"]
    rows: Annotated[int, Field(ge=0)] | None = None


class SnapshotAnnounced(DatasetEvent):
    """A complete snapshot of a dataset lies at ``source``; ``first`` and ``last`` are the span of its time column (ISO
    8601).
    """

    type: ClassVar[str] = "io.perennial.snapshot.announced.v1"
    dataset: Name
    source: SourceRef
    first: str | None = None
    last: str | None = None


class RecordsObserved(DatasetEvent):
    """A micro-batch of live rows, as one Arrow IPC block (dictionary-encoded strings); deletes are batches of their
    own.

    The block is the body of the message, the rest are CloudEvents attributes. ``first_row`` counts rows of the stream.
    """

    type: ClassVar[str] = "io.perennial.records.observed.v1"
    content_type: ClassVar[str] = "application/vnd.apache.arrow.stream"
    dataset: Name
    operation: Literal["insert", "delete"] = "insert"
    first_row: Annotated[int, Field(ge=0)]
    rows: Annotated[int, Field(ge=0)]
    block: bytes

    def body(self) -> bytes:
        return self.block

    def extensions(self) -> dict[str, str]:
        return {
            "dataset": self.dataset,
            "operation": self.operation,
            "firstrow": str(self.first_row),
            "rows": str(self.rows),
        }

    @classmethod
    def read(cls, body: bytes, attributes: dict[str, str]) -> Self:
        missing = [name for name in ("id", "dataset", "operation", "firstrow", "rows") if name not in attributes]
        if missing:
            raise ContractError(f"a batch of records lacks the attributes {', '.join(missing)}")
        return cls.from_document(
            {
                "event_id": attributes["id"],
                "dataset": attributes["dataset"],
                "operation": attributes["operation"],
                "first_row": whole_number(attributes["firstrow"]),
                "rows": whole_number(attributes["rows"]),
            }
            | {"block": RawBody(body)}
        )


class ProfileTaken(DatasetEvent):
    """The reference profile of a snapshot stands: the planner may choose a generator, live rows can be compared.

    ``summary`` holds counts on the contract's own domains, never a value that the contract does not name.
    """

    type: ClassVar[str] = "io.perennial.profile.taken.v1"
    dataset: Name
    source: SourceRef
    contract_digest: Digest
    rows: int
    train_rows: int
    summary: dict[str, float] = Field(default_factory=dict)


class ShareMoved(Model):
    """One cell of a marginal: its share of rows before the change and since."""

    label: str
    before: float
    after: float


class DriftDetected(DatasetEvent):
    """The live rows no longer follow the reference profile; ``window`` holds the latest rows for a regeneration.

    ``row`` and ``since_row`` count rows of the stream since the profile: where it was found, and since when it holds.
    ``effect`` is in ``effect_unit`` and ``said`` puts it into words that name no raw value. ``group`` is the value of
    the subgroup column (the first of ``columns``) that drifted, where the contract makes it public. ``severity``, from
    0 to 1, weighs the effect by what the columns tell of the target. ``shares`` are the strongest column's cells;
    labels are the contract's own categories and bounds where these are public, else the number of the bin.
    """

    type: ClassVar[str] = "io.perennial.drift.detected.v1"
    dataset: Name
    kind: Kind
    onset: Onset = "abrupt"
    columns: tuple[str, ...]
    group: str | None = None
    effect: float
    effect_unit: str
    severity: Annotated[float, Field(ge=0, le=1)] = 1.0
    said: str | None = None
    shares: tuple[ShareMoved, ...] = ()
    statistic: float
    threshold: float
    row: int
    since_row: int
    since_time: str | None = None
    detector: str
    window: SourceRef | None = None
