"""Rows of a batch are the same whether they came as an Arrow block, a JSON array or JSON lines."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.cloudevents import from_message, to_message
from schemas.contract import Column, Contract, Policy, Privacy, Range
from schemas.errors import ContractError
from schemas.events.sources import RecordsObserved
from schemas.table import conform
from stream_app.adapters.arrow_blocks import MAX_BYTES, encode_block
from stream_app.adapters.json_rows import NOT_FINITE
from stream_app.adapters.packing import reader_of
from stream_app.adapters.row_batches import columns_of_rows, rows_of
from stream_app.core.drift.counter import RowCounter
from stream_app.core.drift.reference import build_reference

ROWS = [{"x": 1.5, "n": 1, "c": "é", "ok": True}, {"x": 2.0, "n": 2, "c": None, "ok": False}]


def _event(block: bytes, encoding: str = "json", **more: Any) -> RecordsObserved:
    document = {"event_id": "a", "dataset": "rows", "first_row": 0, "rows": 2, "encoding": encoding}
    return RecordsObserved.model_construct(**document, block=block, operation="insert", **more)


ARRAY = json.dumps(ROWS, indent=1).encode()
LINES = b"\n".join(json.dumps(row).encode() for row in ROWS) + b"\n\n"


@pytest.mark.parametrize(("body", "media_type"), [(ARRAY, "application/json"), (LINES, "application/x-ndjson")])
def test_row_json_reads_as_the_block_of_the_same_rows(body: bytes, media_type: str) -> None:
    block = encode_block(pd.DataFrame(ROWS))
    _, value, headers = to_message(
        RecordsObserved(event_id="a", dataset="rows", first_row=0, rows=2, encoding="json", block=body), "/test"
    )
    assert headers[0] == ("content-type", media_type.encode())
    event = from_message(value, [("content-type", media_type.encode() + b"; charset=utf-8"), *headers[1:]])
    assert isinstance(event, RecordsObserved)
    assert event.encoding == "json"
    pd.testing.assert_frame_equal(rows_of(event), rows_of(_event(block, "arrow")))
    assert columns_of_rows(event).rows == columns_of_rows(_event(block, "arrow")).rows == 2


@pytest.mark.parametrize(
    "body",
    [b"[", b"[1]", b"[{}]", b'[{"s3cr3t":1,"s3cr3t":2}]', b'{"a":NaN}', b"5", b'{"s3cr3t":1} {"a":2}', b"[]x",
     b"[" + b"0," * 100_000 + b"0]", b" " * (MAX_BYTES + 1)],
)  # fmt: skip
def test_a_batch_with_a_bad_row_is_a_contract_error_without_a_value(body: bytes) -> None:
    with pytest.raises(ContractError) as refused:
        rows_of(_event(body))
    assert "s3cr3t" not in str(refused.value)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=40) | st.builds(lambda a, b: a + b, st.sampled_from([ARRAY, LINES]), st.binary(max_size=4)))
def test_any_body_is_rows_or_a_contract_error(body: bytes) -> None:
    try:
        frame = rows_of(_event(body))
    except ContractError:
        return
    assert len(frame) == columns_of_rows(_event(body)).rows


def test_where_rows_come_from_travels_along_or_is_left_out() -> None:
    plain = RecordsObserved(event_id="a", dataset="rows", first_row=0, rows=0, block=b"")
    assert not {"origin", "firstoffset", "lastoffset"} & set(plain.extensions())
    packed = plain.model_copy(update={"origin": "trips/3", "first_offset": 5, "last_offset": 9})
    _, value, headers = to_message(packed, "/test")
    assert dict(headers)["ce_origin"] == b"trips/3"
    assert from_message(value, headers) == packed
    without = [(name, text) for name, text in headers if name != "ce_lastoffset"]
    for defect in (without, [(n, b"4" if n == "ce_lastoffset" else v) for n, v in headers]):
        with pytest.raises(ContractError):
            from_message(value, defect)


# Numbers that are none

X = Contract(
    dataset="d",
    columns=(
        Column(name="x", type="number", domain=Range(lower=-9, upper=9, resolution=0.1)),
        Column(name="wide", type="number"),
        Column(name="n", type="integer"),
        Column(name="day", type="timestamp"),
    ),
    policy=Policy(privacy=Privacy(scope="d")),
)


def _numbers(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    day = pd.Timestamp("2024-05-01") + pd.to_timedelta(random.integers(0, 99, rows), "D")
    return pd.DataFrame(
        {
            "x": random.standard_normal(rows).round(3),
            "wide": random.standard_normal(rows).round(3),
            "n": 1.0 + np.arange(rows) % 7,
            "day": day,
        }
    )


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none_is_a_missing_cell_of_an_arrow_block_wherever_it_is_read(odd: float) -> None:
    counter = RowCounter(build_reference(_numbers(2_000, 1), X), X, b"a secret of thirty-two bytes' len")
    frame = _numbers(400, 2)
    frame.loc[::3, ["x", "wide", "n"]] = odd
    event = _event(encode_block(frame), "arrow")
    missing = frame.replace([np.nan, np.inf, -np.inf], None)
    plain = missing.assign(day=missing["day"].astype(str)).to_json(orient="records", lines=True).encode()
    assert b"null" in plain
    for other in (
        _event(encode_block(missing.astype({"x": float, "wide": float, "n": float})), "arrow"),
        _event(plain),
    ):
        one, two = (counter.count(columns_of_rows(each)) for each in (event, other))
        assert one.misfit == two.misfit == ((), (), ())
        assert [block.counts.tolist() for block in one.blocks] == [block.counts.tolist() for block in two.blocks]
        assert (one.train.tolist(), one.held.tolist()) == (two.train.tolist(), two.held.tolist())
        tables = [conform(rows_of(each), X).table for each in (event, other)]
        pd.testing.assert_frame_equal(*tables)


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("body", ['[{"x":1},{"x":%s}]', '{"x":1}\n{"x":%s}'], ids=["array", "lines"])
def test_a_number_that_json_does_not_have_is_refused_with_what_to_write(odd: str, body: str) -> None:
    with pytest.raises(ContractError, match="NaN or an infinity, which JSON does not have: write null"):
        rows_of(_event((body % odd).encode()))
    rows_of(_event((body % f'"{odd}"').encode()))


@pytest.mark.parametrize("debezium", [False, True])
def test_a_packed_row_with_such_a_number_is_a_dead_letter_with_that_reason(debezium: bool) -> None:
    row = '{"op":"c","after":{"wide":%s}}' if debezium else '{"wide":%s}'
    changes = reader_of(X, debezium)([(row % cell).encode() for cell in ("1", "NaN", "-Infinity", "null")])
    assert changes.bad == {1: NOT_FINITE, 2: NOT_FINITE}
    assert changes.inserts["wide"].to_pylist() == [1.0, None]
