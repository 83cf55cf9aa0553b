"""Standardised scores of blocks of rows: one number a block and channel, near standard normal while nothing changes.

Linear scores (location, share of a category, product of two normal scores) are sensitive to small lasting shifts and
have a sign; chi-squared scores see any change of shape or association and count upwards only.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.drift import Kind
from stream_app.core.drift.baseline import LEVELS, Baseline, one_hot, pairs_of, take
from stream_app.core.drift.bins import MISSING, Codes, Floats

_RARE = 0.02
_CLIP = 20.0
_SMALL = 8


@dataclass(frozen=True, slots=True)
class Channel:
    """What one score looks at: the places of its columns, and whether it can also fall."""

    kind: Kind
    columns: tuple[int, ...]
    signed: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """Sufficient statistics of (blocks, rows, columns) codes."""

    rows: int
    fine: "np.ndarray[Any, Any]"
    coarse: "np.ndarray[Any, Any]"
    sums: Floats
    squares: Floats
    products: Floats
    within: Floats


def count(blocks: Codes, baseline: Baseline) -> Counts:
    """Count whole blocks: fine marginals, coarse pairs, sums and products of normal scores, sums within subgroups."""
    number, rows, width = blocks.shape
    size = baseline.marginals.shape[1]
    flat = blocks.astype("int64") + (np.arange(number)[:, None, None] * width + np.arange(width)) * size
    fine = np.bincount(flat.ravel(), minlength=number * width * size).reshape(number, width, size)
    hot = one_hot(take(baseline.levels, blocks))
    scores = take(baseline.normal, blocks).astype("float32")
    turned = hot.transpose(0, 2, 1)
    groups = np.concatenate(
        [turned[:, place * LEVELS : (place + 1) * LEVELS] for place in baseline.subgroups] or [turned[:, :0]], axis=1
    )
    return Counts(
        rows,
        fine,
        turned @ hot,
        scores.sum(axis=1, dtype="float64"),
        (scores**2).sum(axis=1, dtype="float64"),
        (scores.transpose(0, 2, 1) @ scores).astype("float64"),
        (groups @ scores).astype("float64"),
    )


def channels(baseline: Baseline) -> tuple[Channel, ...]:
    """The channels in the order of the columns of ``scores``."""
    width, numeric = len(baseline.bins), baseline.numeric
    found = [Channel("marginal", (place,), True) for place in numeric for _ in range(2)]
    found += [Channel("marginal", (place,), True) for place, _ in _category_levels(baseline)]
    found += [Channel("missingness", (place,), True) for place in _often_missing(baseline)]
    found += [Channel("marginal", (place,), False) for place in range(width)]
    found += [Channel("correlation", pair, True) for pair in pairs_of(baseline) if set(pair) <= set(numeric)]
    found += [Channel("correlation", pair, False) for pair in pairs_of(baseline)]
    for group in baseline.subgroups:
        for _ in range(LEVELS):
            found += [Channel("subgroup", (group, place), True) for place in numeric if place != group]
            found += [
                Channel("subgroup", (group, place), True) for place, _ in _category_levels(baseline) if place != group
            ]
    return tuple(found)


def scores(counts: Counts, baseline: Baseline, sampled: float) -> Floats:
    """(blocks, channels); ``sampled`` is block rows over reference rows, negative for its own blocks."""
    numeric = list(baseline.numeric)
    present = np.maximum(counts.rows - counts.fine[:, :, MISSING], 1)
    parts = [
        _moments(counts, baseline, present, numeric),
        _shares(counts, baseline),
        _missing(counts, baseline),
        _shape(counts, baseline, sampled),
        _products(counts, baseline),
        _association(counts, baseline, sampled),
    ]
    parts += [_subgroup(counts, baseline, number) for number in range(len(baseline.subgroups))]
    return np.clip(np.concatenate(parts, axis=1), -_CLIP, _CLIP)


def rare(counts: Counts, baseline: Baseline) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """(blocks, 2 * columns) counts of missing and of new cells; missing ones only where the baseline has few."""
    seldom = baseline.missing_share < _RARE
    return np.concatenate([counts.fine[:, :, MISSING] * seldom, counts.fine[:, :, 1]], axis=1).astype("int64")


def _often_missing(baseline: Baseline) -> list[int]:
    return [int(place) for place in np.flatnonzero(baseline.missing_share >= _RARE)]


def _category_levels(baseline: Baseline) -> list[tuple[int, int]]:
    """Levels of categorical columns with a share that normal scores can follow; of two levels one says it all."""
    found = []
    for place, column in enumerate(baseline.bins):
        if column.kind == "categorical":
            own = np.diagonal(baseline.pairs)[place * LEVELS : (place + 1) * LEVELS]
            shown = [level for level in range(LEVELS) if _RARE * own.sum() <= own[level] < own.sum()]
            found += [(place, level) for level in (shown[:1] if len(shown) == 2 else shown)]
    return found


def _moments(counts: Counts, baseline: Baseline, present: Floats, numeric: list[int]) -> Floats:
    """Location and spread of each numeric column: sums of normal scores, and of their squares."""
    location = counts.sums[:, numeric] / np.sqrt(present[:, numeric])
    mean, spread = baseline.squares[0, numeric], baseline.squares[1, numeric]
    seen = present[:, numeric]
    squares = _over(counts.squares[:, numeric] - seen * mean, spread * np.sqrt(seen))
    return np.stack([location, squares], axis=2).reshape(len(location), -1)


def _shares(counts: Counts, baseline: Baseline) -> Floats:
    places = [place * LEVELS + level for place, level in _category_levels(baseline)]
    totals = _level_totals(counts, [place for place, _ in _category_levels(baseline)])
    own = np.diagonal(baseline.pairs)
    wanted = np.asarray(
        [
            own[place * LEVELS + level] / own[place * LEVELS : (place + 1) * LEVELS].sum()
            for place, level in _category_levels(baseline)
        ]
    )
    seen = np.diagonal(counts.coarse, axis1=1, axis2=2)[:, places]
    return _arcsine(seen, totals, wanted)


def _level_totals(counts: Counts, places: list[int]) -> Floats:
    diagonal = np.diagonal(counts.coarse, axis1=1, axis2=2)
    totals: Floats = diagonal.reshape(len(diagonal), -1, LEVELS).sum(axis=2)[:, places]
    return totals


def _missing(counts: Counts, baseline: Baseline) -> Floats:
    places = _often_missing(baseline)
    return _arcsine(
        counts.fine[:, places, MISSING], np.full((1, len(places)), counts.rows), baseline.missing_share[places]
    )


def _arcsine(seen: "np.ndarray[Any, Any]", totals: "np.ndarray[Any, Any]", wanted: Floats) -> Floats:
    """Anscombe's variance-stabilised binomial: unit variance whatever the share; 0 where too few rows are in view."""
    steady = (seen + 0.375) / (totals + 0.75)
    found = (
        2
        * np.sqrt(totals + 0.5)
        * (np.arcsin(np.sqrt(np.clip(steady, 0, 1))) - np.arcsin(np.sqrt(np.clip(wanted, 0, 1))))
    )
    return np.where(totals >= _SMALL, found, 0.0)


