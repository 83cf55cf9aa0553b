"""Micro-batches of rows as Arrow IPC bytes: dictionary-encoded text, and strict limits on what is accepted."""

import struct
from typing import TYPE_CHECKING, Any

from schemas.errors import ContractError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

MAX_ROWS = 100_000
MAX_BYTES = 4 * 1024**2
MAX_COLUMNS = 2_000
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3


def encode_block(frame: "pd.DataFrame") -> bytes:
    """The block as one Arrow IPC stream; text and odd objects travel as dictionary-encoded strings.

    Raises ``ContractError`` where the block has more rows, columns or bytes than ``decode_block`` takes.
    """
    import pyarrow as pa

    _limit(len(frame), frame.shape[1])
    arrays = [_array(frame.iloc[:, position]) for position in range(frame.shape[1])]
    table = pa.table(arrays, names=[str(name) for name in frame.columns])
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
    import pyarrow as pa

    if len(body) > MAX_BYTES:
        raise ContractError(f"a block of {len(body)} bytes is too large; at most {MAX_BYTES}")
    try:
        _refuse_compression(body)
        with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
            _refuse_types(reader.schema)
            table = _limited(reader)
        table.validate(full=True)
        frame: pd.DataFrame = table.to_pandas(
            ignore_metadata=True, timestamp_as_object=False, strings_to_categorical=False
        )
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
    return _plain(frame)


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


def _limited(reader: Any) -> "pa.Table":
    import pyarrow as pa

    batches: list[Any] = []
    rows = 0
    for batch in reader:
        rows += batch.num_rows
        _limit(rows, batch.num_columns)
        # A batch of no rows costs nothing in bytes, so their number needs a limit of its own.
        if len(batches) >= 1_000:
            raise ContractError("a block of too many batches")
        batches.append(batch)
    return pa.Table.from_batches(batches, schema=reader.schema)


def _refuse_types(schema: "pa.Schema") -> None:
    import pyarrow as pa

    _limit(0, len(schema))
    if len(set(schema.names)) != len(schema.names):
        raise ContractError("a block names a column twice")
    for field in schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        simple = (
            pa.types.is_boolean,
            pa.types.is_integer,
            pa.types.is_floating,
            pa.types.is_string,
            pa.types.is_timestamp,
            pa.types.is_date,
        )
        if not any(check(kind) for check in simple):
            raise ContractError("a block has a column of a type that is not accepted")


def _refuse_compression(body: bytes) -> None:
    import pyarrow as pa

    reader = pa.ipc.MessageReader.open_stream(pa.py_buffer(body))
    while True:
        try:
            message = reader.read_next_message()
        except StopIteration:
            return
        if _is_compressed(message.metadata.to_pybytes()):
            raise ContractError("a compressed block is not accepted: let the broker compress")


def _is_compressed(metadata: bytes) -> bool:
    """Whether the flatbuffer ``Message`` (format/Message.fbs of Arrow) is a batch with ``BodyCompression``."""
    message = struct.unpack_from("<I", metadata, 0)[0]
    kind_at = _field(metadata, message, 1)
    kind = metadata[kind_at] if kind_at else 0
    header_at = _field(metadata, message, 2)
    if kind not in (_DICTIONARY_BATCH, _RECORD_BATCH) or not header_at:
        return False
    header = _follow(metadata, header_at)
    if kind == _DICTIONARY_BATCH:
        data_at = _field(metadata, header, 1)
        if not data_at:
            return False
        header = _follow(metadata, data_at)
    return _field(metadata, header, 3) != 0


def _follow(metadata: bytes, at: int) -> int:
    return at + int(struct.unpack_from("<I", metadata, at)[0])


def _field(metadata: bytes, table: int, slot: int) -> int:
    """Where a flatbuffer table keeps a field, or 0 where it is absent."""
    vtable = table - int(struct.unpack_from("<i", metadata, table)[0])
    if vtable < 0 or 4 + 2 * slot >= struct.unpack_from("<H", metadata, vtable)[0]:
        return 0
    offset = int(struct.unpack_from("<H", metadata, vtable + 4 + 2 * slot)[0])
    return table + offset if offset else 0


def _plain(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Dictionaries as plain objects, so that one block's categories never meet another's."""
    import pandas as pd

    coded = [str(name) for name in frame.columns if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    plain = {
        name: pd.Series([None if pd.isna(cell) else cell for cell in frame[name]], dtype=object, index=frame.index)
        for name in coded
    }
    return frame.assign(**plain)
