"""What a dataset's releases are for, who may have them, where and for how long: what the policy gate reads."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints

from schemas.model import Model


def _one_line(text: str) -> str:
    if text != text.strip() or len(text.splitlines()) != 1:
        raise ValueError("must be one line of text without space at its ends")
    return text


def _some_text(text: str) -> str:
    if not text.strip():
        raise ValueError("must say something")
    return text


Text = Annotated[str, Field(max_length=10_000), AfterValidator(_some_text)]
Line = Annotated[str, Field(max_length=10_000), AfterValidator(_one_line)]
"""One line of text, so that a list of lines is one text of the contract standard."""

Classification = Literal["public", "internal", "confidential", "restricted"]
CLASSIFICATIONS: Final[tuple[Classification, ...]] = ("public", "internal", "confidential", "restricted")
"""From the least to the most guarded."""


class Usage(Model):
    """Purpose and bounds of use; a field that is empty has not been decided.

    ``retention_days``: a consumer deletes a release that many days after it was certified. ``jurisdictions``: ISO
    3166 codes (``DE``, ``US-CA``) or ``EU``, where a release may be held. ``risk``: ``high`` forbids limits looser
    than the defaults. Classification is that of the release, not of the source.
    """

    purpose: Text | None = None
    intended_uses: tuple[Line, ...] = ()
    prohibited_uses: tuple[Line, ...] = ()
    classification: Classification | None = None
    retention_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    consumers: tuple[Line, ...] = ()
    jurisdictions: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")], ...] = ()
    risk: Literal["standard", "high"] = "standard"
