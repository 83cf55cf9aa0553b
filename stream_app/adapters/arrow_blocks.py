"""Micro-batches of rows as Arrow IPC bytes: dictionary-encoded text, and strict limits on what is accepted."""

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from schemas.errors import ContractError
from stream_app.adapters.arrow_checks import refuse_compression, refuse_types
from stream_app.adapters.arrow_columns import Readers, frame_of, read_columns, readers_of
from stream_app.core.drift.coding.cells import Columns

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Read = TypeVar("Read")

MAX_ROWS = 100_000
MAX_BYTES = 4 * 1024**2
MAX_COLUMNS = 2_000
_SCHEMAS = 16
_readers: "dict[bytes, Readers]" = {}
"""Of the last few schemas, by their bytes: what reads each column, all of their types being accepted."""


def encode_block(frame: "pd.DataFrame") -> bytes:
    """The block as one Arrow IPC stream; text and odd objects travel as dictionary-encoded strings.

    Raises ``ContractError`` where the block has more rows, columns or bytes than ``decode_block`` takes.
    """
    import pyarrow as pa

    _limit(len(frame), frame.shape[1])
    arrays = [_array(frame.iloc[:, position]) for position in range(frame.shape[1])]
    return encode_table(pa.table(arrays, names=[str(name) for name in frame.columns]))


def encode_table(table: "pa.Table") -> bytes:
    """The table as ``decode_block`` takes it: plain numbers, booleans and times, text dictionary-encoded.

    Raises ``ContractError`` where it has more rows, columns or bytes than that.
    """
    import pyarrow as pa

    _limit(table.num_rows, table.num_columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=None)) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    if len(body) > MAX_BYTES:
        raise ContractError(f"a block of {len(body)} bytes is too large; at most {MAX_BYTES}: send fewer rows at once")
    return body


def decode_block(body: bytes) -> "pd.DataFrame":
    """The rows of ``encode_block``; raises ``ContractError`` on anything damaged, compressed, nested or too large.

    Compressed bodies are refused before they are opened, for a few bytes could unfold to gigabytes; every offset and
    dictionary index is checked before it is followed.
    """
    return _opened(body, _frame)


def decode_columns(body: bytes) -> Columns:
    """The cells of ``encode_block`` as arrays, without pandas; refuses what ``decode_block`` refuses, in its words.

    Typed by any logical type they are what that frame's cells are. It is a little
    stricter: a dictionary with a word twice, or of times in an unknown zone, is refused in every block.
    """
    return _opened(body, _columns)


def _frame(_: bytes, reader: "pa.RecordBatchStreamReader") -> "pd.DataFrame":
    import pyarrow as pa

    _accept(reader.schema)
    found = _read(reader)
    found.validate(full=True)
    return frame_of(pa.Table.from_batches([found]) if isinstance(found, pa.RecordBatch) else found)


def _columns(spelt: bytes, reader: "pa.RecordBatchStreamReader") -> Columns:
    """``spelt`` is the schema; a schema that is known was accepted."""
    readers = _readers.get(spelt)
    if readers is None:
        _accept(reader.schema)
        readers = readers_of(reader.schema)
        if len(_readers) >= _SCHEMAS:
            _readers.clear()
        _readers[spelt] = readers
    return read_columns(_read(reader), readers)


def _opened(body: bytes, read: "Callable[[bytes, pa.RecordBatchStreamReader], Read]") -> Read:
    import pyarrow as pa

    if len(body) > MAX_BYTES:
        raise ContractError(f"a block of {len(body)} bytes is too large; at most {MAX_BYTES}")
    try:
        spelt = refuse_compression(body)
        with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
            return read(spelt, reader)
    except ContractError:
        raise
    except (
        pa.ArrowException,
        ValueError,
        TypeError,
        KeyError,
        OSError,
        OverflowError,
        struct.error,
        UnicodeError,
        IndexError,
    ) as error:
        raise ContractError(f"not a block of rows: {type(error).__name__}") from None


def _array(values: "pd.Series[Any]") -> "pa.Array":
    import pandas as pd
    import pyarrow as pa

    if (
        values.dtype == object
        or isinstance(values.dtype, (pd.CategoricalDtype, pd.StringDtype))
        or values.dtype.kind not in "biufM"
    ):
        text = [_text(value) for value in values]
        return pa.array(text, type=pa.string()).dictionary_encode()
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_convert("UTC").dt.tz_localize(None)
    array = pa.array(values, from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _text(value: Any) -> str | None:
    import pandas as pd

    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _limit(rows: int, columns: int) -> None:
    if rows > MAX_ROWS or columns > MAX_COLUMNS:
        raise ContractError(
            f"a block of {rows} rows and {columns} columns is too large; at most {MAX_ROWS} and {MAX_COLUMNS}"
        )


def _accept(schema: "pa.Schema") -> None:
    _limit(0, len(schema))
    refuse_types(schema)


def _read(reader: "pa.RecordBatchStreamReader") -> "pa.RecordBatch | pa.Table":
    """All rows; offsets and indices may still be out of bounds."""
    import pyarrow as pa

    batches = _batches(reader)
    return batches[0] if len(batches) == 1 else pa.Table.from_batches(batches, schema=reader.schema)


def _batches(reader: "pa.RecordBatchStreamReader") -> "list[pa.RecordBatch]":
    batches: list[Any] = []
    rows = 0
    for batch in reader:
        rows += batch.num_rows
        _limit(rows, batch.num_columns)
        # A batch of no rows costs nothing in bytes, so their number needs a limit of its own.
        if len(batches) >= 1_000:
            raise ContractError("a block of too many batches")
        batches.append(batch)
    return batches
