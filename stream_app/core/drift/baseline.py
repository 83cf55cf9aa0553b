"""The stationary picture that blocks of a stream are compared with: exact counts, and tables derived from them."""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from stream_app.core.drift.bins import MISSING, NEW, Codes, ColumnBins, Floats

Integers = np.ndarray[Any, np.dtype[np.int64]]

LEVELS = 6
"""Coarse levels of a column, for pairs and subgroups; -1 marks cells that take no part (missing and new)."""

_MOST_PAIRED = 30
_LEVEL_SHARE = 0.04
_PIECE = 20_000


@dataclass(frozen=True, slots=True)
class Baseline:
    """Counts of (rows, columns) codes, and what scores need of them.

    ``marginals`` (columns, codes) and ``pairs`` (columns * LEVELS, columns * LEVELS) are exact integer counts, the
    latter on coarse ``levels`` (columns, codes). ``normal`` (columns, codes) are standardised normal scores of
    numeric columns, 0 for missing, and ``squares`` (2, columns) mean and spread of their squares. ``products`` and
    ``product_spread`` (columns, columns) are mean and standard deviation of products of two such scores. ``within``
    and ``within_spread`` (subgroups * LEVELS, columns) are those of a score inside a level of a subgroup.
    """

    rows: int
    bins: tuple[ColumnBins, ...]
    subgroups: tuple[int, ...]
    paired: tuple[int, ...]
    levels: Integers
    marginals: Integers
    pairs: Integers
    normal: Floats
    squares: Floats
    products: Floats
    product_spread: Floats
    within: Floats
    within_spread: Floats

    @property
    def numeric(self) -> tuple[int, ...]:
        """Places of the numeric columns."""
        return tuple(place for place, column in enumerate(self.bins) if column.kind == "numeric")

    @property
    def missing_share(self) -> Floats:
        return self.marginals[:, MISSING] / max(1, self.rows)


def learn_baseline(
    codes: Codes, bins: tuple[ColumnBins, ...], subgroups: tuple[int, ...], first: tuple[int, ...] = ()
) -> Baseline:
    """Count ``codes``; pairs are kept among at most 30 columns, ``first`` and the subgroups before the others."""
    rows, width = codes.shape
    size = max((column.size for column in bins), default=2)
    marginals = np.stack([np.bincount(codes[:, place], minlength=size) for place in range(width)]).astype("int64")
    levels = np.stack([_levels(marginals[place], column) for place, column in enumerate(bins)])
    normal = np.stack([_normal_scores(marginals[place], column) for place, column in enumerate(bins)])
    ordered = dict.fromkeys([*first, *subgroups, *range(width)])
    scores = take(normal, codes)
    products = scores.T @ scores / rows
    fourth = (scores**2).T @ (scores**2) / rows
    within, within_spread = _within(codes, levels, scores, subgroups)
    return Baseline(
        rows,
        bins,
        subgroups,
        tuple(sorted(list(ordered)[:_MOST_PAIRED])),
        levels,
        marginals,
        _pairs(codes, levels),
        normal,
        _squares(marginals, normal),
        products,
        np.sqrt(np.maximum(fourth - products**2, 0)),
        within,
        within_spread,
    )


def _pairs(codes: Codes, levels: Integers) -> Integers:
    """Exact: in pieces small enough that float32 counts without error, and that memory stays small."""
    found = np.zeros((codes.shape[1] * LEVELS,) * 2, dtype="int64")
    for start in range(0, len(codes), _PIECE):
        hot = one_hot(take(levels, codes[start : start + _PIECE]))
        found += np.rint(hot.T @ hot).astype("int64")
    return found


def _squares(marginals: Integers, normal: Floats) -> Floats:
    """(2, columns) mean and spread of squared normal scores among present cells."""
    shares = marginals[:, 2:] / np.maximum(marginals[:, 2:].sum(axis=1, keepdims=True), 1)
    mean = (shares * normal[:, 2:] ** 2).sum(axis=1)
    spread = np.sqrt(np.maximum((shares * normal[:, 2:] ** 4).sum(axis=1) - mean**2, 0))
    return np.stack([mean, spread])


def pairs_of(baseline: Baseline) -> list[tuple[int, int]]:
    """The pairs of columns that are watched, in the order of their channels."""
    return list(combinations(baseline.paired, 2))


def take(table: "np.ndarray[Any, Any]", codes: Codes) -> "np.ndarray[Any, Any]":
    """(..., columns): each column's entry of a (columns, codes) table."""
    return table[np.arange(table.shape[0]), codes]


def one_hot(levels: Integers) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """(..., columns * LEVELS) indicators; all zero where a level is -1."""
    hot = levels[..., None] == np.arange(LEVELS)
    flat: np.ndarray[Any, np.dtype[np.float32]] = hot.reshape(*levels.shape[:-1], -1).astype("float32")
    return flat


def _levels(counts: Integers, column: ColumnBins) -> Integers:
    """Numbers: neighbouring bins merged to about equal shares. Categories: the most frequent, then the rest."""
    found = np.full(len(counts), -1, dtype="int64")
    present = counts[2 : column.size]
    if not present.sum():
        return found
    if column.kind == "numeric":
        middle = (np.cumsum(present) - present / 2) / present.sum()
        found[2 : column.size] = np.minimum((middle * LEVELS).astype("int64"), LEVELS - 1)
        return found
    order = np.argsort(-present, kind="stable")
    own = [place for place in order[: LEVELS - 1] if present[place] >= _LEVEL_SHARE * present.sum()]
    found[2 : column.size] = len(own)
    found[2 + np.asarray(own, dtype="int64")] = np.arange(len(own))
    found[NEW] = -1
    return found


def _normal_scores(counts: Integers, column: ColumnBins) -> Floats:
    """Normal scores of bin mid-ranks, then centred and scaled by their own mean and spread; 0 for missing and new."""
    from scipy.special import ndtri

    scores = np.zeros(len(counts))
    present = counts[2 : column.size].astype("float64")
    total = present.sum()
    if column.kind != "numeric" or not total:
        return scores
    raw = ndtri(np.clip((np.cumsum(present) - present / 2) / total, 0.25 / total, 1 - 0.25 / total))
    # Empty bins beyond the ends still rank: further out is further out.
    raw = raw + 0.3 * (np.arange(len(raw)) - np.clip(np.arange(len(raw)), *np.flatnonzero(present)[[0, -1]]))
    mean = (raw * present).sum() / total
    spread = np.sqrt((present * (raw - mean) ** 2).sum() / total)
    scores[2 : column.size] = np.clip((raw - mean) / spread, -6, 6) if spread > 1e-9 else 0.0
    return scores


def _within(codes: Codes, levels: Integers, scores: Floats, subgroups: tuple[int, ...]) -> tuple[Floats, Floats]:
    means = np.zeros((len(subgroups) * LEVELS, codes.shape[1]))
    spreads = np.zeros_like(means)
    for number, place in enumerate(subgroups):
        level = levels[place][codes[:, place]]
        for value in range(LEVELS):
            rows = scores[level == value]
            if len(rows) >= 30:
                means[number * LEVELS + value] = rows.mean(axis=0)
                spreads[number * LEVELS + value] = rows.std(axis=0)
    return means, spreads
