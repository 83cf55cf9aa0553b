"""Cells of rows column by column, as arrays: numbers, or indices into the distinct words of a column.

A column may hold other types than its contract names. ``types`` says for which logical types the arrays are already
what ``schemas.cells.typed`` would make of the cells; for any other type they are typed again from ``series``.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from schemas.contract import Contract, LogicalType
from stream_app.core.drift.coding.bins import ColumnBins, as_numbers, as_texts

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int32]
Types = frozenset[LogicalType]
Series = Callable[[], "pd.Series[Any]"]

NUMERIC: Types = frozenset(("integer", "number", "date", "timestamp"))
TEXT: Types = frozenset(("string",))


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """(rows,) float64, times as seconds since 1970 in UTC; NaN where missing, infinities count as missing too.

    ``series`` gives the cells as pandas holds them; without it they are the floats themselves.
    """

    values: Floats
    types: Types = NUMERIC
    series: Series | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """(rows,) int32 places in ``values``, which are distinct; -1 where missing.

    ``series`` gives the cells as pandas holds them; without it they are the words themselves.
    """

    indices: Indices
    values: tuple[str, ...]
    types: Types = TEXT
    series: Series | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.indices)


Cells = Numbers | Words


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Cells of ``rows`` rows by the name of their column; raises ``ValueError`` where a column has more or fewer."""

    rows: int
    cells: Mapping[str, Cells]

    def __post_init__(self) -> None:
        # Compiled loops do not ask again.
        if any(len(one) != self.rows for one in self.cells.values()):
            raise ValueError(f"not every column has {self.rows} rows")


def columns_of(frame: "pd.DataFrame", columns: Contract | Iterable[ColumnBins]) -> Columns:
    """The cells of a frame, typed as the modelled columns of a contract, or as bins, want them.

    Columns that neither names are left out; of two with one name the first is taken. Never raises on cell contents.
    """
    wanted = (
        {column.name: (column.type, column.type in NUMERIC) for column in columns.modelled}
        if isinstance(columns, Contract)
        else {column.name: (column.type, column.kind == "numeric") for column in columns}
    )
    cells: dict[str, Cells] = {}
    for place, name in enumerate(map(str, frame.columns)):
        if name in wanted and name not in cells:
            cells[name] = _typed(frame.iloc[:, place], *wanted[name])
    return Columns(len(frame), cells)


def _typed(cells: "pd.Series[Any]", kind: LogicalType, numeric: bool) -> Cells:
    import pandas as pd

    types, series = frozenset((kind,)), partial(_same, cells)
    if numeric:
        return Numbers(as_numbers(cells, kind), types, series)
    indices, values = pd.factorize(as_texts(cells, kind))
    return Words(indices.astype("int32"), tuple(values.tolist()), types, series)


def _same(cells: "pd.Series[Any]") -> "pd.Series[Any]":
    return cells
