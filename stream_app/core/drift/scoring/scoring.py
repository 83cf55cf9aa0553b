"""Scores of blocks of counts: one number a block and channel, near standard normal while nothing changes.

A linear score is a sum over the block's rows, in standard deviations of a block of the nominal size: a block of twice
the rows has twice the variance. With it comes ``size``, the rows that it rests on over those nominally expected, so
that sums over blocks of whatever sizes can be standardised.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from stream_app.core.drift.coding.bins import ColumnBins, Floats
from stream_app.core.drift.counts.counting import COMPILED
from stream_app.core.drift.counts.layout import Integers, Layout
from stream_app.core.drift.scoring.channels import Channel, Contrasts, contrasts_of

_LEAST_EXPECTED = 3.0
_LEAST_POOLED = 1.5
_LEAST_ROWS = 0.2
"""A chi-squared score of fewer rows than this part of the nominal block says nothing."""

_CLIP = 20.0


@dataclass(frozen=True)
class Scoring:
    """How counts of (cells,) of one baseline become scores: sparse matrices, and what each channel rests on.

    ``contrasts`` (linear, cells); ``bases`` (bases, cells); ``slots`` (slots, cells) pools the cells of chi-squared
    channels, ``firsts`` (squared + 1,) is each one's first slot, ``wanted`` (slots,) its shares. ``expected`` (bases,)
    rows of a nominal block. ``scales`` (linear, 2): a mean score of 1 a row in the unit that the channel measures, and
    where the baseline stands.
    """

    channels: tuple[Channel, ...]
    contrasts: Any
    bases: Any
    base_of: Integers
    slots: Any
    firsts: Integers
    wanted: Floats
    expected: Floats
    sampled: Floats
    scales: Floats

    def score(self, counts: "np.ndarray[Any, Any]", inside: bool = False) -> tuple[Floats, Floats]:
        """(blocks, channels) scores and sizes of (blocks, cells) counts; ``inside`` for the baseline's own blocks."""
        sums, rows, totals = self._summed(counts)
        linear = len(self.base_of) - self.squared
        scores, sizes = self._standardised(sums, rows)
        normal = self._chi_squared(totals, rows[:, self.base_of[linear:]], inside)
        scores[:, linear:] = np.clip(normal * np.sqrt(sizes[:, linear:]), -_CLIP, _CLIP)
        return scores, sizes

    def off(self, counts: "np.ndarray[Any, Any]", centre: Floats, spread: Floats, cut: Floats) -> tuple[Floats, Floats]:
        """As ``score``; scores are off the ``centre`` of a nominal block, in units of ``spread``, cut off at ``cut``.

        All are (channels,).
        """
        scores, sizes = self.score(counts)
        if COMPILED:
            from stream_app.core.drift.scoring.compiled_scoring import centred

            centred(scores, sizes, centre, spread, cut)
            return scores, sizes
        return np.clip((scores - centre * sizes) / spread, -cut, cut), sizes

    def whole(self, counts: Integers) -> tuple[Floats, Floats]:
        """(channels,) scores, not cut off, and sizes of (cells,) counts of however many rows, taken for one block."""
        sums, rows, totals = self._summed(counts[None])
        sizes: Floats = rows[0, self.base_of] / self.expected[self.base_of]
        linear = sums.shape[1]
        normal = self._chi_squared(totals, rows[:, self.base_of[linear:]], inside=False)
        return np.concatenate([sums[0] / self._roots, normal[0] * np.sqrt(sizes[linear:])]), sizes

    def _standardised(self, sums: Floats, rows: Floats) -> tuple[Floats, Floats]:
        """(blocks, channels) scores, of which only the linear ones are filled in, and sizes."""
        shape = (len(rows), len(self.base_of))
        scores, sizes = np.empty(shape), np.empty(shape)
        if COMPILED:
            from stream_app.core.drift.scoring.compiled_scoring import standardised

            standardised(scores, sizes, sums, rows, self.base_of, self.expected, self._roots, _CLIP)
            return scores, sizes
        sizes[:] = rows[:, self.base_of] / self.expected[self.base_of]
        scores[:, : sums.shape[1]] = np.clip(sums / self._roots, -_CLIP, _CLIP)
        return scores, sizes

    def _summed(self, counts: "np.ndarray[Any, Any]") -> tuple[Floats, Floats, Floats]:
        """(blocks, linear) sums of contrasts, (blocks, bases) rows, (blocks, squared) sums of squares over shares.

        Both ways add the same numbers in the same order.
        """
        if COMPILED:
            from stream_app.core.drift.scoring.compiled_scoring import sums

            contrasts, bases, slots = (
                (each.indptr, each.indices, each.data) for each in (self.contrasts, self.bases, self.slots)
            )
            found: tuple[Floats, Floats, Floats] = sums(
                counts, contrasts, bases, self._runs, slots, self._inverse, self.firsts
            )
            return found
        turned = np.ascontiguousarray(counts.T, dtype=np.float64)
        seen = self.slots @ turned
        squares = seen * seen * self._inverse[:, None]
        totals = self._owners @ squares
        return (self.contrasts @ turned).T, (self.bases @ turned).T, totals.T

    def effect(self, channel: int, mean: float) -> float:
        """A mean score a nominal block in the channel's unit: standard deviations of a location, a difference of shares
        or correlations, of a spread the relative change of the variance; for chi-squared channels Cohen's w.
        """
        rows = float(self.expected[self.base_of[channel]])
        linear = len(self.base_of) - self.squared
        if channel < linear:
            root = np.sqrt(2.0) if self.channels[channel].measures == "spread" else 1.0
            return float(mean / np.sqrt(rows) * self.scales[channel, 0] * root)
        freedom = float(self._freedom[channel - linear])
        statistic = freedom * max(0.0, 1 - 2 / (9 * freedom) + mean * np.sqrt(2 / (9 * freedom))) ** 3
        return float(np.sqrt(max(0.0, statistic - freedom) / rows))

    def head(self, channels: int) -> "Scoring":
        """The first so many channels alone, which must be linear."""
        bases = int(self.base_of[:channels].max(initial=-1)) + 1
        return Scoring(
            self.channels[:channels], self.contrasts[:channels], self.bases[:bases], self.base_of[:channels],
            self.slots[:0], self.firsts[:1], self.wanted[:0], self.expected[:bases], self.sampled[:0],
            self.scales[:channels],
        )  # fmt: skip

    @cached_property
    def first_cells(self) -> Integers:
        """(channels,) a cell of the table that each channel looks at."""
        return _first_cells(self.bases)[self.base_of]

    @property
    def squared(self) -> int:
        return len(self.firsts) - 1

    @cached_property
    def signed(self) -> "np.ndarray[Any, np.dtype[np.bool_]]":
        return np.asarray([channel.signed for channel in self.channels], dtype=bool)

    @cached_property
    def _inverse(self) -> Floats:
        """(slots,) one over the shares."""
        return 1 / self.wanted

    @cached_property
    def _runs(self) -> "np.ndarray[Any, np.dtype[np.bool_]]":
        """(bases,) whether a base's cells follow each other."""
        starts, cells = self.bases.indptr, self.bases.indices
        lengths, first = np.diff(starts), _first_cells(self.bases)
        last = cells[np.maximum(starts[1:], 1) - 1] if len(cells) else first
        return np.asarray((lengths > 0) & (last - first == lengths - 1), dtype=bool)

    @cached_property
    def _owners(self) -> Any:
        """(squared, slots) whose slots they are."""
        from scipy.sparse import csr_array

        slots = int(self.firsts[-1])
        return csr_array((np.ones(slots), np.arange(slots), self.firsts), shape=(self.squared, slots))

    @cached_property
    def _roots(self) -> Floats:
        """(linear,) the standard deviation of a nominal block's sum."""
        found: Floats = np.sqrt(self.expected[self.base_of[: len(self.base_of) - self.squared]])
        return found

    @cached_property
    def _freedom(self) -> Floats:
        """(squared,) slots of each channel less one."""
        found: Floats = np.maximum(np.diff(self.firsts) - 1, 1).astype(np.float64)
        return found

    def _chi_squared(self, totals: Floats, rows: Floats, inside: bool) -> Floats:
        """(blocks, squared) Pearson's statistic, made near normal by Wilson and Hilferty's cube root.

        ``sampled`` corrects for the baseline's own sampling error, which rows of the baseline share.
        """
        counted, share = np.maximum(rows, 1.0), self.sampled * rows
        statistic = np.maximum(totals / counted - counted, 0.0) / np.maximum(1 - share if inside else 1 + share, 0.05)
        freedom = self._freedom
        found = (np.cbrt(statistic / freedom) - (1 - 2 / (9 * freedom))) / np.sqrt(2 / (9 * freedom))
        enough = rows >= _LEAST_ROWS * self.expected[self.base_of[len(self.base_of) - self.squared :]]
        return np.where(enough & (np.diff(self.firsts) > 1), found, 0.0)


