"""Change events: rows that come and go, units of the schema, and nothing but rows or reasons for whatever comes."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Column, Contract, Policy, Privacy
from stream_app.adapters.debezium import (
    MAX_EVENT_BYTES,
    NO_AFTER,
    NO_CHANGE,
    NO_OP,
    TRUNCATED,
    UNKNOWN_OP,
    ChangeEvents,
    Changes,
)
from stream_app.adapters.drifting_rows import DriftingRows
from stream_app.adapters.json_rows import NOT_JSON, REPEATED, PlainRows, TypedRows

CONTRACT = Contract(
    dataset="orders",
    columns=(
        Column(name="id", type="integer", role="identifier", unique=True),
        Column(name="price", type="number"),
        Column(name="note", type="string"),
        Column(name="day", type="date"),
        Column(name="at", type="timestamp", role="time"),
    ),
    policy=Policy(privacy=Privacy(scope="orders", claim="empirical")),
)
EVENTS = ChangeEvents(TypedRows(CONTRACT), CONTRACT)
FULL = "a change without a whole image of the row before: set REPLICA IDENTITY FULL"


def _change(
    op: str, before: Any = None, after: Any = None, connector: str = "postgresql", **more: Any
) -> dict[str, Any]:
    source = {
        "version": "3.0.0.Final",
        "connector": connector,
        "schema": "public",
        "table": "orders",
        "snapshot": "false",
    }
    return {"before": before, "after": after, "source": source, "op": op, "ts_ms": 1, "transaction": None} | more


def _decoded(*events: Any, decoder: ChangeEvents = EVENTS) -> Changes:
    return decoder.decode([event if isinstance(event, bytes) else json.dumps(event).encode() for event in events])


def _prices(changes: Changes) -> tuple[list[Any], list[Any]]:
    gone = [] if changes.deletes is None else changes.deletes["price"].to_pylist()
    return changes.inserts["price"].to_pylist(), gone


def _order(price: float | None, note: str | None = "a") -> dict[str, Any]:
    return {"id": 1, "price": price, "note": note}


def _schema(*columns: dict[str, Any]) -> dict[str, Any]:
    images = [{"type": "struct", "field": image, "fields": list(columns)} for image in ("before", "after")]
    return {"type": "struct", "name": "orders.Envelope", "fields": [*images, {"type": "string", "field": "op"}]}


def test_creates_reads_updates_and_deletes_become_inserts_and_deletes() -> None:
    changes = _decoded(
        _change("c", after=_order(1)),
        _change("r", after=_order(2)),
        _change("u", before=_order(1), after=_order(3)),
        _change("d", before=_order(2)),
        b"",
        {"schema": None, "payload": _change("c", after=_order(4))},
        {"schema": None, "payload": None},
    )
    assert not changes.bad
    assert _prices(changes) == ([1, 2, 3, 4], [1, 2])


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (_change("t"), TRUNCATED),
        (_change("m"), UNKNOWN_OP),
        (_change("s3cr3t", after=_order(1)), UNKNOWN_OP),
        (_change("c"), NO_AFTER),
        (_change("d"), FULL),
        (_change("u", after=_order(1)), FULL),
        (_change("d", before={"id": 1, "price": None, "note": None}), FULL),
        (_change("d", connector="mysql"), FULL.replace("REPLICA IDENTITY FULL", "binlog_row_image=FULL")),
        (_change("c", after=_order(1, "__debezium_unavailable_value")), FULL),
        ({"price": 1}, NO_OP),
        ([1], NO_CHANGE),
        (_change("c", after=[1]), "not a JSON object"),
        (_change("c", after={"price": "s3cr3t"}), "column price is not of its type"),
        (_change("u", before={"price": "s3cr3t"}, after=_order(1)), "column price is not of its type"),
        (_change("u", before=_order(1), after={"price": "s3cr3t"}), "column price is not of its type"),
        (b"s3cr3t", NOT_JSON),
        (b'{"op":"c","after":{"price":1},"after":{"price":2}}', REPEATED),
        (b'{"op":"c","after":{"price":1},"\\u0061fter":{"price":2}}', REPEATED),
        (b'{"op":"c","after":{"price":1,"price":2}}', REPEATED),
        (
            b'{"op":"c","after":{"price":1}' + b" " * MAX_EVENT_BYTES + b"}",
            f"a change event of more than {MAX_EVENT_BYTES} bytes",
        ),
        (
            {"schema": {"fields": 5}, "payload": _change("c", after=_order(1))},
            "the schema of a change event cannot be read",
        ),
    ],
)
def test_what_cannot_be_taken_is_refused_whole(event: Any, reason: str) -> None:
    changes = _decoded(_change("c", after=_order(7)), event, _change("d", before=_order(8)))
    assert changes.bad == {1: reason}
    assert _prices(changes) == ([7], [8])


def test_a_large_value_left_out_of_an_update_is_the_one_before() -> None:
    changes = _decoded(_change("u", before=_order(1, "long"), after=_order(2, "__debezium_unavailable_value")))
    assert changes.inserts["note"].to_pylist() == ["long"]


@pytest.mark.parametrize(
    ("name", "parameters", "cell", "expected"),
    [
        ("io.debezium.time.Date", {}, 19_782, "2024-02-29T00:00:00"),
        ("org.apache.kafka.connect.data.Date", {}, -1, "1969-12-31T00:00:00"),
        ("io.debezium.time.Timestamp", {}, 1_700_000_000_123, "2023-11-14T22:13:20.123000"),
        ("org.apache.kafka.connect.data.Timestamp", {}, -1, "1969-12-31T23:59:59.999000"),
        ("io.debezium.time.MicroTimestamp", {}, 1_700_000_000_123_456, "2023-11-14T22:13:20.123456"),
        ("io.debezium.time.NanoTimestamp", {}, 1_700_000_000_123_456_789, "2023-11-14T22:13:20.123456"),
        ("io.debezium.time.ZonedTimestamp", {}, "2023-11-14T23:13:20.5+01:00", "2023-11-14T22:13:20.500000"),
    ],
)  # fmt: skip
def test_times_are_converted_by_their_schema(name: str, parameters: dict[str, str], cell: Any, expected: str) -> None:
    schema = _schema({"field": "at", "type": "int64", "name": name, "parameters": parameters})
    changes = _decoded({"schema": schema, "payload": _change("c", after={"at": cell, "price": 1})})
    assert not changes.bad
    assert [at.isoformat() for at in changes.inserts["at"].to_pylist()] == [expected]


@given(st.integers(-(10**17), 10**17), st.integers(0, 12))
def test_decimals_are_converted_by_their_scale(unscaled: int, scale: int) -> None:
    cell = base64.b64encode(unscaled.to_bytes(9, "big", signed=True)).decode()
    schema = _schema(
        {
            "field": "price",
            "type": "bytes",
            "name": "org.apache.kafka.connect.data.Decimal",
            "parameters": {"scale": str(scale)},
        }
    )
    changes = _decoded({"schema": schema, "payload": _change("d", before={"price": cell, "note": "a"})})
    assert _prices(changes) == ([], [pytest.approx(unscaled / 10**scale, rel=1e-15)])
    variable = {"scale": scale, "value": cell}
    schema = _schema({"field": "price", "type": "struct", "name": "io.debezium.data.VariableScaleDecimal"})
    changes = _decoded({"schema": schema, "payload": _change("c", after={"price": variable})})
    assert _prices(changes) == ([pytest.approx(unscaled / 10**scale, rel=1e-15)], [])


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("io.debezium.time.Date", 10**12),
        ("io.debezium.time.Date", "x"),
        ("io.debezium.time.MicroTimestamp", 2**70),
        ("io.debezium.time.ZonedTimestamp", "x"),
        ("org.apache.kafka.connect.data.Decimal", "?"),
        ("org.apache.kafka.connect.data.Decimal", "f" * 2000),
        ("io.debezium.data.VariableScaleDecimal", {"scale": 10**9, "value": "fw=="}),
    ],
)
def test_cells_that_are_not_what_their_schema_says_are_refused(name: str, cell: Any) -> None:
    schema = _schema({"field": "at", "name": name, "parameters": {"scale": "2"}})
    changes = _decoded({"schema": schema, "payload": _change("c", after={"at": cell})})
    assert changes.bad == {0: "a date, time or decimal is not what the schema says"}


def test_without_a_contract_columns_are_taken_as_they_come() -> None:
    changes = _decoded(_change("c", after={"a": 1, "b": "x"}), decoder=ChangeEvents(PlainRows()))
    assert changes.inserts.to_pydict() == {"a": [1], "b": ["x"]}


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["fw==", "t"])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
IMAGES = (
    st.none() | st.dictionaries(st.sampled_from(["id", "price", "note", "day", "at", "zz"]), JSON, max_size=5) | JSON
)
COLUMNS = st.fixed_dictionaries(
    {
        "field": st.sampled_from(["price", "day", "at"]) | JSON,
        "name": st.sampled_from(
            ["io.debezium.time.Date", "io.debezium.time.MicroTimestamp", "org.apache.kafka.connect.data.Decimal",
             "io.debezium.time.ZonedTimestamp", "io.debezium.data.VariableScaleDecimal"]
        ) | JSON,
        "parameters": st.fixed_dictionaries({"scale": st.sampled_from(["2", "-3", "x"])}) | JSON,
    }
)  # fmt: skip
CHANGES = st.builds(_change, st.sampled_from(["c", "r", "u", "d", "t", "x"]), IMAGES, IMAGES) | st.dictionaries(
    st.sampled_from(["op", "before", "after", "source", "payload", "schema"]), JSON, max_size=4
)
ENVELOPES = st.builds(
    lambda columns, payload: {"schema": _schema(*columns), "payload": payload},
    st.lists(COLUMNS, max_size=3),
    CHANGES | JSON,
)
MESSAGES = (CHANGES | ENVELOPES | JSON).map(lambda event: json.dumps(event).encode()) | st.binary(max_size=30)
BROKEN = st.builds(lambda body, at: body[: at % (len(body) + 1)], MESSAGES, st.integers(0, 500))


@settings(max_examples=120, deadline=None)
@given(st.lists(MESSAGES | BROKEN, max_size=5), st.booleans())
def test_whatever_comes_is_rows_or_reasons(messages: list[bytes], typed: bool) -> None:
    decoder = EVENTS if typed else ChangeEvents(PlainRows())
    changes = decoder.decode(messages)
    gone = 0 if changes.deletes is None else changes.deletes.num_rows
    assert set(changes.bad) <= set(range(len(messages)))
    assert changes.inserts.num_rows + gone <= 2 * (len(messages) - len(changes.bad))
    alone = [decoder.decode([message]) for message in messages]
    assert [at for at, one in enumerate(alone) if one.bad] == sorted(changes.bad)


def test_further_columns_of_an_image_are_named_in_what_came_and_taken_out_of_what_went() -> None:
    row = {"id": 1, "price": 2.5, "note": "n", "day": None, "at": None}
    decoder = ChangeEvents(DriftingRows(CONTRACT), CONTRACT)
    found = _decoded(_change("u", row | {"new": 1}, row | {"new": 2}), decoder=decoder)
    assert (found.bad, found.deletes is None) == ({}, False)
    assert found.inserts.column_names == ["price", "note", "day", "at", "new"]
    assert found.inserts["new"].null_count == 1
    assert found.deletes is not None
    assert found.deletes.column_names == ["price", "note", "day", "at"]