def _shape(counts: Counts, baseline: Baseline, sampled: float) -> Floats:
    """Chi-squared of each column's bins among present cells."""
    own = baseline.marginals[:, 2:].astype("float64")
    wanted = own / np.maximum(own.sum(axis=1, keepdims=True), 1)
    return _chi_squared(counts.fine[:, :, 2:], wanted, own.sum(axis=1) * counts.rows / baseline.rows, sampled)


def _products(counts: Counts, baseline: Baseline) -> Floats:
    numeric = set(baseline.numeric)
    pairs = [pair for pair in pairs_of(baseline) if set(pair) <= numeric]
    left, right = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    change = counts.products[:, left, right] - counts.rows * baseline.products[left, right]
    return _over(change, baseline.product_spread[left, right] * np.sqrt(counts.rows))


def _association(counts: Counts, baseline: Baseline, sampled: float) -> Floats:
    """Chi-squared of each pair's table of coarse levels."""
    width = len(baseline.bins)
    pairs = pairs_of(baseline)
    left, right = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    seen = counts.coarse.reshape(-1, width, LEVELS, width, LEVELS)[:, left, :, right, :]
    # Two index lists apart put their axis first: (pairs, blocks, levels, levels).
    seen = (
        seen.transpose(1, 0, 2, 3).reshape(len(counts.coarse), len(pairs), LEVELS**2)
        if pairs
        else np.zeros((len(counts.coarse), 0, 1))
    )
    own = (
        baseline.pairs.reshape(width, LEVELS, width, LEVELS)[left, :, right, :]
        .reshape(len(pairs), -1)
        .astype("float64")
    )
    total = own.sum(axis=1, keepdims=True)
    return _chi_squared(seen, own / np.maximum(total, 1), total[:, 0] * counts.rows / baseline.rows, sampled)


