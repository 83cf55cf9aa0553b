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
        size = rows[:, self.base_of] / self.expected[self.base_of]
        scores = np.empty_like(size)
        scores[:, :linear] = sums / self._roots
        normal = self._chi_squared(totals, rows[:, self.base_of[linear:]], inside)
        scores[:, linear:] = normal * np.sqrt(size[:, linear:])
        return np.clip(scores, -_CLIP, _CLIP), size

    def _summed(self, counts: "np.ndarray[Any, Any]") -> tuple[Floats, Floats, Floats]:
        """(blocks, linear) sums of contrasts, (blocks, bases) rows, (blocks, squared) sums of squares over shares.

        Both ways add the same numbers in the same order.
        """
        if COMPILED:
            from stream_app.core.drift.scoring.compiled_scoring import sums

            contrasts, bases = ((each.indptr, each.indices, each.data) for each in (self.contrasts, self.bases))
            found: tuple[Floats, Floats, Floats] = sums(
                counts, contrasts, bases, self._slot_of, self._inverse, self.firsts
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
    def _slot_of(self) -> "np.ndarray[Any, np.dtype[np.int32]]":
        """(cells,) each cell's slot; one past the last for cells without one."""
        found = np.full(self.slots.shape[1], len(self.wanted), dtype=np.int32)
        found[self.slots.indices] = np.repeat(np.arange(len(self.wanted)), np.diff(self.slots.indptr))
        return found

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
    counts: Integers, layout: Layout, bins: tuple[ColumnBins, ...], block_rows: int, which: Integers
) -> Scoring:
    """The scoring against (cells,) baseline ``counts``; channels are those that the counts ``which`` decide."""
    found = contrasts_of(counts, layout, bins, which)
    rows = max(1, int(counts[layout.column_cells(0)].sum()))
    bases = found.bases.matrix(layout.cells)
    seen = bases @ counts.astype(np.float64)
    expected = np.maximum(seen * block_rows / rows, 1e-3)
    base_of = np.asarray([*found.base_of, *found.squared_base], dtype=np.int64)
    slots, firsts, wanted = _pooled(found, expected, layout.cells)
    own = seen[np.asarray(found.squared_base, dtype=np.int64)]
    return Scoring(
        (*found.linear, *found.squared), found.rows.matrix(layout.cells), bases, base_of, slots, firsts, wanted,
        expected, np.divide(1.0, own, out=np.zeros(len(own)), where=own > 0),
        np.asarray(found.scales, dtype=np.float64).reshape(-1, 2),
    )  # fmt: skip


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

    The pool joins the rarest other slot where even it is too little. A matter of the baseline alone, so that a block's
    score never depends on the blocks beside it.
    """
    kept = shares * expected >= _LEAST_EXPECTED
    if not kept.any():
        return np.zeros(len(shares), dtype=np.int64), np.ones(1)
    slot = np.where(kept, np.cumsum(kept) - 1, kept.sum())
    own = np.append(shares[kept], shares[~kept].sum())
    if own[-1] * expected < _LEAST_POOLED:
        rarest = int(np.argmin(own[:-1]))
        own[rarest] += own[-1]
        slot, own = np.where(kept, slot, rarest), own[:-1]
    return slot, own
