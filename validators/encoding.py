"""Tables as arrays: coders fitted on real tables once, then applied alike to every table that is compared.

Tables are typed by the contract (``schemas.table.conform``). A number whose public range names a
resolution is rounded to that lattice first, so that a finer grid on one side gives nothing away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals, bin_edges
from schemas.contract import Categories, Column, Range

if TYPE_CHECKING:
    import pandas as pd

Codes = npt.NDArray[np.int32]
Tables = Sequence["pd.DataFrame"]
MISSING = 0
"""The code of a missing cell."""


def is_category(column: Column) -> bool:
    """Text, booleans and finite domains are compared for equality; everything else by difference."""
    return column.type in ("string", "boolean") or isinstance(column.domain, Categories)


def numbers(table: "pd.DataFrame", column: Column) -> Reals:
    """The column as float64, NaN where missing; times in seconds; on the lattice of its public range."""
    series = table[column.name]
    if series.dtype.kind == "M":
        seconds = series.to_numpy(dtype="datetime64[us]").astype(np.int64) / 1e6
        values = np.where(series.isna().to_numpy(), np.nan, seconds)
    else:
        values = series.to_numpy(dtype="float64", na_value=np.nan)
    if isinstance(column.domain, Range) and column.domain.resolution > 0:
        lower, step = column.domain.lower, column.domain.resolution
        with np.errstate(over="ignore", invalid="ignore"):
            steps = np.rint((values - lower) / step)
            # Beyond 2^53 steps the lattice is finer than float64, which then is the lattice.
            values = np.where(np.abs(steps) < 2.0**53, lower + steps * step, values)
    return np.asarray(values, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Bins:
    """A numeric column's right-closed upper edges; codes run from 1, 0 is missing, the last bin holds all above."""

    column: Column
    edges: Reals

    @property
    def size(self) -> int:
        return len(self.edges) + 2

    def codes(self, table: "pd.DataFrame") -> Codes:
        values = numbers(table, self.column)
        codes = np.searchsorted(self.edges, values, side="left") + 1
        return np.where(np.isnan(values), MISSING, codes).astype(np.int32)


@dataclass(frozen=True, slots=True)
class Ranks:
    """A category's rank by frequency among the fitted rows, from 1; all others and unseen ones share the last code."""

    column: Column
    index: Any

    @property
    def size(self) -> int:
        return len(self.index) + 2

    def codes(self, table: "pd.DataFrame") -> Codes:
        import pandas as pd

        # Each different cell is looked up once: hashing all rows is most of what an encoding costs.
        numbers_of_cells, cells = pd.factorize(table[self.column.name].astype(object).to_numpy())
        found = self.index.get_indexer(pd.Index(cells, dtype=object)) + 1
        known = np.append(np.where(found == 0, self.size - 1, found), MISSING).astype(np.int32)
        return np.asarray(known[numbers_of_cells], dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Identities:
    """Equal codes for equal cells and only for them: known cells by the fitted dictionary, new ones after it."""

    column: Column
    index: Any

    def codes(self, table: "pd.DataFrame") -> Codes:
        import pandas as pd

        cells = cells_of(table, self.column)
        missing = np.asarray(pd.isna(cells))
        found = self.index.get_indexer(cells) + 1
        new = np.flatnonzero((found == 0) & ~missing)
        if len(new):
            found[new] = len(self.index) + 1 + pd.factorize(cells[new])[0]
        return np.where(missing, MISSING, found).astype(np.int32)


def cells_of(table: "pd.DataFrame", column: Column) -> Any:
    """The column's cells as an array in which equal cells are equal values, missing ones null."""
    exact = is_category(column) or (column.type == "integer" and not isinstance(column.domain, Range))
    return table[column.name].astype(object).to_numpy() if exact else numbers(table, column)


@dataclass(frozen=True, slots=True)
class Codebook:
    """One coder a column, fitted on real tables; ``codes`` gives (n_rows, n_columns) int32 of any table."""

    coders: "tuple[Bins | Ranks | Identities, ...]"

    def codes(self, table: "pd.DataFrame") -> Codes:
        return np.column_stack([coder.codes(table) for coder in self.coders])

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many codes each column has, missing included; identities have no such bound."""
        return tuple(coder.size for coder in self.coders if not isinstance(coder, Identities))


def binned(tables: Tables, columns: Sequence[Column], bins: int = 20) -> Codebook:
    """Bins and categories shared by all tables, fitted on ``tables``.

    Numbers: values that hold a bin's share by themselves get their own, quantiles share the rest.
    Categories: the most frequent ``2 * bins`` keep a code, all others and unseen ones share the last.
    """
    return Codebook(
        tuple(
            ranks(tables, column, 2 * bins)
            if is_category(column)
            else Bins(column, bin_edges(np.concatenate([numbers(table, column) for table in tables]), bins))
            for column in columns
        )
    )


def ranks(tables: Tables, column: Column, kept: int) -> Ranks:
    """The ``kept`` most frequent categories; ties by first appearance."""
    import pandas as pd

    joined = pd.concat([table[column.name].astype(object) for table in tables], ignore_index=True)
    return Ranks(column, pd.Index(joined.value_counts(sort=True).index[:kept], dtype=object))


def identities(tables: Tables, columns: Sequence[Column]) -> Codebook:
    """Equal codes for equal cells and only for them."""
    import pandas as pd

    joined = [(column, np.concatenate([cells_of(table, column) for table in tables])) for column in columns]
    return Codebook(tuple(Identities(column, pd.Index(pd.unique(cells[~pd.isna(cells)]))) for column, cells in joined))


@dataclass(frozen=True, slots=True)
class Trees:
    """Columns as gradient boosting wants them: numbers as they are, categories as frequency ranks, NaN for missing.

    Rare categories and unseen ones share one code, so that a category that real rows lack can be told from them only as
    "some other".
    """

    columns: tuple[Column, ...]
    ranked: tuple[Ranks | None, ...]

    @property
    def categorical(self) -> tuple[bool, ...]:
        return tuple(coder is not None for coder in self.ranked)

    def matrix(self, table: "pd.DataFrame") -> Reals:
        """(n_rows, n_columns) float64."""
        return np.column_stack([
            numbers(table, column) if coder is None else _as_reals(coder.codes(table))
            for column, coder in zip(self.columns, self.ranked, strict=True)
        ])  # fmt: skip


def trees(tables: Tables, columns: Sequence[Column], categories: int = 200) -> Trees:
    """Fitted on ``tables``; the ``categories`` most frequent keep a code of their own."""
    ranked = tuple(ranks(tables, column, categories) if is_category(column) else None for column in columns)
    return Trees(tuple(columns), ranked)


def _as_reals(codes: Codes) -> Reals:
    return np.where(codes == MISSING, np.nan, codes - 1.0)
