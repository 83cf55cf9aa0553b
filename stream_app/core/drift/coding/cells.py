"""Cells of rows column by column, as arrays: numbers, or indices into the distinct words of a column.

A column may hold other types than its contract names. ``types`` says for which logical types the arrays are already
what ``schemas.cells.typed`` would make of the cells; for any other type they are typed again from ``series``.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import numpy.typing as npt

from schemas.contract import Contract, LogicalType
from schemas.factorized import factorized
from stream_app.core.drift.coding.bins import ColumnBins, as_numbers, as_texts

if TYPE_CHECKING:
    import pandas as pd

_PLAIN = frozenset((np.dtype(np.float64), np.dtype(np.object_)))
_MANY = 8
"""Columns from which all of a frame's are asked for at once."""

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int32]
Types = frozenset[LogicalType]
Series = Callable[[], "pd.Series[Any]"]

_ALONE: dict[LogicalType, Types] = {kind: frozenset((kind,)) for kind in get_args(LogicalType)}

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
    places: dict[str, int] = {}
    for place, name in enumerate(map(str, frame.columns)):
        if name in wanted:
            places.setdefault(name, place)
    arrays = _arrays(frame, [*places.values()])
    cells = {name: _cells(arrays.get(place), frame, place, *wanted[name]) for name, place in places.items()}
    return Columns(len(frame), cells)


def _arrays(frame: "pd.DataFrame", places: list[int]) -> "dict[int, npt.NDArray[Any]]":
    """The columns of floats and of objects among those at ``places``: neighbours of one type are taken together, for
    pandas takes long to hand a column out.
    """
    kinds = frame.dtypes.tolist()
    plain = [place for place in places if kinds[place] in _PLAIN]
    found: dict[int, npt.NDArray[Any]] = {}
    # Pandas' own way to every column's array copies none and makes no Series; it is not public, and may be gone.
    every = getattr(frame, "_iter_column_arrays", None)
    if every is not None and len(plain) >= _MANY:
        arrays = list(every())
        return {place: arrays[place] for place in plain}
    starts = [
        number
        for number, (left, right) in enumerate(pairwise(plain), 1)
        if right != left + 1 or kinds[left] != kinds[right]
    ]
    for start, stop in pairwise([0, *starts, len(plain)] if plain else []):
        own = plain[start:stop]
        found.update(zip(own, frame.iloc[:, own[0] : own[-1] + 1].to_numpy().T, strict=True))
    return found


def _at(frame: "pd.DataFrame", place: int) -> "pd.Series[Any]":
    return frame.iloc[:, place]


def _cells(
    array: "npt.NDArray[Any] | None", frame: "pd.DataFrame", place: int, kind: LogicalType, numeric: bool
) -> Cells:
    types = _ALONE[kind]
    if numeric and array is not None and array.dtype == np.float64:
        return Numbers(array, types)
    series = partial(_at, frame, place)
    if numeric:
        return Numbers(as_numbers(series(), kind), types, series)
    if kind == "string" and array is not None and (known := _same_words(array)) is not None:
        return Words(*known, types, series)
    found = _words(array) if kind == "string" and array is not None else None
    if found is None or not all(type(value) is str for value in found[1]):
        found = factorized(as_texts(series(), kind))
    return Words(found[0].astype("int32"), tuple(found[1]), types, series)


def _same_words(array: "npt.NDArray[Any]") -> tuple[Indices, tuple[str, ...]] | None:
    """What ``_words`` gives of texts and missing cells by looking at few objects, where most cells are one of few.

    None where they are many, or others, or numba is not loaded.
    """
    if array.dtype != np.object_ or not array.flags.c_contiguous or sys.modules.get("numba") is None:
        return None
    from stream_app.core.drift.coding.compiled_objects import MOST, same_objects

    # An object's address is what the array holds of it, and the array keeps it alive.
    addresses = np.ndarray(array.shape, np.intp, buffer=array)
    places, firsts = np.empty(len(array), dtype=np.int32), np.empty(MOST, dtype=np.int64)
    number = same_objects(addresses, places, firsts)
    if number < 0:
        return None
    cells, words = array[firsts[:number]].tolist(), dict[str, int]()
    missing = [cell is None or (type(cell) is float and cell != cell) for cell in cells]
    if not all(none or type(cell) is str for cell, none in zip(cells, missing, strict=True)):
        return None
    own = [-1 if none else words.setdefault(cell, len(words)) for cell, none in zip(cells, missing, strict=True)]
    plain = own == [*range(number)]
    return places if plain else np.asarray(own, dtype=np.int32)[places], tuple(words)


def _words(array: "npt.NDArray[Any]") -> "tuple[npt.NDArray[np.intp], list[Any]] | None":
    """Places in the distinct objects of a column; none where some cannot be told apart, for they have no hash."""
    try:
        return factorized(array)
    except TypeError:
        return None
