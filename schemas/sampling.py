"""What was done to what a generator draws, before it became a release: balance, parity, k and l, free text.

Every figure here is about synthetic rows only: it is post-processing of the fit and costs no privacy budget.
"""

from typing import Annotated, Literal

from pydantic import Field

from schemas.generation import Fraction
from schemas.model import Model
from schemas.relations import ColumnName

Count = Annotated[int, Field(ge=0)]


class BalancedShare(Model):
    """One wished share of a column: what was wished, what the generator draws by itself, and what the release has.

    ``value`` is the position of the value in the contract's list of wishes for that column.
    """

    column: ColumnName
    value: Count
    wished: Fraction
    before: Fraction
    after: Fraction


class ParityReport(Model):
    """The largest difference of favourable shares between two values of ``subgroup``: wished at most, as the generator
    draws, and in the release. Values without a row are left out.
    """

    subgroup: ColumnName
    outcome: ColumnName
    wished: Fraction
    before: Fraction
    after: Fraction


class AnonymityReport(Model):
    """``k`` and ``l`` that the contract asks for, the smallest of both that the release has, and the rows touched.

    ``generalised`` rows had a quasi-identifier widened or merged, ``suppressed`` rows were left out, ``replaced`` of
    them by others that were drawn anew. ``smallest_l`` is absent without a sensitive column.
    """

    k: Count
    l: Count  # noqa: E741 (the field's own name for it)
    method: Literal["generalise", "suppress"]
    generalised: Count
    suppressed: Count
    replaced: Annotated[Count, Field(exclude_if=lambda given: given == 0)] = 0
    smallest_k: Count
    smallest_l: Count | None = None
    columns: tuple[ColumnName, ...] = ()


class SamplingReport(Model):
    """How a release was drawn. ``drawn`` rows came from the generator, ``repeated`` of the release's rows are second
    copies of a synthetic row, because a wished group was too rare to be drawn often enough. Free text columns are
    ``dropped`` (left empty) or ``templated``.
    """

    rows: Count
    drawn: Count
    repeated: Count = 0
    shares: tuple[BalancedShare, ...] = ()
    parity: tuple[ParityReport, ...] = ()
    anonymity: AnonymityReport | None = None
    dropped: tuple[ColumnName, ...] = ()
    templated: tuple[ColumnName, ...] = ()
