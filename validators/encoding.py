"""Tables as arrays: coders fitted on real tables once, then applied alike to every table that is compared.

Tables are typed by the contract (``schemas.table.conform``). A number whose public range names a
resolution is rounded to that lattice first, so that a finer grid on one side gives nothing away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals, edges_of
from schemas.contract import Categories, Column, Range
from schemas.factorized import factorized
from schemas.sorted_sample import SortedSample, pooled
from validators.distinct import Distinct, most_frequent

if TYPE_CHECKING:
    import pandas as pd

Codes = npt.NDArray[np.int32]
Tables = Sequence["pd.DataFrame"]
Factors = tuple[SortedSample | Distinct, ...]
"""A table column by column: the different numbers or cells, and each row's place among them."""
BLOCK = 16_384
"""Rows that are coded at once, so that what is held besides stays in the processor's cache."""
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

    def known(self, points: Reals) -> Codes:
        """(n_points + 1,) codes of these numbers, and of a missing cell."""
        return np.append(np.searchsorted(self.edges, points, side="left") + 1, MISSING).astype(np.int32)


@dataclass(frozen=True, slots=True)
class Ranks:
    """A category's rank by frequency among the fitted rows, from 1; all others and unseen ones share the last code."""

    column: Column
    index: Any

    @property
    def size(self) -> int:
        return len(self.index) + 2

    def codes(self, table: "pd.DataFrame") -> Codes:
        # Each different cell is looked up once: hashing all rows is most of what an encoding costs.
        cells = Distinct.of(table[self.column.name].to_numpy(dtype=object))
        return np.asarray(self.known(cells.values).take(cells.places), dtype=np.int32)

    def known(self, cells: Any) -> Codes:
        """(n_cells + 1,) codes of these cells, and of a missing one."""
        place = {cell: k for k, cell in enumerate(self.index.to_numpy(), start=1)}
        return np.array([*(place.get(cell, self.size - 1) for cell in cells), MISSING], dtype=np.int32)


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
            found[new] = len(self.index) + 1 + factorized(cells[new])[0]
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

    def of(self, factors: Factors) -> Codes:
        """As ``codes``, of the table whose factors these are; each column's codes lie side by side in memory."""
        rows = len(factors[0].places) if factors else 0
        found = np.empty((rows, len(factors)), dtype=np.int32, order="F")
        for column, coder, factor in zip(found.T, self.coders, factors, strict=True):
            known = known_codes(coder, factor)
            for start in range(0, rows, BLOCK):
                # No place is out of bounds; unlike "raise", the mode needs no copy of the result.
                np.take(known, factor.places[start : start + BLOCK], out=column[start : start + BLOCK], mode="clip")
        return found

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many codes each column has, missing included; identities have no such bound."""
        return tuple(coder.size for coder in self.coders if not isinstance(coder, Identities))


def factored(table: "pd.DataFrame", columns: Sequence[Column]) -> Factors:
    """The table as its different numbers and cells: each column is sorted or hashed once for all that rests on it."""
    return tuple(
        Distinct.of(table[column.name].to_numpy(dtype=object))
        if is_category(column)
        else SortedSample.of(numbers(table, column))
        for column in columns
    )


def known_codes(coder: "Bins | Ranks | Identities", factor: SortedSample | Distinct) -> Codes:
    """The codes of the factor's numbers or cells, and of a missing one."""
    if isinstance(coder, Bins) and isinstance(factor, SortedSample):
        return coder.known(factor.points)
    assert isinstance(coder, Ranks)
    assert isinstance(factor, Distinct)
    return coder.known(factor.values)


def binned(tables: Tables, columns: Sequence[Column], bins: int = 20) -> Codebook:
    """Bins and categories shared by all tables, fitted on ``tables``.

    Numbers: values that hold a bin's share by themselves get their own, quantiles share the rest.
    Categories: the most frequent ``2 * bins`` keep a code, all others and unseen ones share the last.
    """
    return binned_of([factored(table, columns) for table in tables], columns, bins)


def binned_of(tables: Sequence[Factors], columns: Sequence[Column], bins: int = 20) -> Codebook:
    """As ``binned``, of the factors of tables."""
    return Codebook(
        tuple(_fitted(column, list(factors), bins) for column, *factors in zip(columns, *tables, strict=True))
    )


def _fitted(column: Column, factors: list[SortedSample | Distinct], bins: int) -> Bins | Ranks:
    import pandas as pd

    samples = [factor for factor in factors if isinstance(factor, SortedSample)]
    if samples:
        return Bins(column, edges_of(*pooled(samples), bins))
    cells = [factor for factor in factors if isinstance(factor, Distinct)]
    return Ranks(column, pd.Index(most_frequent(cells, 2 * bins), dtype=object))


def ranks(tables: Tables, column: Column, kept: int) -> Ranks:
    """The ``kept`` most frequent categories; ties by first appearance."""
    import pandas as pd

    cells = [Distinct.of(table[column.name].to_numpy(dtype=object)) for table in tables]
    return Ranks(column, pd.Index(most_frequent(cells, kept), dtype=object))


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
