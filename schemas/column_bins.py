"""Every cell as one small integer: a bin of its column, or missing, or new."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from schemas.cells import typed
from schemas.contract import LogicalType

if TYPE_CHECKING:
    import pandas as pd

Codes = np.ndarray[Any, np.dtype[np.uint8]]
Floats = np.ndarray[Any, np.dtype[np.float64]]

MISSING, NEW = 0, 1
"""Codes 0 and 1 of every column; its bins follow."""


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
    if kind == "string":
        # As they are: pandas' look-ups of texts end at a zero byte.
        texts = values.to_numpy(dtype=object, copy=True)
        texts[values.isna().to_numpy(dtype=bool)] = None
        return texts
    different = {value: str(value) for value in values.dropna().unique()}
    return values.astype(object).map(different).to_numpy(dtype=object)
