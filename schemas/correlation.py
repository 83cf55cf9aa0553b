"""Pearson's and Spearman's correlations of all pairs of columns, over the rows that have both."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from schemas.dependence import all_pairs
from schemas.sorted_sample import SortedSample

Reals = npt.NDArray[np.float64]
BLOCK = 8_192
"""Rows whose scores are held at once: they stay in the processor's cache."""


def pearson(values: Reals) -> Reals:
    """(n_columns, n_columns) correlations of (n_rows, n_columns) numbers over the rows that have both; NaN marks
    missing cells, and a result that a constant column leaves undefined.
    """
    return pearson_of(_samples(values))


def spearman(values: Reals) -> Reals:
    """As ``pearson``, of midranks; a pair with missing cells is ranked anew among the rows that have both."""
    return spearman_of(_samples(values))


def pearson_of(columns: Sequence[SortedSample]) -> Reals:
    """(n_columns, n_columns) correlations of columns of equally many rows, as ``pearson``."""
    return _correlations(columns, [_standardised(column) for column in columns])


def spearman_of(columns: Sequence[SortedSample]) -> Reals:
    """As ``pearson_of``, of midranks; a pair with missing cells is ranked anew among the rows that have both."""
    found = _correlations(columns, [_standardised(column, ranked=True) for column in columns])
    for i, j in all_pairs(len(columns)):
        if not (columns[i].whole and columns[j].whole):
            pair = _common(columns[i], columns[j])
            scores = [_standardised(column, ranked=True) for column in pair]
            found[i, j] = found[j, i] = _correlations(pair, scores)[0, 1]
    return found


def _samples(values: Reals) -> list[SortedSample]:
    return [SortedSample.of(np.where(np.isfinite(column), column, np.nan)) for column in values.T]


def _standardised(column: SortedSample, ranked: bool = False) -> Reals:
    """(n_points + 1,) the points, or their ranks, centred and of order one, whatever their size; 0 for missing."""
    scores = column.midranks() if ranked else column.points
    top = float(np.abs(scores).max(initial=0.0))
    scores, count = scores / (top or 1.0), max(1, column.present)
    scores = scores - float(scores @ column.counts) / count
    deviation = float(np.sqrt(scores**2 @ column.counts / count))
    # What rounding leaves of a constant column is no variation.
    return np.append(scores / deviation if deviation > 1e-15 else np.zeros(len(scores)), 0.0)


def _correlations(columns: Sequence[SortedSample], scores: Sequence[Reals]) -> Reals:
    """Of the columns' ``scores``; where cells are missing, each pair is centred anew among the rows that have both."""
    whole = all(column.whole for column in columns)
    if not whole:
        present = [np.append(np.ones(len(column.points)), 0.0) for column in columns]
        scores = [*scores, *present, *(each**2 for each in scores)]
    products = _products([*columns] if whole else [*columns] * 3, scores)
    width = len(columns)
    with np.errstate(divide="ignore", invalid="ignore"):
        if whole:
            squares = np.diag(products)
            return np.clip(products / np.sqrt(squares[:, None] * squares), -1.0, 1.0)
        own, present_, square = slice(0, width), slice(width, 2 * width), slice(2 * width, 3 * width)
        both, sums, squares = products[present_, present_], products[own, present_], products[square, present_]
        centred = squares - sums**2 / both
        centred[centred < 1e-12 * np.maximum(squares, 1e-300)] = np.nan
        found = (products[own, own] - sums * sums.T / both) / np.sqrt(centred * centred.T)
    return np.clip(found, -1.0, 1.0)


def _products(columns: Sequence[SortedSample], scores: Sequence[Reals]) -> Reals:
    """(n_scores, n_scores) sums over rows of the products of two columns' scores."""
    rows = len(columns[0].places) if columns else 0
    held = np.empty((len(scores), min(rows, BLOCK)))
    found = np.zeros((len(scores), len(scores)))
    for start in range(0, rows, BLOCK):
        block = held[:, : min(BLOCK, rows - start)]
        for column, score, row in zip(columns, scores, block, strict=True):
            np.take(score, column.places[start : start + BLOCK], out=row, mode="clip")
        found += block @ block.T
    return found


def _common(left: SortedSample, right: SortedSample) -> tuple[SortedSample, SortedSample]:
    """Both columns at the rows that have both."""
    both = (left.places < len(left.points)) & (right.places < len(right.points))
    return _among(left, both), _among(right, both)


def _among(column: SortedSample, rows: npt.NDArray[np.bool_]) -> SortedSample:
    places = column.places[rows]
    counts = np.bincount(places, minlength=len(column.points))
    return SortedSample(column.points, counts, places)
