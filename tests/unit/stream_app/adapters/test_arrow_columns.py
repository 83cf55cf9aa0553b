"""Blocks read without pandas mean what they mean with it, and are refused where they are refused with it."""

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import LogicalType
from schemas.errors import ContractError
from stream_app.adapters import arrow_blocks
from stream_app.adapters.arrow_blocks import decode_block, decode_columns, encode_block
from stream_app.adapters.arrow_columns import columns_in
from stream_app.core.drift.coding.bins import ColumnBins
from stream_app.core.drift.coding.cells import Numbers, Words
from stream_app.core.drift.coding.encoding import Encoder
from tests.unit.stream_app.core.drift.odd_frames import BINS, EDGES, WORDS, frames, old_codes

TYPES: tuple[LogicalType, ...] = ("number", "integer", "date", "timestamp", "string", "boolean")
DATES = pd.Series(pd.to_datetime(["2020-01-01", None, "1969-12-31"]).date, dtype=object)
FRAME = pd.DataFrame(
    {
        "i": pd.Series([1, None, 3], dtype="Int64"),
        "f": [0.5, np.nan, np.inf],
        "s": ["a", None, "ü"],
        "b": pd.Series([True, None, False], dtype="boolean"),
        "t": pd.to_datetime(["2020-01-01", "NaT", "2020-01-03"]).astype("datetime64[us]"),
    }
)


def stream(batches: list[pa.RecordBatch]) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue()


def dictionary(indices: list[int | None], values: pa.Array, kind: pa.DataType = None) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(indices, kind or pa.int32()), values)


