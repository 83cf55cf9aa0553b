"""Tables as arrays: identity codes, shared bins, and a matrix for trees, equal on every table that is compared.

Tables are typed by the contract (``schemas.table.conform``). A number whose public range names a
resolution is rounded to that lattice first, so that a finer grid on one side gives nothing away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from schemas.contract import Categories, Column, Range

if TYPE_CHECKING:
    import pandas as pd

Codes = npt.NDArray[np.int32]
Reals = npt.NDArray[np.float64]
Tables = Sequence["pd.DataFrame"]
MISSING = 0
"""The code of a missing cell."""


@dataclass(frozen=True, slots=True)
class Coded:
    """(n_rows, n_columns) int32 codes of each table, 0 for missing, and how many codes each column has."""

    tables: tuple[Codes, ...]
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """(n_rows, n_columns) float64 of each table, NaN for missing; ``categorical`` marks columns of category codes."""

    tables: tuple[Reals, ...]
    categorical: tuple[bool, ...]


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


def identity_codes(tables: Tables, columns: Sequence[Column]) -> Coded:
    """Equal codes for equal cells and only for them, over all tables together."""
    coded = [_identities(tables, column) for column in columns]
    return _stack([codes for codes, _ in coded], [size for _, size in coded], tables)


def _identities(tables: Tables, column: Column) -> tuple[Codes, int]:
    import pandas as pd

    exact = is_category(column) or (column.type == "integer" and not isinstance(column.domain, Range))
    cells: Any = (
        pd.concat([table[column.name].astype(object) for table in tables], ignore_index=True)
        if exact
        else np.concatenate([numbers(table, column) for table in tables])
    )
    codes, found = pd.factorize(cells)
    return (codes + 1).astype(np.int32), len(found) + 1


def binned_codes(tables: Tables, columns: Sequence[Column], fitted_on: int, bins: int = 20) -> Coded:
    """Bins and categories fitted on the first ``fitted_on`` tables and shared by all.

    Numbers: values that hold a bin's share by themselves get their own, quantiles share the rest.
    Categories: the most frequent ``2 * bins`` keep a code, all others and unseen ones share the last.
    """
    coded = [
        _category_codes(tables, column, fitted_on, 2 * bins)
        if is_category(column)
        else _bins(tables, column, fitted_on, bins)
        for column in columns
    ]
    return _stack([codes for codes, _ in coded], [size for _, size in coded], tables)


def _bins(tables: Tables, column: Column, fitted_on: int, bins: int) -> tuple[Codes, int]:
    values = [numbers(table, column) for table in tables]
    edges = bin_edges(np.concatenate(values[:fitted_on]), bins)
    joined = np.concatenate(values)
    codes = np.searchsorted(edges, joined, side="left") + 1
    return np.where(np.isnan(joined), MISSING, codes).astype(np.int32), len(edges) + 2


def bin_edges(values: Reals, bins: int) -> Reals:
    """Right-closed upper edges of all bins but the last; at most about ``2 * bins`` of them."""
    present = values[~np.isnan(values)]
    distinct, counts = np.unique(present, return_counts=True)
    if len(distinct) <= bins:
        return distinct[:-1]
    heaps = distinct[counts * bins >= len(present)]
    rest = present[~np.isin(present, heaps)]
    cuts = np.linspace(0, 1, max(2, bins - len(heaps) + 1))[1:-1]
    quantiles = np.quantile(rest, cuts, method="lower") if len(rest) else np.zeros(0)
    edges: Reals = np.unique(np.concatenate([quantiles, heaps, np.nextafter(heaps, -np.inf)]))
    return edges[: int(np.searchsorted(edges, distinct[-1]))]


def _category_codes(tables: Tables, column: Column, fitted_on: int, kept: int) -> tuple[Codes, int]:
    """Rank by frequency in the fitted tables; ties by first appearance."""
    import pandas as pd

    series = [table[column.name].astype(object) for table in tables]
    counts = pd.concat(series[:fitted_on], ignore_index=True).value_counts(sort=True)
    rank = {value: code for code, value in enumerate(counts.index[:kept], start=1)}
    other = len(rank) + 1
    joined = pd.concat(series, ignore_index=True)
    codes = joined.map(rank).fillna(other).to_numpy(dtype=np.float64)
    return np.where(joined.isna().to_numpy(), MISSING, codes).astype(np.int32), other + 1


def tree_matrix(tables: Tables, columns: Sequence[Column], fitted_on: int, categories: int = 200) -> Matrix:
    """Numbers as they are, categories as frequency ranks with one shared code for rare and unseen ones."""
    blocks: list[Reals] = []
    for column in columns:
        if is_category(column):
            codes, _ = _category_codes(tables, column, fitted_on, categories)
            blocks.append(np.where(codes == MISSING, np.nan, codes - 1.0))
        else:
            blocks.append(np.concatenate([numbers(table, column) for table in tables]))
    return Matrix(tuple(_split(np.column_stack(blocks), tables)), tuple(is_category(column) for column in columns))


def _stack(columns: Sequence[Codes], sizes: Sequence[int], tables: Tables) -> Coded:
    return Coded(tuple(_split(np.column_stack(columns), tables)), tuple(sizes))


def _split(rows: Any, tables: Tables) -> list[Any]:
    return list(np.split(rows, np.cumsum([len(table) for table in tables])[:-1]))
