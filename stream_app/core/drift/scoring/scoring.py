"""Scores of blocks of counts: one number a block and channel, near standard normal while nothing changes.

A linear score is a sum over the block's rows, in standard deviations of a block of the nominal size: a block of twice
the rows has twice the variance. With it comes ``size``, the rows that it rests on over those nominally expected, so
that sums over blocks of whatever sizes can be standardised.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_app.core.drift.coding.bins import ColumnBins, Floats
from stream_app.core.drift.counts.counting import COMPILED
from stream_app.core.drift.counts.layout import Integers, Layout, Section
from stream_app.core.drift.counts.tables import Tables
from stream_app.core.drift.counts.unwritten import unwritten
from stream_app.core.drift.scoring.channels import Channel, contrasts_of
from stream_app.core.drift.scoring.chi_squared import Squares, normal, pooled, squares_of
from stream_app.core.drift.scoring.whole_numbers import MOST, Pieces, Small, Whole, packed, packed_wide, whole_of

Narrow = npt.NDArray[np.integer[Any]]
_CLIP = 20.0


class Off(NamedTuple):
    """What scores are compared with: all (channels,), the ``centre`` of a nominal block, one over the spread, and where
    they are cut off.
    """

    centre: Floats
    per_spread: Floats
    cut: Floats


class _Machine(NamedTuple):
    """A scoring as machine code reads it: pieces of the rows of contrasts, bases and pools, which follow each other;
    pieces of whole inverse shares of the cells that are a chi-squared channel's slots by themselves, and of the pools,
    which have several cells, the channel and the inverse share. Of all of them those of pairs' cells come last. With
    them the row of the first pool, how many of these channels are not of pairs, the cells that pairs have, and how many
    pieces and pools come before theirs.
    """

    few: Pieces
    many: Pieces
    cell_squares: Pieces
    pools: tuple[Small, Small, tuple[int, ...]]
    channels: tuple[Small, Floats, Floats, Floats]


@dataclass(frozen=True)
class Scoring:
    """How counts of (cells,) of one baseline become scores: sparse matrices, and what each channel rests on.

    ``contrasts`` (linear, cells), and the ``weights`` in whole numbers that counts are multiplied with for them;
    ``bases`` (bases, cells); ``slots`` (slots, cells) pools the cells of chi-squared channels, ``firsts`` (squared +
    1,) is each one's first slot, ``wanted`` (slots,) its shares. ``expected`` (bases,) rows of a nominal block.
    ``sampled`` (squared,) is one over the baseline's rows. ``scales`` (linear, 2): a mean score of 1 a row in the unit
    that the channel measures, and where the baseline stands. Each row is in one of the first ``column`` cells.
    Channels of the ``paired`` cells have scores of blocks that are counted together; their nominal block is as large.
    """

    channels: tuple[Channel, ...]
    contrasts: Any
    weights: Whole
    bases: Any
    base_of: Integers
    slots: Any
    firsts: Integers
    wanted: Floats
    expected: Floats
    sampled: Floats
    scales: Floats
    column: int
    paired: Section

    def score(self, counts: "Narrow | Tables", inside: bool = False) -> tuple[Floats, Floats]:
        """(blocks, channels) scores and sizes of (blocks, cells) counts; ``inside`` for the baseline's own blocks."""
        number = len(self.channels)
        return self.off(counts, Off(np.zeros(number), np.ones(number), np.full(number, np.inf)), inside)

    def off(self, counts: "Narrow | Tables", off: Off, inside: bool = False) -> tuple[Floats, Floats]:
        """As ``score``; scores are off a centre, in units of a spread, and cut off."""
        squares = self._squares[1]._replace(sampled=-self.sampled) if inside else self._squares[1]
        tables = counts if isinstance(counts, Tables) else Tables.of(counts, self.paired.first, self.paired.stop)
        if COMPILED and self._small(tables):
            from stream_app.core.drift.scoring.compiled_scoring import score

            shape = (len(tables), len(self.channels))
            scores, sizes = np.empty(shape), np.empty(shape)
            few, many, cell_squares, pools, constants = self._machine
            own = unwritten(tables.often), unwritten(tables.seldom), tables.paired
            pieces = tuple(few), tuple(many), tuple(cell_squares)
            score(scores, sizes, *own, *pieces, pools, constants, tuple(squares), tuple(off), _CLIP)
            return scores, sizes
        scores, sizes = self._scored(tables.whole(), squares, _CLIP)
        return np.clip((scores - off.centre * sizes) * off.per_spread, -off.cut, off.cut), sizes

    def _small(self, counts: Tables) -> bool:
        """Whether no sum of a table's counts is too large for machine code."""
        if counts.often.dtype == np.uint8 and counts.seldom.dtype == np.uint8 and 255 * self.column <= MOST:
            return True
        rows = counts.often[:, : self.column].sum(axis=1, dtype=np.int64)
        most = max(counts.often.max(initial=0), counts.seldom.max(initial=0))
        return max(int(rows.max(initial=0)), int(most)) <= MOST

    def whole(self, counts: Integers) -> tuple[Floats, Floats]:
        """(channels,) scores, not cut off, and sizes of (cells,) counts of however many rows, taken for one block."""
        scores, sizes = self._scored(counts[None], self._squares[1], np.inf)
        return scores[0], sizes[0]

    def _scored(self, counts: "np.ndarray[Any, Any]", squares: Squares, clip: float) -> tuple[Floats, Floats]:
        """Scores and sizes by numpy: machine code takes the same steps, and sums are whole numbers in both."""
        turned = np.ascontiguousarray(counts.T, dtype=np.float64)
        sums, rows = (self.weights.matrix @ turned).T, (self.bases @ turned).T[:, self.base_of]
        seen, sizes, linear = self.slots @ turned, rows * self._nominal, self._linear
        totals, own = (self._owners @ (seen * seen * self._squares[0][:, None])).T, rows[:, linear:]
        scores = np.concatenate(
            [
                np.clip((sums - self.weights.means * rows[:, :linear]) * self._per_root, -clip, clip),
                np.clip(normal(totals, own, squares) * np.sqrt(sizes[:, linear:]), -clip, clip),
            ],
            axis=1,
        )
        scores[:, linear:][own < squares.least] = 0.0
        return scores, sizes

    def effect(self, channel: int, mean: float) -> float:
        """A mean score a nominal block in the channel's unit: standard deviations of a location, a difference of shares
        or correlations, of a spread the relative change of the variance; for chi-squared channels Cohen's w.
        """
        rows = float(self.expected[self.base_of[channel]])
        if channel < self._linear:
            root = np.sqrt(2.0) if self.channels[channel].measures == "spread" else 1.0
            return float(mean / np.sqrt(rows) * self.scales[channel, 0] * root)
        freedom = max(1.0, float(np.diff(self.firsts)[channel - self._linear]) - 1)
        statistic = freedom * max(0.0, 1 - 2 / (9 * freedom) + mean * np.sqrt(2 / (9 * freedom))) ** 3
        return float(np.sqrt(max(0.0, statistic - freedom) / rows))

    def head(self, channels: int) -> "Scoring":
        """The first so many channels alone, which must be linear."""
        bases = int(self.base_of[:channels].max(initial=-1)) + 1
        return Scoring(
            self.channels[:channels], self.contrasts[:channels], self.weights.head(channels), self.bases[:bases],
            self.base_of[:channels], self.slots[:0], self.firsts[:1], self.wanted[:0], self.expected[:bases],
            self.sampled[:0], self.scales[:channels], self.column, self.paired,
        )  # fmt: skip

    def pools(self, whose: "np.ndarray[Any, np.dtype[np.bool_]]") -> Integers:
        """(cells,) the slot that each cell is in, -1 where it is in none of ``whose`` (squared,) channels."""
        found = np.full(self.contrasts.shape[1], -1, dtype=np.int32)
        slots = np.repeat(np.arange(self.slots.shape[0]), np.diff(self.slots.indptr))
        chosen = np.repeat(whose, np.diff(self.firsts))[slots]
        found[self.slots.indices[chosen]] = slots[chosen]
        return found

    @cached_property
    def first_cells(self) -> Integers:
        """(channels,) a cell of the table that each channel looks at."""
        return _first_cells(self.bases)[self.base_of]

    @cached_property
    def looks(self) -> Integers:
        """(channels,) how many blocks each channel's nominal block is made of."""
        return np.where(self._of_pairs(self.first_cells), self.paired.blocks, 1)

    @cached_property
    def often(self) -> int:
        """The first so many channels: all but the last ones, which are of pairs."""
        return int(np.flatnonzero(self.looks == 1).max(initial=-1)) + 1 if self.paired.blocks > 1 else len(self.looks)

    @property
    def squared(self) -> int:
        return len(self.firsts) - 1

    @property
    def _linear(self) -> int:
        return len(self.base_of) - self.squared

    @cached_property
    def signed(self) -> "np.ndarray[Any, np.dtype[np.bool_]]":
        return np.asarray([channel.signed for channel in self.channels], dtype=bool)

    @cached_property
    def _nominal(self) -> Floats:
        """(channels,) one over the rows of a nominal block."""
        found: Floats = 1 / self.expected[self.base_of]
        return found

    @cached_property
    def _per_root(self) -> Floats:
        """(linear,) one over the standard deviation of a nominal block's sum."""
        found: Floats = 1 / (self.weights.units * np.sqrt(self.expected[self.base_of[: self._linear]]))
        return found

    @cached_property
    def _squares(self) -> tuple[Floats, Squares]:
        """(slots,) whole inverse shares, and what sums of squares times them become scores by."""
        return squares_of(self.wanted, self.firsts, self.sampled, self.expected[self.base_of[self._linear :]])

    @cached_property
    def _owners(self) -> Any:
        """(squared, slots) whose slots they are."""
        from scipy.sparse import csr_array

        slots = int(self.firsts[-1])
        return csr_array((np.ones(slots), np.arange(slots), self.firsts), shape=(self.squared, slots))

    @cached_property
    def _machine(self) -> _Machine:
        from scipy.sparse import csr_array, vstack

        lengths, channels = np.diff(self.slots.indptr), np.repeat(np.arange(self.squared), np.diff(self.firsts))
        inverse, pools, alone = self._squares[0], np.flatnonzero(lengths > 1), np.flatnonzero(lengths == 1)
        pieces = packed(vstack([self.weights.matrix, self.bases, self.slots[pools]], format="csr"))
        (few, often_few), (many, often_many) = (self._pairs_last(each) for each in pieces)
        places = channels[alone], self.slots.indices[self.slots.indptr[alone]]
        of_cells = csr_array((inverse[alone], places), shape=(self.squared, self.slots.shape[1]))
        cell_squares, often_squares = self._pairs_last(packed_wide(of_cells))
        often = int(np.flatnonzero(self.looks[self._linear :] > 1).min(initial=self.squared))
        assert (self.looks[self._linear + often :] > 1).all()  # pairs come last
        limits = (
            self._linear + self.bases.shape[0], often, self.paired.first, self.paired.stop, often_few, often_many,
            often_squares, int(np.count_nonzero(~self._of_pairs(self.slots.indices[self.slots.indptr[pools]]))),
        )  # fmt: skip
        return _Machine(
            few, many, cell_squares, (channels[pools].astype(np.int32), inverse[pools].astype(np.int32), limits),
            (self.base_of.astype(np.int32), self._nominal, self.weights.means, self._per_root),
        )  # fmt: skip

    def _of_pairs(self, cells: "np.ndarray[Any, np.dtype[np.integer[Any]]]") -> "np.ndarray[Any, np.dtype[np.bool_]]":
        """Which of these cells are among those that are counted of several blocks together."""
        return (cells >= self.paired.first) & (cells < self.paired.stop)

    def _pairs_last(self, pieces: Pieces) -> tuple[Pieces, int]:
        """The same pieces, those of pairs' cells after all others, and how many the others are."""
        seldom = self._of_pairs(pieces.firsts)
        order = np.argsort(seldom, kind="stable")
        last = Pieces(pieces.firsts[order], pieces.rows[order], pieces.weights[order])
        return last, len(order) - int(np.count_nonzero(seldom))


