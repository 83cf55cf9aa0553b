"""What a contract says about how its releases are made: fidelity, balance, k and l, free text, what is counted."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.model import Model
from schemas.relations import ColumnName

Scalar = bool | int | float | str
Fraction = Annotated[float, Field(ge=0, le=1)]
PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
"""A column's name in braces, in a template of free text."""


class Share(Model):
    """``value`` makes up ``share`` of the rows of ``column`` (rounded to whole rows)."""

    column: ColumnName
    value: Scalar
    share: Fraction


class Quota(Model):
    """How rows divide among the values of a subgroup's column: the listed shares, or equal ones where none is listed.

    Values that are not listed share what is left as the model draws them.
    """

    column: ColumnName
    shares: tuple[tuple[Scalar, Fraction], ...] = ()

    @model_validator(mode="after")
    def _no_more_than_all(self) -> Self:
        if sum(share for _, share in self.shares) > 1 + 1e-9:
            raise ValueError("the shares of a quota add up to more than 1")
        return self


class Parity(Model):
    """The share of ``favourable`` outcomes differs by at most ``difference`` between any two values of ``subgroup``."""

    subgroup: ColumnName
    outcome: ColumnName
    favourable: Scalar
    difference: Fraction = 0.0


class Balance(Model):
    """The wished shape of every release of the dataset; only what a generator draws is chosen from, never the source.

    ``rare``: values of a column below this share are brought up to it.
    """

    shares: tuple[Share, ...] = ()
    quotas: tuple[Quota, ...] = ()
    parity: tuple[Parity, ...] = ()
    rare: tuple[tuple[ColumnName, Fraction], ...] = ()


class Anonymity(Model):
    """After sampling, every combination of the quasi-identifiers is held by ``k`` rows at least, and by ``l`` distinct
    values of each sensitive column. ``generalise`` widens numbers and dates and merges categories to ``other`` before
    it suppresses what is left; ``suppress`` removes rows.
    """

    k: Annotated[int, Field(ge=2, le=1_000)] = 5
    l: Annotated[int, Field(ge=1, le=100)] = 2  # noqa: E741 (the field's own name for it)
    method: Literal["generalise", "suppress"] = "generalise"


class FreeText(Model):
    """A column of free text, which no generator ever reads: left empty, or written by ``template``, in which
    ``{column}`` stands for the row's own synthetic value of another column.
    """

    column: ColumnName
    handling: Literal["drop", "template"] = "drop"
    template: Annotated[str, Field(max_length=1_000)] | None = None

    @model_validator(mode="after")
    def _template_is_there(self) -> Self:
        if (self.handling == "template") != (self.template is not None):
            raise ValueError("a template belongs to free text that is handled by template, and only to that")
        return self

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The columns that the template names, in order."""
        return tuple(PLACEHOLDER.findall(self.template or ""))


class Generation(Model):
    """Everything about making a release that is not its privacy claim.

    ``fidelity``: ``very_high`` allows the slow deep families. ``exact_records``: users need real rows as they are,
    which no synthetic table can give: the choice refuses. ``counts``: ``adaptive`` learns bins from the rows with
    budget; ``public_bins`` counts on the contract's own bins, as live counts are kept, so that a release may come from
    those counts with no row read.
    """

    fidelity: Literal["standard", "very_high"] = "standard"
    exact_records: bool = False
    counts: Literal["adaptive", "public_bins"] = "adaptive"
    balance: Balance | None = None
    anonymity: Anonymity | None = None
    free_text: tuple[FreeText, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every column that is named, some more than once."""
        return (*self.balanced, *(text.column for text in self.free_text))

    @property
    def balanced(self) -> tuple[str, ...]:
        """Every column whose shares the balance may move, once: no real rows need to match these."""
        balance = self.balance or Balance()
        named = [share.column for share in balance.shares] + [quota.column for quota in balance.quotas]
        named += [name for item in balance.parity for name in (item.subgroup, item.outcome)]
        return tuple(dict.fromkeys([*named, *(name for name, _ in balance.rare)]))
