"""Rows as stage 1 hands them on: counts of consecutive blocks, and what each was drawn from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from schemas.errors import ContractError
from stream_app.core.drift.coding.bins import Codes, Floats
from stream_app.core.drift.coding.seasons import Cut, cut_blocks
from stream_app.core.drift.concept.concept import EXPECTED_UNIT, ConceptModel, Errors
from stream_app.core.drift.counts.counting import count_tables
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.counts.tables import Tables
from stream_app.core.drift.packing import pack, unpack

if TYPE_CHECKING:
    from stream_app.core.drift.reference import Reference

Narrow = npt.NDArray[np.integer[Any]]

NO_ERRORS = Errors(0, 0, 0)
HEAD = 6
_PERIOD, _ROWS, _ERRORS, _PAIR_ROWS = 0, 1, slice(2, 5), 5


@dataclass(frozen=True, slots=True)
class Block:
    """(cells,) counts of ``rows`` consecutive rows of one period; ``time`` is the first row's, in seconds since 1970.

    ``errors`` are those of the reference's model of the target, where there is one: ``concept.Errors``. ``pair_rows``
    are the rows of the counts of pairs and triples in it, which may be those of earlier blocks too, or none; without
    it they are the block's own.
    """

    period: int
    rows: int
    counts: Narrow
    time: float | None = None
    errors: Errors = NO_ERRORS
    pair_rows: int | None = None

    @property
    def head(self) -> tuple[int, ...]:
        """The numbers of a row of ``Blocks.heads``."""
        return self.period, self.rows, *self.errors, self.rows if self.pair_rows is None else self.pair_rows

    def joined(self, other: "Block") -> "Block":
        """Both blocks as one."""
        return Block(
            self.period,
            self.rows + other.rows,
            _added(self.counts, other.counts),
            self.time if self.time is not None else other.time,
            Errors(*(mine + theirs for mine, theirs in zip(self.errors, other.errors, strict=True))),
            self.head[_PAIR_ROWS] + other.head[_PAIR_ROWS],
        )

    def document(self) -> list[Any]:
        """The block as a JSON value."""
        counts = pack(self.counts.astype(np.int64))
        return [self.period, self.rows, self.time, list(self.errors), counts, self.head[_PAIR_ROWS]]

    @classmethod
    def from_document(cls, document: list[Any]) -> "Block":
        """What ``document`` gave; raises ``ContractError``, ``TypeError`` or ``ValueError`` on anything else."""
        period, rows, time, errors, counts, paired = document
        made = Errors(*(int(each) for each in errors))
        return cls(int(period), int(rows), unpack(counts), None if time is None else float(time), made, int(paired))


@dataclass(frozen=True, slots=True, eq=False)
class Blocks(Sequence[Block]):
    """Neighbouring blocks side by side; a ``Block``, whose counts are a view, is made where one is asked for.

    ``heads`` (blocks, 6) int64: period, rows, the three numbers of ``Errors``, and the rows of pairs, which are none in
    blocks of ``tables`` that are not paired; ``times`` (blocks,) seconds since 1970, NaN for none.
    """

    tables: Tables
    heads: Integers
    times: Floats

    @classmethod
    def of(cls, blocks: Sequence[Block], pairs: tuple[int, int] = (0, 0)) -> "Blocks":
        """The same blocks, with what is between the cells ``pairs`` in a matrix of its own; raises ``ContractError``
        where they are not of one layout.
        """
        if isinstance(blocks, Blocks):
            same = pairs in ((0, 0), (blocks.tables.first, blocks.tables.stop))
            return blocks if same else blocks.with_counts(blocks.tables.whole(), blocks.heads, pairs)
        cells = {len(block.counts) for block in blocks}
        if len(cells) > 1:
            raise ContractError("blocks of different layouts")
        counts = [block.counts for block in blocks]
        heads = np.asarray([block.head for block in blocks], np.int64).reshape(-1, HEAD)
        side = np.concatenate(counts).reshape(len(counts), -1) if cells - {0} else np.zeros((len(counts), 0), np.uint8)
        times = times_of(block.time for block in blocks)
        return cls(Tables.of(side, *pairs, heads[:, _PAIR_ROWS] > 0), heads, times)

    def with_counts(self, counts: Narrow, heads: Integers, pairs: tuple[int, int]) -> "Blocks":
        """The blocks with other (blocks, cells) counts."""
        return Blocks(Tables.of(counts, *pairs, heads[:, _PAIR_ROWS] > 0), heads, self.times)

    def __len__(self) -> int:
        return len(self.heads)

    @overload
    def __getitem__(self, place: int) -> Block: ...

    @overload
    def __getitem__(self, place: slice) -> "Blocks": ...

    def __getitem__(self, place: int | slice) -> "Block | Blocks":
        if isinstance(place, slice):
            start, stop, _ = place.indices(len(self))
            return Blocks(self.tables.part(start, stop), self.heads[place], self.times[place])
        period, rows, *errors, paired = self.heads[place].tolist()
        return Block(period, rows, self.tables.row(place), time_of(float(self.times[place])), Errors(*errors), paired)

    def __iter__(self) -> Iterator[Block]:
        return (self[place] for place in range(len(self)))

    @property
    def periods(self) -> Integers:
        return self.heads[:, _PERIOD]

    @property
    def rows(self) -> Integers:
        return self.heads[:, _ROWS]

    @property
    def pair_rows(self) -> Integers:
        return self.heads[:, _PAIR_ROWS]

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
        heads, times = self.heads[kept], self.times[kept]
        changed = dict(zip(np.searchsorted(kept, list(others)).tolist(), others.values(), strict=True))
        for at, block in changed.items():
            heads[at], times[at] = block.head, np.nan if block.time is None else block.time
        counts = {at: block.counts for at, block in changed.items()}
        return Blocks(self.tables.replaced(kept, heads[:, _PAIR_ROWS] > 0, counts), heads, times)

    def repaired(self, pair_rows: Integers, others: Mapping[int, Narrow]) -> "Blocks":
        """The blocks with pairs of (blocks,) so many rows, or none; at some places with ``others``' cells of pairs."""
        heads = self.heads.copy()
        heads[:, _PAIR_ROWS] = pair_rows
        return Blocks(self.tables.repaired(pair_rows > 0, others), heads, self.times)


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
    layout = reference.layout
    cut = cut_blocks(reference.periods_of(seconds), reference.block_rows, layout.pair_blocks)
    counts = count_tables(reference.as_counted(codes), layout, cut.limits, cut.paired)
    return blocks_from(counts, cut, codes, seconds, concept)


def blocks_from(counts: Tables, cut: Cut, codes: Codes, seconds: Floats, concept: ConceptModel | None) -> Blocks:
    """Blocks of counts of the codes' rows, with the errors of the model."""
    heads = np.zeros((len(cut.limits), HEAD), dtype=np.int64)
    heads[:, _PERIOD], heads[:, _ROWS], heads[:, _PAIR_ROWS] = cut.periods, cut.rows, cut.pair_rows
    if concept is not None:
        limits = pairwise([0, *cut.limits.tolist()])
        heads[:, _ERRORS] = [concept.errors(codes[:, start:stop]) for start, stop in limits] or NO_ERRORS
    times = seconds[cut.starts]
    return Blocks(counts, heads, np.where(np.isfinite(times), times, np.nan))