def scoring_of(
    counts: Integers,
    layout: Layout,
    bins: tuple[ColumnBins, ...],
    block_rows: int,
    which: Integers,
    among: Integers | None = None,
    kept: Integers | None = None,
) -> Scoring:
    """The scoring against (cells,) baseline ``counts``; channels are those that the counts ``which`` decide.

    ``among`` (cells,) are the rows that each cell was counted among; without it all those of the baseline. ``kept``
    (cells,) are slots of chi-squared channels, as ``Scoring.pools`` gives them.
    """
    found = contrasts_of(counts, layout, bins, which)
    bases = found.bases.matrix(layout.cells)
    seen = bases @ counts.astype(np.float64)
    rows = max(1, int(counts[layout.column_cells(0)].sum())) if among is None else among[_first_cells(bases)]
    own = _first_cells(bases)
    together = np.where((own >= layout.paired.first) & (own < layout.paired.stop), layout.pair_blocks, 1)
    expected = np.maximum(seen * block_rows * together / rows, 1e-3)
    base_of = np.asarray([*found.base_of, *found.squared_base], dtype=np.int64)
    slots, firsts, wanted = pooled(found, expected, layout.cells, kept)
    known = seen[np.asarray(found.squared_base, dtype=np.int64)]
    contrasts = found.rows.matrix(layout.cells)
    return Scoring(
        (*found.linear, *found.squared), contrasts, whole_of(contrasts, counts, seen[base_of[: len(found.linear)]]),
        bases, base_of, slots, firsts, wanted, expected,
        np.divide(1.0, known, out=np.zeros(len(known)), where=known > 0),
        np.asarray(found.scales, dtype=np.float64).reshape(-1, 2), layout.column_cells(0).stop, layout.paired,
    )  # fmt: skip


def _first_cells(bases: Any) -> Integers:
    """(bases,) the first cell of each; of one without cells any, for it counts nothing."""
    places = np.minimum(bases.indptr[:-1], max(0, bases.nnz - 1))
    found: Integers = bases.indices[places].astype(np.int64) if bases.nnz else np.zeros(len(places), dtype=np.int64)
    return found
