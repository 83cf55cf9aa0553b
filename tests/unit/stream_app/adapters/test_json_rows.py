"""Rows from JSON: what an independent strict parser takes comes out, everything else is set aside without a value."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Column, Contract, Policy, Privacy
from schemas.errors import ContractError
from stream_app.adapters.arrow_blocks import MAX_COLUMNS, decode_block
from stream_app.adapters.json_rows import (
    EMPTY,
    MAX_ROW_BYTES,
    NESTED,
    NO_VALUE,
    NOT_AN_OBJECT,
    NOT_FINITE,
    NOT_JSON,
    REPEATED,
    TOO_LARGE,
    TOO_WIDE,
    UNKNOWN,
    PlainRows,
    RowDecoder,
    Rows,
    TypedRows,
    encode_rows,
)

CONTRACT = Contract(
    dataset="rows",
    columns=(
        Column(name="x", type="number"),
        Column(name="n: °", type="integer"),
        Column(name="c", type="string"),
        Column(name="ok", type="boolean"),
        Column(name="at", type="timestamp", role="time"),
        Column(name="id", type="integer", role="identifier"),
    ),
    policy=Policy(privacy=Privacy(scope="rows", claim="empirical")),
)
TYPED, PLAIN = TypedRows(CONTRACT), PlainRows()
SECRET = "s3cr3t"


def _cells(rows: Rows) -> list[dict[str, Any]]:
    return [
        dict(zip(rows.table.column_names, row, strict=True))
        for row in zip(*rows.table.to_pydict().values(), strict=True)
    ]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", NO_VALUE),
        (b"not json", NOT_JSON),
        (b'{"x":1', NOT_JSON),
        (b'{"x":1} {"x":2}', NOT_JSON),
        (b'{"x":NaN}', NOT_FINITE),
        (b'{"x":Infinity}', NOT_FINITE),
        (b'{"c":"\xff"}', NOT_JSON),
        (b'{"c":"\\ud800"}', NOT_JSON),
        (b'\xef\xbb\xbf{"x":1}', NOT_JSON),
        (b"[" * 100_000, TOO_LARGE),
        (b"[" * 10_000, NOT_AN_OBJECT),
        (b"[1]", NOT_AN_OBJECT),
        (b"null", NOT_AN_OBJECT),
        (b'{"x":1,"x":2}', REPEATED),
        (b'{"x":1,"\\u0078":2}', REPEATED),
        (b'{"x":null,"x":1,"c":"a:b"}', REPEATED),
        (b'{"c":"\\u003a","c":"\\u003a"}', REPEATED),
        (b'{"c":"' + b"y" * MAX_ROW_BYTES + b'"}', TOO_LARGE),
        (b"{}", EMPTY),
    ],
)
def test_what_is_no_row_is_set_aside_with_its_reason(message: bytes, reason: str) -> None:
    good = b'{"x":1}'
    for decoder in (TYPED, PLAIN):
        rows = decoder.decode([good, message, good])
        assert rows.bad == {1: reason}
        assert rows.kept.tolist() == [0, 2]
        assert rows.table["x"].to_pylist() == [1, 1]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ('"x":"s3cr3t"', "column x is not of its type"),
        ('"x":true', "column x is not of its type"),
        ('"x":1e999', "column x is not of its type"),
        ('"x":[1]', "column x is not of its type"),
        ('"n: °":1.5', "column n: ° is not of its type"),
        ('"n: °":9223372036854775808', "column n: ° is not of its type"),
        ('"c":7', "column c is not of its type"),
        ('"c":{"s3cr3t":1}', "column c is not of its type"),
        ('"ok":1', "column ok is not of its type"),
        ('"at":5', "column at is not of its type"),
        ('"at":"s3cr3t"', "column at is not of its type"),
        ('"at":"0000-01-01"', "column at is not of its type"),
        ('"s3cr3t":1', UNKNOWN),
    ],
)
def test_a_wrong_type_names_the_column_and_no_value(cell: str, reason: str) -> None:
    rows = TYPED.decode([f"{{{cell}}}".encode(), b'{"x":2}'])
    assert rows.bad == {0: reason}
    assert rows.table["x"].to_pylist() == [2.0]


def test_rows_become_typed_columns_of_the_watched_roles() -> None:
    messages = [
        '{"x":1,"n: °":-3,"c":"é: 1","ok":true,"at":"2026-03-01T05:00:00Z","id":7}',
        '{"x":null,"at":"2026-03-01T05:00:00+02:00"}',
        '\n{ "c" : "\\u00e9" ,\n "at" : "2026-03-01" }',
    ]
    rows = TYPED.decode([message.encode() for message in messages])
    assert not rows.bad
    assert rows.table.column_names == ["x", "n: °", "c", "ok", "at"]
    assert rows.table["x"].to_pylist() == [1.0, None, None]
    assert rows.table["n: °"].to_pylist() == [-3, None, None]
    assert rows.table["c"].to_pylist() == ["é: 1", None, "é"]
    assert [at.isoformat() for at in rows.table["at"].to_pylist()] == [
        "2026-03-01T05:00:00",
        "2026-03-01T03:00:00",
        "2026-03-01T00:00:00",
    ]
    assert rows.table["ok"].to_pylist() == [True, None, None]


def test_messages_that_only_together_are_rows_are_none() -> None:
    """Two halves of an object, and two objects in one message: as many values as messages, none of them right."""
    messages = [b'{"x":1', b'"n":2}', b'{"x":1}{"x":2}', b'{"x":3}']
    for decoder in (TYPED, PLAIN):
        assert decoder.decode(messages).kept.tolist() == [3]
        assert decoder.decode([b'{"x":1', b',"c":"a"}']).kept.tolist() == []


def test_columns_without_a_contract_have_the_type_of_their_cells() -> None:
    rows = PLAIN.decode([b'{"a":1,"b":1,"c":true,"d":"x"}', b'{"a":2,"b":2.5,"c":null,"d":3,"e":false}'])
    kinds = {name: str(kind) for name, kind in zip(rows.table.column_names, rows.table.schema.types, strict=True)}
    assert kinds == {"a": "int64", "b": "double", "c": "bool", "d": "string", "e": "bool"}
    assert rows.table["d"].to_pylist() == ["x", "3"]
    assert PLAIN.decode([b'{"a":[1]}', b'{"a":{"b":1}}']).bad == {0: NESTED, 1: NESTED}


def test_a_row_that_makes_a_block_too_wide_is_set_aside() -> None:
    wide = json.dumps({f"k{at}": 1 for at in range(MAX_COLUMNS)}).encode()
    rows = PLAIN.decode([b'{"a":1}', wide, b'{"a":2}'])
    assert rows.bad == {1: TOO_WIDE}
    assert rows.table.to_pydict() == {"a": [1, 2]}


def test_a_block_shows_nothing_of_rows_that_were_set_aside() -> None:
    body = encode_rows(TYPED.decode([b'{"c":"good"}', b'{"c":"s3cr3t","at":"never"}']).table)
    assert SECRET.encode() not in body
    assert decode_block(body)["c"].tolist() == ["good"]


# What an independent parser makes of a message: pairs, so that nothing is lost, and no constants that are no JSON.
def _refuse(_: str) -> Any:
    raise ValueError("no JSON")


def _strictly(message: bytes) -> dict[str, Any] | None:
    try:
        text = message.decode("utf-8")
        pairs = json.loads(text, object_pairs_hook=list, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if not isinstance(pairs, list) or not pairs or not all(isinstance(pair, tuple) for pair in pairs):
        return None
    found = dict(pairs)
    values = found.values()
    if len(found) != len(pairs) or any(isinstance(cell, list) for cell in values) or not text.lstrip().startswith("{"):
        return None
    finite = all(math.isfinite(cell) for cell in values if isinstance(cell, float))
    texts = [*found, *(cell for cell in values if isinstance(cell, str))]
    encodable = all(text.encode("utf-8", "ignore").decode() == text for text in texts)
    return found if finite and encodable else None


INT64 = range(-(2**63), 2**63)


def _typed(row: dict[str, Any]) -> bool:
    kinds: dict[str, tuple[type, ...]] = {"x": (int, float), "n: °": (int,), "c": (str,), "ok": (bool,), "id": (int,)}
    return all(
        name in kinds and (cell is None or (type(cell) in kinds[name] and (name == "x" or _small(cell))))
        for name, cell in row.items()
    )


def _small(cell: Any) -> bool:
    return type(cell) is not int or cell in INT64


KEYS = st.sampled_from(["x", "n: °", "c", "ok", "id", "z"])
CELLS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**66), 2**66)
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(st.characters(codec="utf-8"), max_size=6)
    | st.sampled_from([":", "\\", '"', "null", [], {}, [1], {"x": 1}])
)
PAIRS = st.lists(st.tuples(KEYS, CELLS), max_size=7)


def _spelled(pairs: list[tuple[str, Any]], ascii_only: bool, spaces: str) -> bytes:
    inner = f",{spaces}".join(
        f"{json.dumps(key, ensure_ascii=ascii_only)}{spaces}:{spaces}{json.dumps(cell, ensure_ascii=ascii_only)}"
        for key, cell in pairs
    )
    return f"{spaces}{{{inner}}}{spaces}".encode()


SPELLED = st.builds(_spelled, PAIRS, st.booleans(), st.sampled_from(["", "", " ", "\n"]))
BROKEN = st.builds(
    lambda message, at, patch: message[: at % (len(message) + 1)] + patch + message[at % (len(message) + 1) :],
    SPELLED,
    st.integers(0, 200),
    st.sampled_from([b"\\u003a", b"\\", b'"', b",", b":", b"}", b"\n", b"\xff", b"\\ud800", b"0", b"e9", b"\x00"]),
)
MESSAGES = st.lists(SPELLED | BROKEN | st.binary(max_size=20), max_size=8)


@settings(max_examples=120, deadline=None)
@given(MESSAGES)
def test_typed_rows_are_those_that_a_strict_parser_takes(messages: list[bytes]) -> None:
    strict = {at: row for at, message in enumerate(messages) if (row := _strictly(message)) is not None and _typed(row)}
    _compare(TYPED, messages, strict)


@settings(max_examples=120, deadline=None)
@given(MESSAGES)
def test_plain_rows_are_those_that_a_strict_parser_takes(messages: list[bytes]) -> None:
    strict = {
        at: row
        for at, message in enumerate(messages)
        if (row := _strictly(message)) is not None and all(map(_small, row.values()))
    }
    _compare(PLAIN, messages, strict)


def _compare(decoder: RowDecoder, messages: list[bytes], strict: dict[int, dict[str, Any]]) -> None:
    rows = decoder.decode(messages)
    assert rows.kept.tolist() == sorted(strict)
    assert sorted([*rows.kept.tolist(), *rows.bad]) == list(range(len(messages)))
    if decoder is TYPED:
        for place, cells in zip(rows.kept.tolist(), _cells(rows), strict=True):
            sent = strict[place]
            assert cells["x"] == (None if sent.get("x") is None else float(sent["x"]))
            assert [cells[name] for name in ("n: °", "c", "ok")] == [sent.get(name) for name in ("n: °", "c", "ok")]
    if strict:
        assert len(decode_block(encode_rows(rows.table))) == len(strict)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=5), st.booleans())
def test_no_reason_holds_what_was_sent(parts: list[bytes], typed: bool) -> None:
    messages = [b'{"s3cr3t' + part + b'":"s3cr3t"}' for part in parts] + [b's3cr3t{"x":' + part for part in parts]
    for reason in (TYPED if typed else PLAIN).decode(messages).bad.values():
        assert SECRET not in reason


def test_too_many_cells_for_one_table_are_a_contract_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream_app.adapters.json_rows.MAX_CELLS", 3)
    with pytest.raises(ContractError):
        PLAIN.decode([b'{"a":1}', b'{"b":1}'])
    assert PLAIN.decode([b'{"a":1}']).kept.dtype == np.int64
