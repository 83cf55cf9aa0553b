"""Every cell as one small integer: a bin of its column, or missing, or new."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from schemas.cells import typed
from schemas.contract import Column, Contract, LogicalType, Range

if TYPE_CHECKING:
    import pandas as pd

Codes = np.ndarray[Any, np.dtype[np.uint8]]
Floats = np.ndarray[Any, np.dtype[np.float64]]

MISSING, NEW = 0, 1
"""Codes 0 and 1 of every column; its bins follow."""

_QUANTILE_BINS = 32
_MOST_CATEGORIES = 64
_ATOM = 0.02
_BEYOND = (0.25, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True, slots=True)
class ColumnBins:
    """The bins of one column: ``edges`` of numbers (half-open, ends unbounded), or the ``values`` of categories.

    The last category bin is ``rest`` where the reference has more categories than are kept apart. ``new`` is a category
    that the reference does not have, or a number outside the contract's range; ``fresh`` is the share of
    rows with one that a stationary stream would bring (Good and Turing: categories seen once, over rows).
    """

    name: str
    type: LogicalType
    kind: Literal["numeric", "categorical"]
    edges: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()
    lower: float | None = None
    upper: float | None = None
    fresh: float = 0.0

    @property
    def size(self) -> int:
        """Codes in use, missing and new among them."""
        return 2 + (len(self.edges) + 1 if self.kind == "numeric" else len(self.values) + bool(self.rest))

    def encode(self, cells: "pd.Series[Any]") -> Codes:
        """(rows,) codes; never raises on cell contents."""
        return self._encode_numbers(cells) if self.kind == "numeric" else self._encode_categories(cells)

    def _encode_numbers(self, cells: "pd.Series[Any]") -> Codes:
        numbers = as_numbers(cells, self.type)
        codes = np.searchsorted(np.asarray(self.edges, dtype="float64"), numbers, side="right") + 2
        if self.lower is not None and self.upper is not None:
            with np.errstate(invalid="ignore"):
                codes[(numbers < self.lower) | (numbers > self.upper)] = NEW
        codes[~np.isfinite(numbers)] = MISSING
        return codes.astype("uint8")

    def _encode_categories(self, cells: "pd.Series[Any]") -> Codes:
        import pandas as pd

        texts = as_texts(cells, self.type)
        known = pd.Index([*self.values, *self.rest], dtype=object)
        places = (
            np.minimum(known.get_indexer(pd.Index(texts, dtype=object)), len(self.values))
            if len(known)
            else np.full(len(texts), -1)
        )
        missing = np.asarray(pd.isna(texts), dtype=bool)
        return cast("Codes", np.where(missing, MISSING, np.where(places < 0, NEW, places + 2)).astype("uint8"))


def as_numbers(cells: "pd.Series[Any]", kind: LogicalType) -> Floats:
    """Numbers as they are, times as seconds since 1970; NaN where missing or not of the type."""
    if isinstance(cells.dtype, np.dtype) and cells.dtype.kind in "iuf":
        numbers = cells.to_numpy(dtype="float64")
        return np.where(np.isfinite(numbers), numbers, np.nan)
    values, _ = typed(cells, kind)
    if values.dtype.kind == "M":
        return np.where(values.isna(), np.nan, values.astype("int64") / 1_000_000)
    return values.to_numpy(dtype="float64", na_value=np.nan)


def as_texts(cells: "pd.Series[Any]", kind: LogicalType) -> "np.ndarray[Any, Any]":
    """(rows,) objects: text, or None where missing or not of the type; ``str`` of a typed value for other types."""
    import pandas as pd

    if kind == "string" and cells.dtype == object and pd.api.types.infer_dtype(cells, skipna=True) == "string":
        return cells.to_numpy(dtype=object)
    values, _ = typed(cells, kind)
    different = {value: str(value) for value in values.dropna().unique()}
    return values.astype(object).map(different).to_numpy(dtype=object)


def learn_bins(frame: "pd.DataFrame", contract: Contract) -> tuple[ColumnBins, ...]:
    """The bins of every modelled column that the frame has: quantiles of its numbers, its most frequent categories."""
    present = {str(name) for name in frame.columns}
    return tuple(_learn(frame[column.name], column) for column in contract.modelled if column.name in present)


def _learn(cells: "pd.Series[Any]", column: Column) -> ColumnBins:
    import pandas as pd

    if column.type in ("integer", "number", "date", "timestamp"):
        ends = column.domain if isinstance(column.domain, Range) else None
        return ColumnBins(
            column.name,
            column.type,
            "numeric",
            edges=_edges(as_numbers(cells, column.type)),
            lower=ends.lower if ends else None,
            upper=ends.upper if ends else None,
        )
    texts = as_texts(cells, column.type)
    counts = pd.Series(texts, dtype=object).value_counts()
    ordered = sorted(counts.index, key=lambda value: (-int(counts[value]), value))
    keep = ordered if len(ordered) <= _MOST_CATEGORIES else ordered[: _MOST_CATEGORIES - 1]
    return ColumnBins(
        column.name,
        column.type,
        "categorical",
        values=tuple(keep),
        rest=tuple(ordered[len(keep) :]),
        fresh=float((counts == 1).sum()) / max(1, len(texts)),
    )


def _edges(numbers: Floats) -> tuple[float, ...]:
    """Quantiles, both sides of frequent single values, and some room beyond the ends for a stream that leaves them."""
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return ()
    distinct, counts = np.unique(numbers, return_counts=True)
    atoms = distinct[counts >= _ATOM * len(numbers)]
    if len(distinct) <= _QUANTILE_BINS:
        inner = distinct
    else:
        inner = np.quantile(numbers, np.linspace(0, 1, _QUANTILE_BINS + 1)[1:-1], method="inverted_cdf")
    low, middle, high = np.quantile(numbers, [0.1, 0.5, 0.9])
    spread = max(float(high - low), float(distinct[-1] - distinct[0]) / 10, abs(float(middle)) * 1e-3, 1e-9)
    beyond = [float(distinct[0]) - step * spread for step in _BEYOND] + [float(np.nextafter(distinct[-1], np.inf))]
    beyond += [float(distinct[-1]) + step * spread for step in _BEYOND] + [float(distinct[0])]
    edges = np.unique(np.concatenate([inner, atoms, np.nextafter(atoms, np.inf), beyond]))
    return tuple(float(edge) for edge in edges)


def encode(frame: "pd.DataFrame", bins: tuple[ColumnBins, ...]) -> Codes:
    """(rows, columns) codes; a column that the frame lacks is missing throughout."""
    codes = np.zeros((len(frame), len(bins)), dtype="uint8")
    names = [str(name) for name in frame.columns]
    for place, column in enumerate(bins):
        if column.name in names:
            codes[:, place] = column.encode(frame.iloc[:, names.index(column.name)])
    return codes