ARRAYS = [
    pa.array(["a", None, "1", "True", "2020-01-01", "a"]),
    *(pa.array([1, None, 0, 1, 7, 2], kind) for kind in (pa.int8(), pa.uint64(), pa.int64(), pa.float64())),
    *(pa.array([1, 5, 0, 1, 7, 2], kind) for kind in (pa.uint8(), pa.int32(), pa.uint64(), pa.float32())),
    pa.array(np.asarray([1, np.nan, 1.5, np.inf, 2, 0], dtype="float16")),
    pa.array([2**53 + 1, -(2**63), 2**63 - 1, 0, 1, 2], pa.int64()),
    pa.array([True, None, False, True, True, True]),
    pa.array([None] * 6, pa.bool_()),
    pa.array([False, True] * 3),
    *(pa.array([0, None, -1, 86_400, 1_577_836_800, 10**9], pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")),
    pa.array([0, None, -1, 86_400 * 10**6, 86_400 * 10**6 + 1, 10**15], pa.timestamp("us", "Europe/Berlin")),
    pa.array([0, None, -86_400, 86_400, 2 * 86_400, 0], pa.timestamp("s", "+02:00")),
    pa.array([0, None, -1, 18_262, 18_263, 2_932_896], pa.int32()).cast(pa.date32()),
    pa.array([0, None, -86_400_000, 86_400_000, 0, 0], pa.int64()).view(pa.date64()),
    *(dictionary([0, None, 1, 1, 0, 2], pa.array(["x", "a", "1"]), kind) for kind in (pa.int8(), pa.uint64())),
    dictionary([0, None, 1, 1, 0, 1], pa.array([True, False])),
    dictionary([0, None, 1, 1, 0, 1], pa.array([1, 2**53 + 1])),
    dictionary([0, None, 1, 1, 0, 1], pa.array([1.0, 1.5])),
    dictionary([0, None, 1, 1, 0, 1], pa.array([1.0, 0.1], pa.float32())),
    dictionary([0, None, 1, 1, 0, 1], pa.array([0, 5], pa.timestamp("s", "UTC"))),
    dictionary([0, None, 1, 1, 0, 1], pa.array([0, 18_262], pa.int32()).cast(pa.date32())),
]
LATE = [
    pa.array([0, None, 2**61, 1, 2, 2], pa.timestamp("s")),
    pa.array([0, None, 10**13, 1, 2, 2], pa.timestamp("ms", "UTC")),
    pa.array([0, None, 10**12, 1, 2, 2], pa.timestamp("s")),
]


def binned(kind: LogicalType) -> ColumnBins:
    if kind in ("string", "boolean"):
        return ColumnBins("c", kind, "categorical", values=WORDS[:3], rest=WORDS[3:])
    return ColumnBins("c", kind, "numeric", EDGES)


@settings(max_examples=30, deadline=None)
@given(frames())
def test_a_block_of_odd_cells_gets_the_codes_that_pandas_gives(frame: pd.DataFrame) -> None:
    body = encode_block(frame)
    found = Encoder(BINS).codes(decode_columns(body))
    assert found.tolist() == old_codes(decode_block(body), BINS).tolist()


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: str(array.type))
def test_any_accepted_type_in_a_column_of_any_type(array: pa.Array, kind: LogicalType) -> None:
    halves = [array.slice(0, 2), array.slice(2), array.slice(6)]
    for parts in ([array], halves):
        body = stream([pa.record_batch([part], names=["c"]) for part in parts])
        bins = (binned(kind),)
        assert Encoder(bins).codes(decode_columns(body)).tolist() == old_codes(decode_block(body), bins).tolist()


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("array", LATE, ids=lambda array: str(array.type))
def test_times_that_microseconds_cannot_hold(array: pa.Array, kind: LogicalType) -> None:
    body, bins = stream([pa.record_batch([array], names=["c"])]), (binned(kind),)
    assert Encoder(bins).codes(decode_columns(body)).tolist() == old_codes(decode_block(body), bins).tolist()


def test_every_batch_may_have_its_own_dictionary() -> None:
    batches = [
        pa.record_batch([dictionary([1, None, 0], pa.array(["a", "b"]))], names=["c"]),
        pa.record_batch([dictionary([0, 1, 2], pa.array(["b", "c", "a"]))], names=["c"]),
        pa.record_batch([dictionary([], pa.array(["z"]))], names=["c"]),
    ]
    cells = decode_columns(stream(batches)).cells["c"]
    assert isinstance(cells, Words)
    assert cells.indices.dtype == np.int32
    assert [None if place < 0 else cells.values[place] for place in cells.indices] == ["b", None, "a", "b", "c", "a"]


@pytest.mark.parametrize("index", [-1, 2, 2**31 - 1, -(2**31)])
@pytest.mark.parametrize("others", [[0, 1], [0, None]])
def test_an_index_beyond_its_dictionary_is_refused(index: int, others: list[int | None]) -> None:
    indices = pa.array([*others, index], type=pa.int32())
    array = pa.DictionaryArray.from_arrays(indices, pa.array(["a", "b"]), safe=False)
    good = pa.DictionaryArray.from_arrays(indices.slice(0, 2), pa.array(["a", "b"]))
    for rows in (pa.table({"c": array}), pa.table({"c": pa.chunked_array([good, array])})):
        with pytest.raises((ContractError, pa.ArrowException)):
            columns_in(rows)
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows)
        with pytest.raises(ContractError):
            decode_columns(sink.getvalue())


def test_cells_are_arrays() -> None:
    columns = decode_columns(encode_block(FRAME))
    cells: dict[str, Any] = dict(columns.cells)
    assert columns.rows == 3
    assert [name for name, one in cells.items() if isinstance(one, Numbers)] == ["i", "f", "t"]
    assert [name for name, one in cells.items() if isinstance(one, Words)] == ["s", "b"]
    assert cells["i"].values.dtype == cells["t"].values.dtype == np.float64
    np.testing.assert_array_equal(cells["i"].values, [1, np.nan, 3])
    np.testing.assert_array_equal(cells["t"].values, [1577836800, np.nan, 1578009600])
    assert cells["b"].indices.tolist() == [1, -1, 0]
    assert cells["b"].values == ("False", "True")


