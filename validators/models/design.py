"""Columns as a linear model wants them: one-hot categories and standardised numbers, fitted on real tables once."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from schemas.bins import Reals
from schemas.contract import Column
from validators.encoding import MISSING, Ranks, Tables, is_category, numbers, ranks
from validators.protocol import Evidence
from validators.views import names

if TYPE_CHECKING:
    import pandas as pd

CATEGORIES = 30
TAIL = 0.01


@dataclass(frozen=True, slots=True)
class Standardised:
    """A number clipped to [lower, upper], less ``centre``, over ``scale``; missing is 0 and a column of its own."""

    column: Column
    lower: float
    upper: float
    centre: float
    scale: float

    def block(self, table: "pd.DataFrame") -> Reals:
        values = self.apply(numbers(table, self.column))
        missing = np.isnan(values)
        return np.column_stack([np.where(missing, 0.0, values), missing])

    def apply(self, values: Reals) -> Reals:
        """The same of bare numbers, NaN for missing."""
        with np.errstate(invalid="ignore"):
            return np.asarray((np.clip(values, self.lower, self.upper) / self.scale) - self.centre)


def standardised(column: Column, tables: Tables, tail: float = TAIL) -> Standardised:
    """Fitted on ``tables``: clipped to the quantiles ``tail`` and 1 - ``tail`` of the finite values.

    Quantiles are values that occur, and the scale is taken before squares, so that values near 1e308 do not overflow.
    """
    values = np.concatenate([numbers(table, column) for table in tables])
    values = values[np.isfinite(values)]
    if not len(values):
        return Standardised(column, 0.0, 0.0, 0.0, 1.0)
    lower, upper = (float(cut) for cut in np.quantile(values, [tail, 1 - tail], method="nearest"))
    largest = max(abs(lower), abs(upper), 1e-300)
    within = np.clip(values, lower, upper) / largest
    scale = max(float(within.std()), 1e-9)
    return Standardised(column, lower, upper, float(within.mean()) / scale, min(scale * largest, 1e308))


@dataclass(frozen=True, slots=True)
class OneHot:
    """The most frequent categories, one column each; all others and missing cells have one each too."""

    ranks: Ranks

    def block(self, table: "pd.DataFrame") -> Reals:
        codes = self.ranks.codes(table)
        block = np.zeros((len(codes), self.ranks.size))
        block[np.arange(len(codes)), np.where(codes < 0, MISSING, codes)] = 1.0
        return block


@dataclass(frozen=True, slots=True)
class Design:
    """The coder of a linear model's design matrix."""

    coders: tuple[Standardised | OneHot, ...]

    def matrix(self, table: "pd.DataFrame") -> Reals:
        """(n_rows, n_dimensions) float64, all finite."""
        return np.concatenate([coder.block(table) for coder in self.coders], axis=1)


def design(tables: Tables, columns: tuple[Column, ...]) -> Design:
    """Fitted on ``tables``; the 30 most frequent categories of a column keep a dimension."""
    return Design(
        tuple(
            OneHot(ranks(tables, column, CATEGORIES)) if is_category(column) else standardised(column, tables)
            for column in columns
        )
    )


def design_matrix(evidence: Evidence, table: "pd.DataFrame", columns: tuple[Column, ...]) -> Reals:
    """(n_rows, n_dimensions) float64 of ``table``, coded by train and holdout alone."""
    real = (evidence.train, evidence.holdout)
    coder = evidence.memo.of(("design", names(columns)), real, lambda: design(real, columns))
    return evidence.memo.of(("design rows", names(columns)), (*real, table), lambda: coder.matrix(table))