def scoring_of(
    counts: Integers,
    layout: Layout,
    bins: tuple[ColumnBins, ...],
    block_rows: int,
    which: Integers,
    among: Integers | None = None,
) -> Scoring:
    """The scoring against (cells,) baseline ``counts``; channels are those that the counts ``which`` decide.

    ``among`` (cells,) are the rows that each cell was counted among; without it all those of the baseline.
    """
    found = contrasts_of(counts, layout, bins, which)
    bases = found.bases.matrix(layout.cells)
    seen = bases @ counts.astype(np.float64)
    rows = max(1, int(counts[layout.column_cells(0)].sum())) if among is None else among[_first_cells(bases)]
    expected = np.maximum(seen * block_rows / rows, 1e-3)
    base_of = np.asarray([*found.base_of, *found.squared_base], dtype=np.int64)
    slots, firsts, wanted = _pooled(found, expected, layout.cells)
    own = seen[np.asarray(found.squared_base, dtype=np.int64)]
    return Scoring(
        (*found.linear, *found.squared), found.rows.matrix(layout.cells), bases, base_of, slots, firsts, wanted,
        expected, np.divide(1.0, own, out=np.zeros(len(own)), where=own > 0),
        np.asarray(found.scales, dtype=np.float64).reshape(-1, 2),
    )  # fmt: skip


