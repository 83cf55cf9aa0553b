"""The contrasts of subgroups, of all groups and columns at once, for there may be a hundred thousand: the location of
each numeric column, and each frequent level of a category, among the rows of each group.
"""

from typing import Any, NamedTuple

import numpy as np

from stream_app.core.drift.coding.bins import ColumnBins, Floats
from stream_app.core.drift.counts.layout import Integers, Layout
from stream_app.core.drift.scoring.contrasts import Channel, Contrasts, Measures

_FREQUENT_IN_GROUP = 0.05
_FEWEST_IN_GROUP = 200
_BEYOND = 0.3
_FLAT = 1e-9
_CUT = 6.0

Bools = np.ndarray[Any, np.dtype[np.bool_]]


class _Tables(NamedTuple):
    """The coarse marginals of (groups, columns), every one as wide as the widest: levels of the baseline's counts, of
    the deciding ones, and ``inside`` (columns, levels), which are cells of the column.
    """

    counts: Floats
    deciding: Integers
    inside: Bools
    firsts: Integers


class _Found(NamedTuple):
    """Channels in the making: the (channels,) group, column and level of each, where the column is a category."""

    group: Integers
    column: Integers
    level: Integers


def add_subgroup(
    found: Contrasts, counts: Integers, layout: Layout, number: int, bins: tuple[ColumnBins, ...], which: Integers
) -> None:
    """Add the channels of a subgroup column, group by group; as ``contrasts_of`` has it."""
    subgroup = layout.subgroups[number]
    if not subgroup.number:
        return
    tables = _tables(counts, which, layout, number)
    numeric = np.asarray([column.kind == "numeric" for column in bins], dtype=bool)
    enough = tables.deciding.sum(axis=2) >= _FEWEST_IN_GROUP
    enough[:, subgroup.column] = False
    shown = np.where(numeric[:, None], np.arange(tables.inside.shape[1]) == 0, _followed(tables)) & enough[:, :, None]
    chosen = _Found(*np.nonzero(shown))
    shares = _shares(tables)
    weights, flat = _weights(tables, shares, chosen, numeric)
    base = len(found.bases.lengths) - 1 + np.cumsum(enough.ravel()).reshape(enough.shape)
    _add_bases(found, tables, enough)
    found.base_of += base[chosen.group, chosen.column].tolist()
    found.scales += _scales(shares, chosen, numeric)
    found.linear += _channels(subgroup.column, chosen, numeric)
    kept = tables.inside[chosen.column] & ~flat[:, None]
    cells = tables.firsts[chosen.group, chosen.column][:, None] + np.arange(kept.shape[1])
    found.rows.add_many(kept.sum(axis=1).tolist(), cells[kept], weights[kept])


def _tables(counts: Integers, which: Integers, layout: Layout, number: int) -> _Tables:
    groups, width = layout.subgroups[number].number, int(layout.inner[-1])
    levels = np.arange(max(layout.coarse_sizes))
    inside = levels < np.asarray(layout.coarse_sizes)[:, None]
    first = int(layout.grouped[number]) + width
    # Cells beyond a column's own are the next column's, or the last of the group.
    places = np.minimum(layout.inner[:-1, None] + levels, width - 1)
    own, deciding = (
        np.where(inside, each[first : first + groups * width].reshape(groups, width)[:, places], 0)
        for each in (counts, which)
    )
    firsts = first + width * np.arange(groups)[:, None] + layout.inner[:-1]
    return _Tables(np.where(levels > 0, own, 0).astype(np.float64), deciding, inside, firsts)


def _followed(tables: _Tables) -> Bools:
    """(groups, columns, levels) frequent enough for a channel of their own; of two that are all there is, the first
    says it all.
    """
    present = np.where(np.arange(tables.deciding.shape[2]) > 0, tables.deciding, 0)
    total = np.maximum(1, present.sum(axis=2, keepdims=True))
    shown = (present >= _FREQUENT_IN_GROUP * total) & (present < total) & tables.inside
    two = (shown.sum(axis=2) == 2) & (np.count_nonzero(present, axis=2) == 2)
    found: Bools = shown & (~two[:, :, None] | (np.cumsum(shown, axis=2) == 1))
    return found


