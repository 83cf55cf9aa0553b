"""What data owners announce and stream, and what the drift station says about it."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from schemas.drift import Kind, Onset
from schemas.errors import ContractError
from schemas.events.attributes import whole_number
from schemas.events.base import DatasetEvent
from schemas.model import Digest, Model, Name, RunId

_JSON_TYPES = ("application/json", "application/x-ndjson")


class CountsRef(Model):
    """Where the counts of a window's train share lie, encrypted as the window is; ``rows`` of it were counted."""

    uri: Annotated[str, Field(min_length=1, max_length=2000)]
    sha256: Digest
    rows: Annotated[int, Field(ge=1)]


class SourceRef(Model):
    """Where rows lie: an fsspec URI with the SHA-256 of its bytes.

    ``format`` ``sealed`` is an encrypted window of live rows in the artefact store, which only workers can open.
    ``counts`` are the drift station's own of the same rows, for generators that fit to counts and read no row.
    """

    uri: Annotated[str, Field(min_length=1, max_length=2000)]
    sha256: Digest
    format: Literal["csv", "parquet", "jsonl", "sealed"]
    rows: Annotated[int, Field(ge=0)] | None = None
    counts: Annotated[CountsRef | None, Field(exclude_if=lambda given: given is None)] = None


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
    """A micro-batch of live rows: an Arrow IPC block (dictionary-encoded strings), or row JSON; deletes are batches of
    their own.

    The rows are the body of the message, the rest are CloudEvents attributes; the message's content type tells
    ``encoding``, and row JSON is an array of objects or one object a line. ``first_row`` counts rows of the stream.
    Who packed the rows from messages ``first_offset`` to ``last_offset`` of a topic says so: ``origin`` is that
    topic/partition, ``first_row`` the first offset, and ranges of one origin do not overlap.

    ``label`` rows came before, and only now is their target known: they carry the other columns again with the target,
    all of them or a sample. They tell of the target's errors alone and are in no marginal, so a row is sent once as
    ``insert`` with its target missing, and once as ``label``; ``first_row`` counts labelled rows. Under the contract's
    ``drift.late_labels`` windows are made of them.
    """

    type: ClassVar[str] = "io.perennial.records.observed.v1"
    content_type: ClassVar[str] = "application/vnd.apache.arrow.stream"
    dataset: Name
    operation: Literal["insert", "delete", "label"] = "insert"
    encoding: Literal["arrow", "json"] = "arrow"
    first_row: Annotated[int, Field(ge=0)]
    rows: Annotated[int, Field(ge=0)]
    block: bytes
    origin: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}/[0-9]{1,9}$")] | None = None
    first_offset: Annotated[int, Field(ge=0)] | None = None
    last_offset: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _origin_has_its_range(self) -> Self:
        given = (self.origin, self.first_offset, self.last_offset)
        if any(part is None for part in given) != all(part is None for part in given):
            raise ValueError("origin, first_offset and last_offset come together")
        if self.first_offset is not None and self.last_offset is not None and self.last_offset < self.first_offset:
            raise ValueError("last_offset lies before first_offset")
        return self

    @property
    def media_type(self) -> str:
        if self.encoding == "arrow":
            return self.content_type
        return _JSON_TYPES[0] if self.block.lstrip()[:1] == b"[" else _JSON_TYPES[1]

    def body(self) -> bytes:
        return self.block

    def extensions(self) -> dict[str, str]:
        found = {
            "dataset": self.dataset,
            "operation": self.operation,
            "firstrow": str(self.first_row),
            "rows": str(self.rows),
        }
        if self.origin is not None:
            found |= {
                "origin": self.origin,
                "firstoffset": str(self.first_offset),
                "lastoffset": str(self.last_offset),
            }
        return found

    @classmethod
    def read(cls, body: bytes, attributes: dict[str, str]) -> Self:
        missing = [name for name in ("id", "dataset", "operation", "firstrow", "rows") if name not in attributes]
        if missing:
            raise ContractError(f"a batch of records lacks the attributes {', '.join(missing)}")
        media_type = attributes.get("datacontenttype", cls.content_type).partition(";")[0].strip().lower()
        optional: dict[str, str | int | None] = {"origin": attributes.get("origin")}
        for field, attribute in (("first_offset", "firstoffset"), ("last_offset", "lastoffset")):
            optional[field] = whole_number(attributes[attribute]) if attribute in attributes else None
        return cls.from_document(
            {
                "event_id": attributes["id"],
                "dataset": attributes["dataset"],
                "operation": attributes["operation"],
                "encoding": "json" if media_type in _JSON_TYPES else "arrow",
                "first_row": whole_number(attributes["firstrow"]),
                "rows": whole_number(attributes["rows"]),
            }
            | optional
            | {"block": body}
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
    labels are the contract's own categories and bounds where these are public, else the number of the bin. ``grant`` is
    the ledger's grant that a private test has used up with this; such an event holds nothing else of the rows: rows are
    windows times the contract's ``window_rows``, statistic and threshold are both the public threshold.
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
    grant: RunId | None = None


class WindowSealed(DatasetEvent):
    """The latest live rows were sealed so that the current release can be measured on them, drift or not.

    ``first_row`` and ``last_row`` count rows of the stream since the profile, both within the window.
    """

    type: ClassVar[str] = "io.perennial.window.sealed.v1"
    dataset: Name
    window: SourceRef
    rows: Annotated[int, Field(ge=1)]
    first_row: Annotated[int, Field(ge=0)]
    last_row: Annotated[int, Field(ge=0)]
    reason: Literal["check"] = "check"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.last_row < self.first_row:
            raise ValueError("last_row lies before first_row")
        return self
