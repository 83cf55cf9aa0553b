"""Live cells as ``schemas.table.conform`` leaves a snapshot's: typed, and within the domain of their column."""

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.cells import typed
from schemas.contract import Categories, Column, Contract, LogicalType, Policy, Privacy, Range
from schemas.keyed_hash import Path
from schemas.table import OTHER, bounds, conform
from stream_app.core.drift.coding.bins import as_numbers, as_texts
from stream_app.core.drift.coding.cells import NUMERIC, Cells, Floats, Numbers, Words

if TYPE_CHECKING:
    import pandas as pd

_EXACT: dict[LogicalType, float] = {"integer": 2.0**53, "timestamp": 2.0**33}
"""From here on float64 skips whole numbers, or microseconds (after the year 2242)."""


class Conforming:
    """One column of a contract: numbers are clipped to its range, words outside its categories are other or missing.

    Arrays that are of the column's type already stay arrays. Others, and whole numbers and times too large for floats,
    come as a pandas column of the contract's dtype, where the cells can still be had. Never raises on cell contents.
    """

    def __init__(self, column: Column, path: Path = "numpy") -> None:
        self.column = column
        self._path = path
        self.numeric = column.type in NUMERIC
        self._ends = _ends(column) if self.numeric and isinstance(column.domain, Range) else None
        self._numbers: Floats | None = None
        self._words: dict[str, str] | None = None
        self._other = isinstance(column.domain, Categories) and column.domain.other and column.type == "string"
        if isinstance(column.domain, Categories):
            self._set_categories(column, column.domain)

    def _set_categories(self, column: Column, domain: Categories) -> None:
        import pandas as pd

        known = typed(pd.Series(list(domain.values), dtype=object), column.type)[0].dropna()
        if self.numeric:
            self._numbers = as_numbers(known, column.type)
        else:
            self._words = {word: word for word in as_texts(known, column.type)}

    def __call__(self, cells: Cells) -> "Cells | pd.Series[Any]":
        """(rows,) cells of one kind of arrays, or a pandas column."""
        if self.column.type not in cells.types or isinstance(cells, Numbers) != self.numeric:
            return self._typed(cells)
        if isinstance(cells, Words):
            return cells if self._words is None else self._within(cells, self._words)
        if cells.series is not None and self._inexact(cells.values):
            return self._typed(cells)
        return self._clipped(cells)

    def _inexact(self, values: Floats) -> bool:
        limit = _EXACT.get(self.column.type)
        return limit is not None and bool((np.abs(values) >= limit).any())

    def _typed(self, cells: Cells) -> "pd.Series[Any]":
        import pandas as pd

        if cells.series is not None:
            series = cells.series()
        elif isinstance(cells, Numbers):
            series = pd.Series(cells.values)
        else:
            series = pd.Series(np.array([*cells.values, None], dtype=object)[cells.indices], dtype=object)
        name = self.column.name
        alone = Contract(
            dataset="column",
            columns=(self.column.model_copy(update={"role": "modelled"}),),
            policy=Policy(privacy=Privacy(scope="column")),
        )
        return conform(pd.DataFrame({name: series}), alone).table[name]

    def _clipped(self, cells: Numbers) -> Numbers:
        values = cells.values
        if self.column.type == "integer" or self._ends is not None:
            values = self._compiled(values) if self._path == "numba" else self._plain(values)
        if self._numbers is not None:
            values = np.where(np.isin(values, self._numbers), values, np.nan)
        return cells if values is cells.values else Numbers(values)

    def _compiled(self, values: Floats) -> Floats:
        from stream_app.core.drift.coding.compiled_conforming import clip

        found = np.empty(len(values))
        clip(np.ascontiguousarray(values), self.column.type == "integer", *(self._ends or (-np.inf, np.inf)), found)
        return found

    def _plain(self, values: Floats) -> Floats:
        whole = self.column.type == "integer"
        fits = np.abs(values) < (2.0**63 if whole else np.inf)
        if whole:
            fits &= values == np.rint(values)
        values = np.where(fits, values, np.nan)
        if self._ends is None:
            return values
        below, above = values < self._ends[0], values > self._ends[1]
        return np.where(above, self._ends[1], np.where(below, self._ends[0], values))

    def _within(self, cells: Words, known: dict[str, str]) -> Words:
        if all(word in known for word in cells.values):
            return cells
        if self._other:
            return Words(cells.indices, tuple(known.get(word, OTHER) for word in cells.values), cells.types)
        places = np.array([*(place if word in known else -1 for place, word in enumerate(cells.values)), -1])
        return Words(places.astype(np.int32)[cells.indices], cells.values, cells.types)


def _ends(column: Column) -> tuple[float, float]:
    assert isinstance(column.domain, Range)
    lower, upper = bounds(column, column.domain)
    return (_float(lower), _float(upper))


def _float(end: object) -> float:
    return float(end.astype("int64")) / 1_000_000 if isinstance(end, np.datetime64) else float(end)  # type: ignore[arg-type]
