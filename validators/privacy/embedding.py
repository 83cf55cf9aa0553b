"""Rows as points in a few dimensions, so that neighbours on any set of columns are a k-d tree's work.

A random projection (Johnson and Lindenstrauss 1984) of Gower's coordinates: every category of a column, and a missing
cell, is a random direction of length 2^-1/2, so that two different ones lie about 1 apart; a number moves along a
direction of its column by its difference over the range from the 0.5 % to the 99.5 % quantile. Rows that are equal on
the chosen columns have exactly equal points; others lie about their distance apart, with an error that averages out
over many neighbours. Where a single nearest row must be exact, use ``validators.distances.gower``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from schemas.contract import Column
from validators.encoding import MISSING, Identities, Tables, identities, is_category, numbers
from validators.protocol import Evidence
from validators.statistics import generator

if TYPE_CHECKING:
    import pandas as pd

DIMENSIONS = 8
FAR = 1e6
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Projection:
    """One column's part: ``step`` (8,) a unit of the number, ``corners`` (n_codes, 8) what each code adds."""

    column: Column
    coder: Identities | None
    middle: float
    width: float
    step: Reals
    corners: Reals

    def part(self, table: "pd.DataFrame") -> Reals:
        """(n_rows, 8) float64; categories that the real tables lack share one corner."""
        if self.coder is not None:
            codes = np.minimum(self.coder.codes(table), len(self.corners) - 1)
            corner: Reals = self.corners[codes]
            return corner
        values = numbers(table, self.column)
        missing = np.isnan(values)
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = np.clip((np.where(missing, self.middle, values) - self.middle) / self.width, -FAR, FAR)
        return np.asarray(np.nan_to_num(scaled)[:, None] * self.step + missing[:, None] * self.corners[MISSING])


@dataclass(frozen=True, slots=True)
class Embedding:
    """All modelled columns' projections, fitted on real tables."""

    projections: tuple[Projection, ...]

    def parts(self, table: "pd.DataFrame") -> Reals:
        """(n_columns, n_rows, 8) float64, to be summed over any columns in order."""
        return np.stack([projection.part(table) for projection in self.projections])


def embedding(evidence: Evidence) -> Embedding:
    """Fitted on train and holdout together, once for a snapshot."""
    real = (evidence.train, evidence.holdout)
    return evidence.memo.of(
        ("embedding", evidence.seed), real, lambda: fitted(real, evidence.contract.modelled, evidence.seed)
    )


def fitted(tables: Tables, columns: Sequence[Column], seed: int) -> Embedding:
    """Scales and dictionaries of ``tables``, directions drawn by ``seed``."""
    rng = generator(seed, "embedding")
    return Embedding(tuple(_projection(tables, column, rng) for column in columns))


def _projection(tables: Tables, column: Column, rng: np.random.Generator) -> Projection:
    if is_category(column):
        (coder,) = identities(tables, [column]).coders
        assert isinstance(coder, Identities)
        return Projection(column, coder, 0.0, 1.0, np.zeros(DIMENSIONS), _corners(len(coder.index) + 2, rng))
    values = np.concatenate([numbers(table, column) for table in tables])
    present = values[np.isfinite(values)]
    low, middle, high = np.quantile(present, [0.005, 0.5, 0.995]) if len(present) else (0.0, 0.0, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        widths = [float(high - low), float(np.ptp(present)) if len(present) else 0.0, 1.0]
    width = next(width for width in widths if 0 < width < np.inf)
    return Projection(column, None, float(middle), width, _unit(rng), _corners(1, rng))


def _corners(count: int, rng: np.random.Generator) -> Reals:
    return np.asarray(rng.normal(size=(count, DIMENSIONS)) / np.sqrt(2 * DIMENSIONS))


def _unit(rng: np.random.Generator) -> Reals:
    step = rng.normal(size=DIMENSIONS)
    return np.asarray(step / np.linalg.norm(step))


def tree(rows: Reals) -> Any:
    """A k-d tree over (n_rows, 8) points that many equal ones do not degrade."""
    from scipy.spatial import cKDTree

    return cKDTree(rows, balanced_tree=False, compact_nodes=True)


def neighbours(rows: Any, queries: Reals, k: int) -> tuple[Reals, Places]:
    """(n_queries, k) distances and row numbers of the nearest points of a ``tree``, nearest first; infinite, and past
    the last row, where there are fewer.
    """
    distance, place = rows.query(queries, k=np.arange(1, k + 1))
    return np.asarray(distance, dtype=np.float64), np.asarray(place, dtype=np.int64)
