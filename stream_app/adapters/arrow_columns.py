"""Arrow tables as pandas frames, once they were checked, and checked here as arrays of cells that mean the same."""

from collections.abc import Callable
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
Readers = tuple[tuple[str, Callable[[Any], Cells]], ...]
"""Of each column its name, and what makes cells of an Arrow array or of chunks of it."""

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

    Raises ``ContractError``, or as pyarrow and pandas do, where ``frame_of`` raises, on a dictionary with a word twice,
    and where an offset or index is out of bounds.
    """
    return read_columns(table, readers_of(table.schema))


def readers_of(schema: "pa.Schema") -> Readers:
    """What reads each column, by its type; of a schema whose types are accepted (``arrow_checks.refuse_types``)."""
    return tuple((field.name, _reader(field.type)) for field in schema)


def read_columns(rows: "pa.RecordBatch | pa.Table", readers: Readers) -> Columns:
    """What ``columns_in`` gives of rows of the readers' schema."""
    rows.validate()
    cells = {name: read(column) for (name, read), column in zip(readers, rows.columns, strict=True)}
    return Columns(rows.num_rows, cells)


def _reader(kind: "pa.DataType") -> "Callable[[Any], Cells]":
    import pyarrow as pa

    if pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type):
        return _words
    return partial(_checked, _reader_of_checked(kind))


def _checked(read: "Callable[[Any], Cells]", column: "pa.Array | pa.ChunkedArray") -> Cells:
    column.validate(full=True)
    return read(column)


def _reader_of_checked(kind: "pa.DataType") -> "Callable[[Any], Cells]":
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _odd
    if pa.types.is_string(kind):
        return _texts
    if pa.types.is_boolean(kind):
        return _truths
    if pa.types.is_date(kind):
        return _dates
    return _times if pa.types.is_timestamp(kind) else _numbers


def _whole(column: "pa.Array | pa.ChunkedArray") -> "pa.Array":
    import pyarrow as pa

    return column if isinstance(column, pa.Array) else column.combine_chunks()


def _floats(column: "pa.Array | pa.ChunkedArray") -> "np.ndarray[Any, Any]":
    """Missing cells are NaN, and NaT in times."""
    found: np.ndarray[Any, Any] = _whole(column).to_numpy(zero_copy_only=False)
    return found


def _numbers(column: "pa.Array | pa.ChunkedArray") -> Numbers:
    return Numbers(_floats(column).astype("float64", copy=False), series=partial(_series, column))


def _truths(column: "pa.Array | pa.ChunkedArray") -> Words:
    import pyarrow as pa

    return Words(_filled(_whole(column).cast(pa.int32())), ("False", "True"), _TRUTH, partial(_series, column))


def _texts(column: "pa.Array | pa.ChunkedArray") -> Words:
    return _words(column.dictionary_encode())


def _words(column: "pa.Array | pa.ChunkedArray") -> Words:
    """Every chunk may have a dictionary of its own."""
    import pyarrow as pa

    if isinstance(column, pa.Array) or column.num_chunks == 1:
        return _of_dictionary(column if isinstance(column, pa.Array) else column.chunk(0))
    places: dict[str, int] = {}
    parts = [np.empty(0, dtype=np.int32)]
    for chunk in column.chunks:
        some = _of_dictionary(chunk)
        # The last place is that of index -1.
        there = [*(places.setdefault(word, len(places)) for word in some.values), -1]
        parts.append(np.asarray(there, dtype=np.int32)[some.indices])
    return Words(np.concatenate(parts), tuple(places))


def _of_dictionary(array: "pa.DictionaryArray") -> Words:
    """Checks what ``array.validate(full=True)`` does, which takes three times as long where no index is missing."""
    dictionary, indices = array.dictionary, array.indices
    dictionary.validate(full=True)
    words = tuple(dictionary.to_pylist())
    if None in words or len(set(words)) != len(words):
        raise ContractError("a dictionary of a block has a word twice, or none")
    (array if indices.null_count else indices).validate(full=True)
    found = _filled(indices)
    if not indices.null_count and len(found) and (found.min() < 0 or found.max() >= len(words)):
        raise ContractError("an index of a block is beyond its dictionary")
    return Words(found, words)


def _filled(indices: "pa.Array") -> "np.ndarray[Any, np.dtype[np.int32]]":
    import pyarrow as pa

    if indices.type != pa.int32():
        indices = indices.cast(pa.int32())
    filled: np.ndarray[Any, np.dtype[np.int32]] = (indices.fill_null(-1) if indices.null_count else indices).to_numpy()
    return filled


def _dates(column: "pa.Array | pa.ChunkedArray") -> Numbers:
    days = _floats(column).astype("datetime64[D]")
    missing = np.isnat(days)
    if ((days < _FIRST) | (days > _LAST)).any():
        raise ContractError("a date of a block is out of range")
    values = np.where(missing, np.nan, days.astype("int64") * 86_400.0)
    return Numbers(values, _DATE, partial(_series, column))


def _times(column: "pa.Array | pa.ChunkedArray") -> Numbers:
    times, series = _floats(column), partial(_series, column)
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


def _odd(column: "pa.Array | pa.ChunkedArray") -> Cells:
    """A dictionary of other values than text: pandas holds them as objects, and says at once where it cannot."""
    cells = _series(column)
    kind = column.type.value_type
    found = _reader(kind)(column.cast(kind))
    numeric = isinstance(found, Numbers) and cells.map(type).isin((int, float, type(None))).all()
    return replace(found, types=_NUMBER if numeric else frozenset(), series=lambda: cells)


def _series(column: "pa.Array | pa.ChunkedArray") -> "pd.Series[Any]":
    import pyarrow as pa

    return frame_of(pa.table([column], names=["cells"]))["cells"]