def _shares(tables: _Tables) -> Floats:
    """(groups, columns, levels), with half a row for the whole table where the baseline has none of it."""
    total = tables.counts.sum(axis=2, keepdims=True)
    even = tables.inside / tables.inside.sum(axis=1, keepdims=True)
    return np.where(total > 0, tables.counts / np.where(total > 0, total, 1.0), even)


def _weights(tables: _Tables, shares: Floats, chosen: _Found, numeric: Bools) -> tuple[Floats, Bools]:
    """(channels, levels) contrasts, and the (channels,) that are flat."""
    located, none = _located(tables, shares)
    numbers = numeric[chosen.column]
    levels = np.arange(shares.shape[2])
    own = shares[chosen.group, chosen.column]
    share = own[np.arange(len(own)), chosen.level]
    against = _standardised((levels == chosen.level[:, None]).astype(np.float64), own)
    found = np.where(numbers[:, None], located[chosen.group, chosen.column], against)
    return found, np.where(numbers, none[chosen.group, chosen.column], share * (1 - share) < _FLAT)


def _located(tables: _Tables, shares: Floats) -> tuple[Floats, Bools]:
    """(groups, columns, levels) standardised normal scores of the levels' middle ranks, and where there are none."""
    from scipy.special import ndtri

    present, places = tables.counts[:, :, 1:], np.arange(tables.counts.shape[2] - 1)
    total = np.maximum(present.sum(axis=2, keepdims=True), 1.0)
    middle = np.clip((np.cumsum(present, axis=2) - present / 2) / total, 0.25 / total, 1 - 0.25 / total)
    first = np.argmax(present > 0, axis=2)[:, :, None]
    last = (len(places) - 1 - np.argmax(present[:, :, ::-1] > 0, axis=2))[:, :, None]
    scores = np.zeros_like(shares)
    scores[:, :, 1:] = ndtri(middle) + _BEYOND * (places - np.clip(places, first, last))
    scores -= (shares * scores).sum(axis=2, keepdims=True)
    spread = np.sqrt((shares * scores**2).sum(axis=2))
    none = (spread < _FLAT * 1e3) | (np.count_nonzero(shares, axis=2) <= 1) | ~(present > 0).any(axis=2)
    # Cut at six standard deviations: a level that the baseline barely knows must not decide by itself.
    cut = np.clip(scores / np.where(none, 1.0, spread)[:, :, None], -_CUT, _CUT)
    return _standardised(cut, shares), none


def _standardised(weights: Floats, shares: Floats) -> Floats:
    """Mean 0 and variance 1 under the shares; nothing on what is missing."""
    mean = (shares * weights).sum(axis=-1, keepdims=True)
    spread = np.sqrt((shares * (weights - mean) ** 2).sum(axis=-1, keepdims=True))
    found: Floats = (weights - mean) / np.maximum(spread, _FLAT)
    found[..., 0] = 0.0
    return found


def _add_bases(found: Contrasts, tables: _Tables, enough: Bools) -> None:
    """A base for each table with enough rows: its present cells."""
    column = np.nonzero(enough)[1]
    kept = tables.inside[column].copy()
    kept[:, 0] = False
    cells = tables.firsts[enough][:, None] + np.arange(kept.shape[1])
    found.bases.add_many(kept.sum(axis=1).tolist(), cells[kept], np.ones(int(kept.sum())))


def _scales(shares: Floats, chosen: _Found, numeric: Bools) -> list[tuple[float, float]]:
    share = shares[chosen.group, chosen.column, chosen.level]
    numbers = numeric[chosen.column]
    scale, before = np.where(numbers, 1.0, np.sqrt(share * (1 - share))), np.where(numbers, 0.0, share)
    return list(zip(scale.tolist(), before.tolist(), strict=True))


def _channels(column: int, chosen: _Found, numeric: Bools) -> list[Channel]:
    measures: list[Measures] = ["location" if each else "share" for each in numeric]
    return [
        Channel("subgroup", (column, place), True, measures[place], 1 + group)
        for group, place in zip(chosen.group.tolist(), chosen.column.tolist(), strict=True)
    ]