def _subgroup(counts: Counts, baseline: Baseline, number: int) -> Floats:
    """Per level of a subgroup column: location of each numeric column, and shares of categories, among its rows."""
    group, width = baseline.subgroups[number], len(baseline.bins)
    numeric = [place for place in baseline.numeric if place != group]
    shown = [(place, level) for place, level in _category_levels(baseline) if place != group]
    places, columns = [place for place, _ in shown], [place * LEVELS + level for place, level in shown]
    parts = []
    for value in range(LEVELS):
        row, cell = number * LEVELS + value, group * LEVELS + value
        members = counts.coarse[:, cell, cell].astype("float64")[:, None]
        centre, spread = baseline.within[row, numeric], baseline.within_spread[row, numeric]
        change = _over(counts.within[:, row][:, numeric] - members * centre, spread * np.sqrt(np.maximum(members, 1)))
        parts.append(np.where(members >= _SMALL, change, 0.0))
        own = baseline.pairs[cell].reshape(width, LEVELS)
        wanted = np.asarray([own[place, level] for place, level in shown]) / np.maximum(own[places].sum(axis=1), 1)
        totals = counts.coarse[:, cell].reshape(-1, width, LEVELS).sum(axis=2)[:, places]
        parts.append(
            _arcsine(counts.coarse[:, cell][:, columns], totals, wanted) * bool(baseline.pairs[cell, cell] >= 30)
        )
    return np.concatenate(parts, axis=1)


def _chi_squared(seen: "np.ndarray[Any, Any]", wanted: Floats, typical: Floats, sampled: float) -> Floats:
    """Pearson's statistic of (blocks, tables, cells) made near normal by Wilson and Hilferty's cube root.

    Cells of which the ``typical`` (tables,) number of rows would bring less than one are pooled: a matter of the
    baseline alone, so that a block's score never depends on the blocks beside it. ``sampled`` corrects for the
    reference's own sampling error.
    """
    total = seen.sum(axis=2, keepdims=True).astype("float64")
    kept = wanted * np.maximum(typical, 1)[:, None] >= 1
    expected = total * wanted
    part = np.where(kept, (seen - expected) ** 2 / np.where(kept & (expected > 0), expected, 1), 0.0).sum(axis=2)
    pooled = np.where(kept, 0.0, expected).sum(axis=2)
    pooled_seen = np.where(kept, 0.0, seen).sum(axis=2)
    usable = pooled >= 0.5
    part += np.where(usable, (pooled_seen - pooled) ** 2 / np.where(usable, pooled, 1), 0.0)
    freedom = np.maximum(kept.sum(axis=1)[None, :] + usable - 1, 1)
    ratio = part / ((1 + sampled) * freedom)
    found = (np.cbrt(ratio) - (1 - 2 / (9 * freedom))) / np.sqrt(2 / (9 * freedom))
    return np.where((total[:, :, 0] >= _SMALL) & (kept.sum(axis=1)[None, :] + usable >= 2), found, 0.0)


def _over(change: Floats, spread: Floats) -> Floats:
    return np.where(spread > 1e-9, change / np.where(spread > 1e-9, spread, 1), 0.0)
