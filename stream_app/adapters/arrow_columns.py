"""Checked Arrow tables as pandas frames, and without pandas as arrays of cells that mean the same."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.errors import ContractError
from stream_app.core.drift.coding.bins import as_numbers
from stream_app.core.drift.coding.cells import Cells, Columns, Floats, Numbers, Types, Words

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_DAY = 86_400_000_000
_FIRST, _LAST = np.datetime64("0001-01-01"), np.datetime64("9999-12-31")
_LONGEST = {"s": 2**63 // 10**6, "ms": 2**63 // 10**3}
"""By unit, the times from which int64 has no microseconds."""
_NUMBER: Types = frozenset(("number",))
_TIME: Types = frozenset(("timestamp",))
_DATE: Types = frozenset(("date", "timestamp"))
_TRUTH: Types = frozenset(("boolean", "string"))


def frame_of(table: "pa.Table") -> "pd.DataFrame":
    """Dictionaries become plain objects, so that one block's categories never meet another's."""
    import pandas as pd

    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, timestamp_as_object=False, strings_to_categorical=False)
    coded = [str(name) for name in frame.columns if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    plain = {
        name: pd.Series([None if pd.isna(cell) else cell for cell in frame[name]], dtype=object, index=frame.index)
        for name in coded
    }
    return frame.assign(**plain)


def columns_in(table: "pa.Table") -> Columns:
    """The cells of ``frame_of`` as arrays, in part views of Arrow's own memory.

    Raises ``ContractError``, or as pyarrow and pandas do, where ``frame_of`` raises, and on a dictionary with a word
    twice.
    """
    cells = {str(name): _cells(column) for name, column in zip(table.column_names, table.columns, strict=True)}
    return Columns(table.num_rows, cells)


def _cells(column: "pa.ChunkedArray") -> Cells:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        return _words(column) if pa.types.is_string(kind.value_type) else _odd(column)
    if pa.types.is_string(kind):
        return _words(column.dictionary_encode())
    series = partial(_series, column)
    array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if pa.types.is_boolean(kind):
        return Words(_filled(array.cast(pa.int32())), ("False", "True"), _TRUTH, series)
    # Missing cells are NaN, and NaT in times.
    values = array.to_numpy(zero_copy_only=False)
    if pa.types.is_date(kind):
        return _dates(values.astype("datetime64[D]"), column)
    if pa.types.is_timestamp(kind):
        return _times(values, column)
    return Numbers(values.astype("float64", copy=False), series=series)


def _words(column: "pa.ChunkedArray") -> Words:
    """Every chunk may have a dictionary of its own."""
    if column.num_chunks == 1:
        return _of_dictionary(column.chunk(0))
    places: dict[str, int] = {}
    parts = [np.empty(0, dtype=np.int32)]
    for chunk in column.chunks:
        some = _of_dictionary(chunk)
        # The last place is that of index -1.
        there = [*(places.setdefault(word, len(places)) for word in some.values), -1]
        parts.append(np.asarray(there, dtype=np.int32)[some.indices])
    return Words(np.concatenate(parts), tuple(places))


def _of_dictionary(array: "pa.DictionaryArray") -> Words:
    words = tuple(array.dictionary.to_pylist())
    if None in words or len(set(words)) != len(words):
        raise ContractError("a dictionary of a block has a word twice, or none")
    return Words(_filled(array.indices), words)


def _filled(indices: "pa.Array") -> "np.ndarray[Any, np.dtype[np.int32]]":
    import pyarrow as pa

    if indices.type != pa.int32():
        indices = indices.cast(pa.int32())
    filled: np.ndarray[Any, np.dtype[np.int32]] = (indices.fill_null(-1) if indices.null_count else indices).to_numpy()
    return filled


def _dates(days: "np.ndarray[Any, np.dtype[np.datetime64]]", column: "pa.ChunkedArray") -> Numbers:
    missing = np.isnat(days)
    if ((days < _FIRST) | (days > _LAST)).any():
        raise ContractError("a date of a block is out of range")
    values = np.where(missing, np.nan, days.astype("int64") * 86_400.0)
    return Numbers(values, _DATE, partial(_series, column))


def _times(times: "np.ndarray[Any, np.dtype[np.datetime64]]", column: "pa.ChunkedArray") -> Numbers:
    series = partial(_series, column)
    if column.type.tz is not None:
        # Raises where nobody knows the zone.
        _series(column.slice(0, 0))
    missing = np.isnat(times)
    longest = _LONGEST.get(column.type.unit)
    if longest is not None and (np.abs(np.where(missing, 0, times.astype("int64"))) >= longest).any():
        return Numbers(as_numbers(series(), "timestamp"), _TIME, series)
    micros = times.astype("datetime64[us]").astype("int64")
    values: Floats = np.where(missing, np.nan, micros / 1_000_000)
    whole = bool((missing | (micros // _DAY * _DAY == micros)).all())
    return Numbers(values, _DATE if whole else _TIME, series)


def _odd(column: "pa.ChunkedArray") -> Cells:
    """A dictionary of other values than text: pandas holds them as objects, and says at once where it cannot."""
    cells = _series(column)
    kind = column.type.value_type
    found = _cells(column.cast(kind))
    numeric = isinstance(found, Numbers) and cells.map(type).isin((int, float, type(None))).all()
    return replace(found, types=_NUMBER if numeric else frozenset(), series=lambda: cells)


def _series(column: "pa.ChunkedArray") -> "pd.Series[Any]":
    import pyarrow as pa

    return frame_of(pa.table([column], names=["cells"]))["cells"]
