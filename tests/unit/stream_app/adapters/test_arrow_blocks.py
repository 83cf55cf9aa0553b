"""Blocks on the wire: rows come back, limits hold, damage is a contract error."""

import io
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ContractError
from stream_app.adapters import arrow_blocks
from stream_app.adapters.arrow_blocks import decode_block, encode_block
from stream_app.adapters.arrow_checks import _walked, refuse_compression

FRAME = pd.DataFrame(
    {
        "i": pd.Series([1, None, 3], dtype="Int64"),
        "f": [0.5, np.nan, 2.0],
        "s": ["a", None, "ü\ud800"],
        "b": pd.Series([True, None, False], dtype="boolean"),
        "t": pd.to_datetime(["2020-01-01", "NaT", "2020-01-03"]).astype("datetime64[us]"),
        "z": pd.to_datetime(["2020-01-01T00:00+02:00"] * 3, utc=True),
        "c": pd.Series(["x", "y", "x"], dtype="category"),
        "o": [[1], {"k": 1}, 1.5],
    }
)


def stream(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize("legacy", [False, True])
def test_metadata_is_found_where_arrow_finds_it(legacy: bool) -> None:
    table = pa.table({"s": pa.array(["a", "b", None] * 700).dictionary_encode(), "n": range(2_100)})
    body = stream(table, use_legacy_format=legacy)
    read = [message.metadata.to_pybytes() for message in pa.ipc.MessageReader.open_stream(body)]
    assert len(read) > 2
    assert refuse_compression(body) == read[0]
    if not legacy:
        assert list(_walked(body)) == list(_walked(body[:-8])) == read
    assert len(decode_block(body)) == 2_100
    bomb = stream(table, use_legacy_format=legacy, compression="zstd")
    with pytest.raises(ContractError, match="compressed"):
        refuse_compression(bomb)


@pytest.mark.parametrize("length", [-1, -(2**40), 2**40])
def test_a_message_of_another_length_is_refused(length: int) -> None:
    body = bytearray(encode_block(FRAME[["i", "s"]]))
    second = 8 + int.from_bytes(body[4:8], "little")
    message = second + 8 + int.from_bytes(body[second + 8 : second + 12], "little")
    table = message - int.from_bytes(body[message : message + 4], "little", signed=True)
    # Slot 3 of a flatbuffer ``Message`` is the length of its body.
    assert int.from_bytes(body[table : table + 2], "little") > 10
    at = message + int.from_bytes(body[table + 10 : table + 12], "little")
    assert 0 < int.from_bytes(body[at : at + 8], "little") < len(body)
    body[at : at + 8] = length.to_bytes(8, "little", signed=True)
    with pytest.raises(ContractError):
        decode_block(bytes(body))


def test_rows_come_back() -> None:
    again = decode_block(encode_block(FRAME))
    assert list(again.columns) == list(FRAME.columns)
    assert again["f"].tolist()[::2] == [0.5, 2.0]
    assert again["s"].tolist() == ["a", None, "ü?"]
    assert again["c"].tolist() == ["x", "y", "x"]
    assert again["o"].tolist() == ["[1]", "{'k': 1}", "1.5"]
    assert again["t"].iloc[2] == pd.Timestamp("2020-01-03")
    assert again["z"].iloc[0] == pd.Timestamp("2019-12-31 22:00")
    assert pd.isna(again["i"].iloc[1])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.none() | st.text(max_size=4) | st.integers() | st.floats() | st.booleans() | st.binary(max_size=3),
        max_size=6,
    )
)
def test_any_objects_are_encoded(cells: list[Any]) -> None:
    again = decode_block(encode_block(pd.DataFrame({"c": pd.Series(cells, dtype=object)})))
    assert len(again) == len(cells)


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_a_compressed_bomb_is_refused_before_it_is_opened(codec: str) -> None:
    with pytest.raises(ContractError, match="compressed"):
        decode_block(stream(pa.table({"a": np.zeros(100_000)}), compression=codec))
    with pytest.raises(ContractError, match="compressed"):
        decode_block(stream(pa.table({"a": pa.array(["x" * 10_000] * 50).dictionary_encode()}), compression=codec))


@pytest.mark.parametrize(
    "array",
    [pa.array([[1]]), pa.array([{"a": 1}]), pa.nulls(1), pa.array([b"x"]), pa.array([1], type=pa.decimal128(9))],
    ids=lambda array: str(array.type),
)
def test_nested_and_odd_types_are_refused(array: pa.Array) -> None:
    with pytest.raises(ContractError, match="type"):
        decode_block(stream(pa.table({"a": array})))


def test_limits_on_rows_columns_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_blocks, "MAX_ROWS", 10)
    body = stream(pa.table({"a": range(11)}))
    with pytest.raises(ContractError, match="11 rows"):
        decode_block(body)
    with pytest.raises(ContractError, match="11 rows"):
        encode_block(pd.DataFrame({"a": range(11)}))
    monkeypatch.setattr(arrow_blocks, "MAX_BYTES", 100)
    with pytest.raises(ContractError, match="bytes"):
        decode_block(body)
    with pytest.raises(ContractError, match="twice"):
        decode_two_columns_of_one_name(monkeypatch)


def decode_two_columns_of_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_blocks, "MAX_BYTES", 10_000)
    decode_block(stream(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])))


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damage_is_a_contract_error_or_harmless(data: st.DataObject) -> None:
    body = bytearray(encode_block(FRAME[["i", "s", "c"]]))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(body[: data.draw(st.integers(0, len(body)))]) if data.draw(st.booleans()) else bytes(body)
    try:
        frame = decode_block(damaged)
    except ContractError:
        return
    assert len(frame) <= arrow_blocks.MAX_ROWS


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(ContractError):
        decode_block(body)
