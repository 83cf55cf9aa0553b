"""Chi-squared channels: which cells stand for themselves and which are pooled, and the way to a score near normal.

Sources: Pearson, Philosophical Magazine 50, 1900; Wilson and Hilferty, PNAS 17, 1931, for the cube root.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.scoring.contrasts import Contrasts
from stream_app.core.drift.scoring.whole_numbers import whole_inverse

_LEAST_EXPECTED = 3.0
_LEAST_POOLED = 1.5
_LEAST_ROWS = 0.2
"""A chi-squared score of fewer rows than this part of the nominal block says nothing."""


class Squares(NamedTuple):
    """What leads from (squared,) sums of squares times whole inverse shares to scores near normal: one over the scale
    of the inverse shares; what their squares add up to in blocks as expected; how much surer the baseline's own
    sampling error makes them; one over the degrees of freedom; the cube root's mean, and one over its deviation; the
    fewest rows.
    """

    per_scale: Floats
    nominal: Floats
    sampled: Floats
    per_freedom: Floats
    low: Floats
    steep: Floats
    least: Floats


def squares_of(wanted: Floats, firsts: Integers, sampled: Floats, expected: Floats) -> tuple[Floats, Squares]:
    """(slots,) whole inverse shares and the constants of the channels with these first slots; ``wanted`` (slots,) are
    the shares, ``expected`` (squared,) rows of a nominal block. A channel of one slot scores 0.
    """
    inverse, scale = whole_inverse(wanted, firsts)
    slots = np.diff(firsts)
    owners = np.repeat(np.arange(len(slots)), slots)
    freedom = np.maximum(slots - 1, 1).astype(np.float64)
    nominal = np.bincount(owners, wanted * wanted * inverse, minlength=len(slots)) / scale
    part = 2 / (9 * freedom)
    least = np.where(slots > 1, _LEAST_ROWS * expected, np.inf)
    return inverse, Squares(1 / scale, nominal, sampled, 1 / freedom, 1 - part, 1 / np.sqrt(part), least)


def normal(totals: Floats, rows: Floats, squares: Squares) -> Floats:
    """(blocks, squared) Pearson's statistic from sums of squares among so many rows, made near normal by Wilson and
    Hilferty's cube root.
    """
    counted = np.maximum(rows, 1.0)
    unsure = np.maximum(1.0 + squares.sampled * counted, 0.05)
    statistic = (totals * squares.per_scale - counted * counted * squares.nominal) / (counted * unsure)
    found: Floats = (_cube_root(statistic * squares.per_freedom) - squares.low) * squares.steep
    return found


def _cube_root(values: Floats) -> Floats:
    """To ten digits, in steps that are the same everywhere: a third of the exponent is the first guess of one over
    the root, and two steps of Halley's method the rest. 0 and below have the root of next to nothing.
    """
    values = np.maximum(values, 1e-30)
    third = ((values.view(np.uint64) >> np.uint64(32)) * np.uint64(0xAAAAAAAB)) >> np.uint64(33)
    root = ((np.uint64(0x553EF0FF) - third) << np.uint64(32)).view(np.float64)
    for _ in range(2):
        left = 1.0 - values * (root * root * root)
        root = root * (1.0 + left * (1 / 3 + left * (2 / 9)))
    found: Floats = values * root * root
    return found


def pooled(
    found: Contrasts, expected: Floats, cells: int, kept: Integers | None = None
) -> tuple[Any, Integers, Floats]:
    """The slots of chi-squared channels: a matrix of which cells each sums, each channel's first slot, shares.

    ``kept`` (cells,) are the slots that channels are to have, -1 for all cells of one that is free.
    """
    from scipy.sparse import csr_array

    rows, columns, wanted, firsts = list[Integers](), list[Integers](), list[Floats](), [0]
    for base, (first, shares) in zip(found.squared_base, found.squared_cells, strict=True):
        members = np.flatnonzero(~np.isnan(shares))
        known = np.full(len(members), -1) if kept is None else kept[first + members]
        free, among = known.max(initial=-1) < 0, (shares[members], float(expected[base]))
        slot, own = _slots(*among) if free else _joined(known, *among)
        rows.append(firsts[-1] + slot)
        columns.append(first + members)
        wanted.append(own)
        firsts.append(firsts[-1] + len(own))
    row, column = (np.concatenate([*each, np.zeros(0, dtype=np.int64)]).astype(np.int32) for each in (rows, columns))
    slots = csr_array((np.ones(len(row)), (row, column)), shape=(firsts[-1], cells))
    return slots, np.asarray(firsts, dtype=np.int64), np.concatenate([*wanted, np.zeros(0)])


def _joined(kept: Integers, shares: Floats, expected: float) -> tuple[Integers, Floats]:
    """As ``_slots``, of cells that are in the ``kept`` (members,) slots elsewhere: the two rarest are made one, until a
    nominal block has 1.5 rows of each.
    """
    _, slot = np.unique(kept, return_inverse=True)
    own = np.bincount(slot, shares)
    while len(own) > 1 and own.min() * expected < _LEAST_POOLED:
        rarest, next_rarest = np.argsort(own, kind="stable")[:2]
        slot = np.where(slot == rarest, next_rarest, slot)
        slot -= slot > rarest
        own = np.bincount(slot, shares)
    return slot, own.astype(np.float64)


def _slots(shares: Floats, expected: float) -> tuple[npt.NDArray[np.int64], Floats]:
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