def _first_cells(bases: Any) -> Integers:
    """(bases,) the first cell of each; of one without cells any, for it counts nothing."""
    places = np.minimum(bases.indptr[:-1], max(0, bases.nnz - 1))
    found: Integers = bases.indices[places].astype(np.int64) if bases.nnz else np.zeros(len(places), dtype=np.int64)
    return found


def _pooled(found: Contrasts, expected: Floats, cells: int) -> tuple[Any, Integers, Floats]:
    """The slots of chi-squared channels: a matrix of which cells each sums, each channel's first slot, shares."""
    from scipy.sparse import csr_array

    rows, columns, wanted, firsts = list[Integers](), list[Integers](), list[Floats](), [0]
    for base, (first, shares) in zip(found.squared_base, found.squared_cells, strict=True):
        members = np.flatnonzero(~np.isnan(shares))
        slot, own = _slots(shares[members], float(expected[base]))
        rows.append(firsts[-1] + slot)
        columns.append(first + members)
        wanted.append(own)
        firsts.append(firsts[-1] + len(own))
    row, column = (np.concatenate([*each, np.zeros(0, dtype=np.int64)]).astype(np.int32) for each in (rows, columns))
    slots = csr_array((np.ones(len(row)), (row, column)), shape=(firsts[-1], cells))
    return slots, np.asarray(firsts, dtype=np.int64), np.concatenate([*wanted, np.zeros(0)])


def _slots(shares: Floats, expected: float) -> tuple[Integers, Floats]:
    """(members,) slot of each cell and (slots,) shares: cells that a nominal block has less than three of are pooled.

    The pool joins the rarest other slot where even it is too little; where no cell has three, neighbours are pooled
    until they have. A matter of the baseline alone, so that a block's score never depends on the blocks beside it.
    """
    kept = shares * expected >= _LEAST_EXPECTED
    if not kept.any():
        slots = max(1, int(expected / (2 * _LEAST_EXPECTED)))
        slot = np.minimum((np.cumsum(shares) - shares / 2) * slots, slots - 1).astype(np.int64)
        _, slot = np.unique(slot, return_inverse=True)
        return slot, np.bincount(slot, shares).astype(np.float64)
    slot = np.where(kept, np.cumsum(kept) - 1, kept.sum())
    own = np.append(shares[kept], shares[~kept].sum())
    if own[-1] * expected < _LEAST_POOLED:
        rarest = int(np.argmin(own[:-1]))
        own[rarest] += own[-1]
        slot, own = np.where(kept, slot, rarest), own[:-1]
    return slot, own
