"""The frozen pydantic base of every document, and the names they share."""

import math
from decimal import ROUND_CEILING, Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from schemas.canonical import canonical, digest, parse
from schemas.errors import ContractError

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,99}$")]
"""A dataset, a budget scope, a family or a tier: lower case, no spaces, usable as a key and in a file name."""

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256, lower-case hex."""

EventId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_.:-]{1,100}$")]
ReleaseId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,140}$")]
RunId = ReleaseId
Epsilon = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$")]
"""A privacy loss as a decimal string, rounded up: RFC 8785 would write 1.0 as 1, and a float could be read back
smaller.
"""


class Model(BaseModel):
    """A frozen document that refuses unknown fields, NaN and infinities."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        ser_json_bytes="base64",
        val_json_bytes="base64",
        hide_input_in_errors=True,
    )

    def document(self) -> dict[str, Any]:
        """The JSON value, fields without a value left out, so that adding an optional field changes no digest."""
        return self.model_dump(mode="json", exclude_none=True)

    def to_bytes(self) -> bytes:
        """RFC 8785 bytes."""
        return canonical(self.document())

    def digest(self) -> str:
        """SHA-256 of the RFC 8785 bytes."""
        return digest(self.document())

    @classmethod
    def from_bytes(cls, body: bytes | str) -> Self:
        """Parse strict JSON; raises ``ContractError`` naming the fields at fault, never their values."""
        return cls.from_document(parse(body))

    @classmethod
    def from_document(cls, document: Any) -> Self:
        """Validate a JSON value; raises ``ContractError`` naming the fields at fault, never their values."""
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise ContractError(f"not a valid {cls.__name__}: {faults_of(error)}") from None


def faults_of(error: ValidationError) -> str:
    """The fields at fault and what was expected there, five at most; never a value that was given."""
    shown = [
        f"{'.'.join(str(part)[:60] for part in _place(fault)) or 'document'}: {_expected(fault)}"
        for fault in error.errors(include_input=False, include_url=False)
    ]
    return "; ".join(shown[:5]) + (f" (+{len(shown) - 5} more)" if len(shown) > 5 else "")


def _place(fault: ErrorDetails) -> tuple[int | str, ...]:
    # An unknown field's name was given by the sender, and could say anything.
    return fault["loc"][:-1] if fault["type"] == "extra_forbidden" else fault["loc"]


def _expected(fault: ErrorDetails) -> str:
    # The one message of pydantic's that quotes what was given.
    return f"not one of {fault['ctx']['expected_tags']}" if fault["type"] == "union_tag_invalid" else fault["msg"]


def epsilon_text(value: float, places: int = 6) -> str:
    """``value`` as a decimal string, rounded up, so that what is written never understates the loss."""
    if not math.isfinite(value) or value < 0:
        raise ContractError("an epsilon must be finite and not negative")
    return f"{Decimal(repr(value)).quantize(Decimal(1).scaleb(-places), rounding=ROUND_CEILING).normalize():f}"
