"""The subgroups of a contract as slices of a table: one value of one column, named by position, never by value."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from schemas.contract import Categories, Column
from validators.encoding import MISSING, Codes, Ranks, Tables, is_category, numbers, ranks
from validators.protocol import Evidence

if TYPE_CHECKING:
    import pandas as pd

MOST = 12
"""Slices of one column; those with the largest real share are looked at."""
KEPT = 40


@dataclass(frozen=True, slots=True)
class Positions:
    """A category's position in the contract's public domain, from 1; values outside it share the code after the
    last.
    """

    column: Column
    index: Any

    def codes(self, table: "pd.DataFrame") -> Codes:
        cells = table[self.column.name].astype(object)
        found = self.index.get_indexer(cells)
        known = np.where(found < 0, len(self.index) + 1, found + 1)
        return np.where(cells.isna().to_numpy(), MISSING, known).astype(np.int32)


@dataclass(frozen=True, slots=True)
class Quarters:
    """A number's quarter among real rows, from 1."""

    column: Column
    edges: Reals

    def codes(self, table: "pd.DataFrame") -> Codes:
        values = numbers(table, self.column)
        return np.where(np.isnan(values), MISSING, np.searchsorted(self.edges, values) + 1).astype(np.int32)


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows with one code of one subgroup column, and the share of the real rows that they are."""

    column: str
    place: int
    code: int
    share: float

    @property
    def name(self) -> str:
        """The column and the position in its domain, or by frequency where it has none; 0 is missing."""
        return f"{self.column}#{self.code}"


def subgroup_columns(evidence: Evidence) -> tuple[Column, ...]:
    """The contract's subgroups that a release holds."""
    named = evidence.contract.policy.subgroups
    return tuple(column for column in evidence.contract.modelled if column.name in named)


def slice_codes(evidence: Evidence, table: "pd.DataFrame") -> Codes:
    """(n_rows, n_subgroups) codes of ``table``, 0 for missing, worked out once."""
    real, columns = (evidence.train, evidence.holdout), subgroup_columns(evidence)
    key = tuple(column.name for column in columns)
    coders = evidence.memo.of(("slices", key), real, lambda: tuple(_coder(column, real) for column in columns))
    return evidence.memo.of(
        ("slice codes", key), (*real, table), lambda: np.column_stack([coder.codes(table) for coder in coders])
    )


def slices_of(evidence: Evidence) -> tuple[Slice, ...]:
    """Every slice that occurs in train or holdout, at most 12 a column, by real share."""
    coded = np.concatenate([slice_codes(evidence, table) for table in (evidence.train, evidence.holdout)])
    found = []
    for place, column in enumerate(subgroup_columns(evidence)):
        counts = np.bincount(coded[:, place])
        largest = np.argsort(-counts, kind="stable")[:MOST]
        found += [Slice(column.name, place, int(k), float(counts[k] / len(coded))) for k in largest if counts[k]]
    return tuple(found)


def inside(evidence: Evidence, table: "pd.DataFrame", one: Slice) -> npt.NDArray[np.bool_]:
    """Which rows of ``table`` the slice holds."""
    return np.asarray(slice_codes(evidence, table)[:, one.place] == one.code)


def _coder(column: Column, real: Tables) -> Positions | Quarters | Ranks:
    import pandas as pd

    if isinstance(column.domain, Categories):
        return Positions(column, pd.Index(column.domain.values, dtype=object))
    if is_category(column):
        return ranks(real, column, KEPT)
    values = np.concatenate([numbers(table, column) for table in real])
    values = values[np.isfinite(values)]
    return Quarters(
        column, np.unique(np.quantile(values, [0.25, 0.5, 0.75], method="lower")) if len(values) else values
    )
