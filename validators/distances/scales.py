"""One scale for all tables of a comparison, fitted on real rows once: what makes unlike columns comparable.

``gower``: numbers around their median, over the range from the 0.5 % to the 99.5 % quantile, so that one outlier cannot
blind a column (Gower 1971). ``euclidean``: numbers around their mean, over their standard deviation.
``mahalanobis``: these, whitened by the inverse Cholesky factor of their correlations (Mahalanobis 1936), which are
shrunk by 1 % to the identity, so that columns that repeat each other do not count without bound. A missing cell equals
a missing one; against a present one it costs a mismatch, and the present one's distance to the centre.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from schemas.bins import Reals
from schemas.contract import Column
from validators.distances.points import Metric, Points
from validators.encoding import Codebook, identities, is_category, numbers

if TYPE_CHECKING:
    import pandas as pd

FAR = 1e9
"""A scaled number beyond this is merely very far."""
SHRINKAGE = 0.01


@dataclass(frozen=True, slots=True)
class Scale:
    """How tables become points; (p,) ``centre`` and ``width`` of the numbers, and (p, p) what whitens them."""

    metric: Metric
    numeric: tuple[Column, ...]
    book: Codebook | None
    centre: Reals
    width: Reals
    whitening: Reals | None = None

    def points(self, table: "pd.DataFrame") -> Points:
        """The rows of ``table``; equal rows are equal points, bit by bit."""
        values, missing = _numbers(table, self.numeric)
        scaled = _scaled(values, self.centre, self.width)
        codes = [self.book.codes(table)] if self.book is not None else []
        return Points(
            scaled if self.whitening is None else _whitened(scaled, self.whitening),
            np.ascontiguousarray(np.concatenate([*codes, missing.astype(np.int32)], axis=1)),
            self.metric,
            len(self.numeric) + (len(self.book.coders) if self.book is not None else 0),
        )


def fitted(
    real: Sequence["pd.DataFrame"],
    columns: Sequence[Column],
    metric: Metric = "gower",
    known: Sequence["pd.DataFrame"] = (),
) -> Scale:
    """The scale that ``real`` sets. Categories that neither these nor ``known`` have equal no other table's."""
    categories = [column for column in columns if is_category(column)]
    numeric = tuple(column for column in columns if not is_category(column))
    book = identities([*real, *known], categories) if categories else None
    values = np.concatenate([_numbers(table, numeric)[0] for table in real])
    spread = [_quantiles(column) if metric == "gower" else _moments(column) for column in values.T]
    centre, width = (np.array([pair[k] for pair in spread], dtype=np.float64) for k in (0, 1))
    whitening = _whitening(_scaled(values, centre, width)) if metric == "mahalanobis" and numeric else None
    return Scale(metric, numeric, book, centre, width, whitening)


def _numbers(table: "pd.DataFrame", columns: tuple[Column, ...]) -> tuple[Reals, Reals]:
    values = np.empty((len(table), len(columns)))
    for j, column in enumerate(columns):
        values[:, j] = numbers(table, column)
    return values, np.isnan(values)


def _quantiles(values: Reals) -> tuple[float, float]:
    present = values[~np.isnan(values)]
    if not len(present):
        return 0.0, 1.0
    low, middle, high = np.quantile(present, [0.005, 0.5, 0.995])
    with np.errstate(over="ignore"):
        return float(middle), _positive(high - low, float(np.ptp(present)))


def _moments(values: Reals) -> tuple[float, float]:
    present = values[~np.isnan(values)]
    if not len(present):
        return 0.0, 1.0
    # Halves and shares keep sums of numbers near float64's end within its reach.
    top = float(np.abs(present).max()) or 1.0
    shares = present / top
    with np.errstate(over="ignore"):
        return float(shares.mean() * top), _positive(float(shares.std()) * top, float(np.ptp(present)))


def _positive(width: float, span: float) -> float:
    """A width to divide by: the span where the width is none, 1 where both are."""
    return min(float(width) or span or 1.0, float(np.finfo(np.float64).max))


def _scaled(values: Reals, centre: Reals, width: Reals) -> Reals:
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = (values - centre) / width
    return np.clip(np.nan_to_num(scaled, nan=0.0), -FAR, FAR)


def _whitening(scaled: Reals) -> Reals:
    """Lower triangular (p, p) that makes the shrunk correlations the identity."""
    together = scaled.T @ scaled / max(1, len(scaled))
    np.fill_diagonal(together, np.maximum(1.0, np.diagonal(together)))
    together = (1 - SHRINKAGE) * together + SHRINKAGE * np.eye(len(together))
    return np.linalg.inv(np.linalg.cholesky(together))


def _whitened(scaled: Reals, whitening: Reals) -> Reals:
    """Column by column: a matrix product may round equal rows unequally, and copies must be exactly zero apart."""
    out = np.zeros_like(scaled)
    for j in range(scaled.shape[1]):
        for k in range(j + 1):
            out[:, j] += whitening[j, k] * scaled[:, k]
    return out
