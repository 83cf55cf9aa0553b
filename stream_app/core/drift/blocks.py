"""Rows as stage 1 hands them on: counts of consecutive blocks, and what each was drawn from."""

from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from stream_app.core.drift.coding.bins import Codes, Floats
from stream_app.core.drift.coding.seasons import blocks_of
from stream_app.core.drift.concept.concept import ConceptModel, Errors
from stream_app.core.drift.counts.counting import count
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.packing import pack, unpack

if TYPE_CHECKING:
    from stream_app.core.drift.reference import Reference


NO_ERRORS = Errors(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Block:
    """(cells,) counts of ``rows`` consecutive rows of one period; ``time`` is the first row's, in seconds since 1970.

    ``errors`` are those of the reference's model of the target, where there is one: ``concept.Errors``.
    """

    period: int
    rows: int
    counts: npt.NDArray[np.integer[Any]]
    time: float | None = None
    errors: Errors = NO_ERRORS

    def joined(self, other: "Block") -> "Block":
        """Both blocks as one."""
        return Block(
            self.period,
            self.rows + other.rows,
            self.counts.astype(np.int64) + other.counts,
            self.time if self.time is not None else other.time,
            Errors(*(mine + theirs for mine, theirs in zip(self.errors, other.errors, strict=True))),
        )

    def document(self) -> list[Any]:
        """The block as a JSON value."""
        return [self.period, self.rows, self.time, list(self.errors), pack(self.counts.astype(np.int64))]

    @classmethod
    def from_document(cls, document: list[Any]) -> "Block":
        """What ``document`` gave; raises ``ContractError``, ``TypeError`` or ``ValueError`` on anything else."""
        period, rows, time, errors, counts = document
        made = Errors(*(int(each) for each in errors))
        return cls(int(period), int(rows), unpack(counts), None if time is None else float(time), made)


def counted(codes: Codes, seconds: Floats, reference: "Reference", concept: ConceptModel | None = None) -> list[Block]:
    """The blocks of (columns, rows) codes in order, none longer than the reference's or of two periods."""
    limits, periods = blocks_of(reference.periods_of(seconds), reference.block_rows)
    counts = count(reference.as_counted(codes), reference.layout, limits)
    return blocks_from(counts, limits, periods, codes, seconds, concept)


def blocks_from(
    counts: "np.ndarray[Any, Any]",
    limits: Integers,
    periods: Integers,
    codes: Codes,
    seconds: Floats,
    concept: ConceptModel | None,
) -> list[Block]:
    """Blocks of (blocks, cells) counts of the codes' rows, which end at ``limits``, with the errors of the model."""
    ends = [0, *limits.tolist()]
    times = seconds[ends[:-1]].tolist()
    return [
        Block(
            period,
            stop - start,
            cells,
            time if isfinite(time) else None,
            NO_ERRORS if concept is None else concept.errors(codes[:, start:stop]),
        )
        for period, (start, stop), time, cells in zip(periods.tolist(), pairwise(ends), times, counts, strict=True)
    ]
