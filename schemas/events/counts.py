"""What stage 1 of the drift station says of a micro-batch: integer counts on the reference's bins, and no row."""

from typing import Annotated, ClassVar, Self

from pydantic import Field

from schemas.errors import ContractError
from schemas.events.attributes import whole_number
from schemas.events.base import DatasetEvent
from schemas.model import Digest, Name

_TEXT = ("id", "dataset", "reference", "origin")
_NUMBERS = {"first_offset": "firstoffset", "last_offset": "lastoffset", "rows": "rows"}


class RowsCounted(DatasetEvent):
    """Counts of the rows that messages ``first_offset`` to ``last_offset`` of ``origin`` (topic/partition) brought.

    ``reference`` is the digest of the reference on whose bins they were counted; ``counts`` is the message's body
    (``stream_app/core/drift/wire.py`` says how it is laid out). ``rows`` counts rows that were put in, deletes apart.
    """

    type: ClassVar[str] = "io.perennial.rows.counted.v1"
    content_type: ClassVar[str] = "application/vnd.perennial.counts"
    compressible: ClassVar[bool] = False
    dataset: Name
    reference: Digest
    origin: Annotated[str, Field(min_length=3, max_length=300)]
    first_offset: Annotated[int, Field(ge=0)]
    last_offset: Annotated[int, Field(ge=0)]
    rows: Annotated[int, Field(ge=0)]
    counts: bytes

    def body(self) -> bytes:
        return self.counts

    def extensions(self) -> dict[str, str]:
        return {
            "dataset": self.dataset,
            "reference": self.reference,
            "origin": self.origin,
            "firstoffset": str(self.first_offset),
            "lastoffset": str(self.last_offset),
            "rows": str(self.rows),
        }

    @classmethod
    def read(cls, body: bytes, attributes: dict[str, str]) -> Self:
        missing = [name for name in (*_TEXT, *_NUMBERS.values()) if name not in attributes]
        if missing:
            raise ContractError(f"counts of rows lack the attributes {', '.join(missing)}")
        return cls.from_document(
            {"event_id": attributes["id"]}
            | {name: attributes[name] for name in _TEXT[1:]}
            | {name: whole_number(attributes[attribute]) for name, attribute in _NUMBERS.items()}
            | {"counts": body}
        )
