"""Rows as stage 1 hands them on: counts of consecutive blocks, and what each was drawn from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from schemas.errors import ContractError
from stream_app.core.drift.coding.bins import Codes, Floats
from stream_app.core.drift.coding.seasons import blocks_of
from stream_app.core.drift.concept.concept import EXPECTED_UNIT, ConceptModel, Errors
from stream_app.core.drift.counts.counting import count
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.packing import pack, unpack

if TYPE_CHECKING:
    from stream_app.core.drift.reference import Reference

Narrow = npt.NDArray[np.integer[Any]]

NO_ERRORS = Errors(0, 0, 0)
_PERIOD, _ROWS, _ERRORS = 0, 1, slice(2, 5)


@dataclass(frozen=True, slots=True)
class Block:
    """(cells,) counts of ``rows`` consecutive rows of one period; ``time`` is the first row's, in seconds since 1970.

    ``errors`` are those of the reference's model of the target, where there is one: ``concept.Errors``.
    """

    period: int
    rows: int
    counts: Narrow
    time: float | None = None
    errors: Errors = NO_ERRORS

    def joined(self, other: "Block") -> "Block":
        """Both blocks as one."""
        return Block(
            self.period,
            self.rows + other.rows,
            _added(self.counts, other.counts),
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


@dataclass(frozen=True, slots=True, eq=False)
class Blocks(Sequence[Block]):
    """Neighbouring blocks side by side; a ``Block``, whose counts are a view, is made where one is asked for.

    ``counts`` (blocks, cells); ``heads`` (blocks, 5) int64: period, rows, and the three numbers of ``Errors``;
    ``times`` (blocks,) seconds since 1970, NaN for none.
    """

    counts: Narrow
    heads: Integers
    times: Floats

    @classmethod
    def of(cls, blocks: Sequence[Block]) -> "Blocks":
        """The same blocks; raises ``ContractError`` where they are not of one layout."""
        if isinstance(blocks, Blocks):
            return blocks
        cells = {len(block.counts) for block in blocks}
        if len(cells) > 1:
            raise ContractError("blocks of different layouts")
        counts = [block.counts for block in blocks]
        return cls(
            np.concatenate(counts).reshape(len(counts), -1) if cells - {0} else np.zeros((len(counts), 0), np.uint8),
            np.asarray([(block.period, block.rows, *block.errors) for block in blocks], np.int64).reshape(-1, 5),
            times_of(block.time for block in blocks),
        )

    def __len__(self) -> int:
        return len(self.counts)

    @overload
    def __getitem__(self, place: int) -> Block: ...

    @overload
    def __getitem__(self, place: slice) -> "Blocks": ...

    def __getitem__(self, place: int | slice) -> "Block | Blocks":
        if isinstance(place, slice):
            return Blocks(self.counts[place], self.heads[place], self.times[place])
        period, rows, *errors = self.heads[place].tolist()
        return Block(period, rows, self.counts[place], time_of(float(self.times[place])), Errors(*errors))

    def __iter__(self) -> Iterator[Block]:
        return (self[place] for place in range(len(self)))

    @property
    def periods(self) -> Integers:
        return self.heads[:, _PERIOD]

    @property
    def rows(self) -> Integers:
        return self.heads[:, _ROWS]

    @property
    def errors(self) -> list[Errors]:
        return [Errors(*each) for each in self.heads[:, _ERRORS].tolist()]

    @property
    def possible(self) -> bool:
        """Whether all have errors that some block of rows can have: ``Errors.possible`` of each."""
        errors = self.heads[:, _ERRORS]
        if not errors.any():
            return True
        labelled, wrong, expected = errors.T
        # A whole number of parts of an error is compared by its ceiling: the product may not fit.
        most = np.maximum(wrong, -(-expected // EXPECTED_UNIT))
        return bool((errors >= 0).all() and (most <= labelled).all())

    def replaced(self, kept: Integers, others: dict[int, Block]) -> "Blocks":
        """A copy of the blocks at the ``kept`` places; there ``others`` stand at some."""
        narrow = np.result_type(self.counts.dtype, *(block.counts.dtype for block in others.values()))
        found = Blocks(self.counts[kept].astype(narrow, copy=False), self.heads[kept], self.times[kept])
        for place, block in others.items():
            at = int(np.searchsorted(kept, place))
            found.counts[at], found.heads[at] = block.counts, (block.period, block.rows, *block.errors)
            found.times[at] = np.nan if block.time is None else block.time
        return found


def time_of(seconds: float) -> float | None:
    """None for NaN."""
    return seconds if seconds == seconds else None


def times_of(times: Iterable[float | None]) -> Floats:
    """NaN for None."""
    return np.asarray([np.nan if time is None else time for time in times], dtype=np.float64)


def _added(one: Narrow, other: Narrow) -> Narrow:
    """The sum, as narrow as it fits: narrow counts are scored sooner."""
    few = one.dtype == other.dtype == np.uint8
    found: Narrow = np.add(one, other, dtype=np.int16 if few else np.int64)
    most = int(found.max(initial=0))
    return found if most >= 1 << 15 else found.astype(np.uint8 if most < 1 << 8 else np.int16, copy=False)


def counted(codes: Codes, seconds: Floats, reference: "Reference", concept: ConceptModel | None = None) -> Blocks:
    """The blocks of (columns, rows) codes in order, none longer than the reference's or of two periods."""
    limits, periods = blocks_of(reference.periods_of(seconds), reference.block_rows)
    counts = count(reference.as_counted(codes), reference.layout, limits)
    return blocks_from(counts, limits, periods, codes, seconds, concept)


def blocks_from(
    counts: Narrow, limits: Integers, periods: Integers, codes: Codes, seconds: Floats, concept: ConceptModel | None
) -> Blocks:
    """Blocks of (blocks, cells) counts of the codes' rows, which end at ``limits``, with the errors of the model."""
    starts = limits - np.diff(limits, prepend=0)
    heads = np.zeros((len(limits), 5), dtype=np.int64)
    heads[:, _PERIOD], heads[:, _ROWS] = periods, limits - starts
    if concept is not None:
        ends = pairwise([0, *limits.tolist()])
        heads[:, _ERRORS] = [concept.errors(codes[:, start:stop]) for start, stop in ends] or NO_ERRORS
    times = seconds[starts]
    return Blocks(counts, heads, np.where(np.isfinite(times), times, np.nan))