@pytest.mark.parametrize(
    "array",
    [
        dictionary([0, 1], pa.array(["a", "a"])),
        dictionary([0, 1], pa.array(["a", None])),
        dictionary([0, 1], pa.array([1.0, float("nan")])),
        pa.array([0, None], pa.timestamp("s", "Nowhere/City")),
        pa.array([0, 2_932_897], pa.int32()).cast(pa.date32()),
        pa.array([-719_163, None], pa.int32()).cast(pa.date32()),
        pa.array([1, 2], pa.int64()).view(pa.date64()),
        pa.array([[1], [2]]),
        pa.array([b"x", b"y"]),
    ],
    ids=["word twice", "null word", "nan word", "zone", "date late", "date early", "half date", "nested", "binary"],
)
def test_what_pandas_refuses_is_refused(array: pa.Array) -> None:
    body = stream([pa.record_batch([array], names=["c"])])
    for decode in (decode_block, decode_columns):
        with pytest.raises(ContractError):
            decode(body)


def test_limits_and_compression(monkeypatch: pytest.MonkeyPatch) -> None:
    body = encode_block(pd.DataFrame({"a": range(11)}))
    sink = io.BytesIO()
    packed = pa.table({"a": np.zeros(1_000)})
    with pa.ipc.new_stream(sink, packed.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(packed)
    with pytest.raises(ContractError, match="compressed"):
        decode_columns(sink.getvalue())
    monkeypatch.setattr(arrow_blocks, "MAX_ROWS", 10)
    with pytest.raises(ContractError, match="11 rows"):
        decode_columns(body)
    monkeypatch.setattr(arrow_blocks, "MAX_BYTES", 100)
    with pytest.raises(ContractError, match="bytes"):
        decode_columns(body)


def test_a_known_schema_is_no_leave_for_compressed_or_larger_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"a": np.zeros(1_000), "s": pa.array(["x"] * 1_000).dictionary_encode()})
    bodies = []
    for codec in (None, "zstd", "lz4"):
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
            writer.write_table(table)
        bodies.append(sink.getvalue())
    for _ in range(2):
        assert decode_columns(bodies[0]).rows == 1_000
        for body in bodies[1:]:
            with pytest.raises(ContractError, match="compressed"):
                decode_columns(body)
    monkeypatch.setattr(arrow_blocks, "MAX_ROWS", 999)
    with pytest.raises(ContractError, match="1000 rows"):
        decode_columns(bodies[0])


def test_few_schemas_are_remembered() -> None:
    for place in range(40):
        assert list(decode_columns(encode_block(pd.DataFrame({f"c{place}": [1.0]}))).cells) == [f"c{place}"]
        assert len(arrow_blocks._readers) <= arrow_blocks._SCHEMAS


BODIES = [
    encode_block(FRAME),
    stream([pa.record_batch([array], names=["c"]) for array in (ARRAYS[0].slice(0, 3), ARRAYS[0])]),
    *(stream([pa.record_batch([array], names=["c"])]) for array in (ARRAYS[-1], ARRAYS[-2], *ARRAYS[18:21])),
]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_is_refused_or_read_as_pandas_reads_it(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from(BODIES)))
    # What is remembered of this schema must not let through what is damaged.
    decode_columns(bytes(body))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(body[: data.draw(st.integers(0, len(body)))]) if data.draw(st.booleans()) else bytes(body)
    try:
        columns = decode_columns(damaged)
    except ContractError:
        return
    frame = decode_block(damaged)
    assert list(columns.cells) == list(frame.columns)
    assert columns.rows == len(frame)
    kind = data.draw(st.sampled_from(TYPES))
    bins = tuple(replace(binned(kind), name=name) for name in columns.cells)
    assert Encoder(bins).codes(columns).tolist() == old_codes(frame, bins).tolist()


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(ContractError):
        decode_columns(body)
