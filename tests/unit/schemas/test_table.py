"""Conforming: any table becomes a typed one, every change is counted, and no cell value is told."""

import datetime as dt
import io
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.cells import DTYPES, typed
from schemas.contract import (
    Categories,
    Column,
    Constraint,
    Contract,
    Dependency,
    LogicalType,
    Policy,
    Privacy,
    Range,
)
from schemas.table import OTHER, conform, encode_parquet

KINDS: tuple[LogicalType, ...] = ("integer", "number", "string", "boolean", "date", "timestamp")
CELL = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=4),
    st.dates(),
    st.datetimes(),
    st.decimals(allow_nan=True),
    st.just(pd.NaT),
    st.just(pd.NA),
    st.just(np.float32("nan")),
    st.just(np.datetime64("NaT")),
    st.lists(st.integers(), max_size=2),
    st.complex_numbers(),
    st.just(pd.Timestamp("2020-01-01", tz="Europe/Berlin")),
    st.sampled_from(
        ["12", " 3.5 ", "1e400", "true", "2020-02-30", "2020-02-29T10:00:00+02:00", "\ud800", "now", "may"]
    ),
)


def contract(*columns: Column, **policy: Any) -> Contract:
    return Contract(dataset="d", columns=columns, policy=Policy(privacy=Privacy(scope="s"), **policy))


def one(kind: LogicalType, cells: Any, **column: Any) -> tuple[list[Any], dict[str, int]]:
    found = conform(pd.DataFrame({"c": cells}), contract(Column(name="c", type=kind, **column)))
    assert str(found.table["c"].dtype) == DTYPES[kind]
    return [None if pd.isna(value) else value for value in found.table["c"]], {
        item.kind: item.count for item in found.violations
    }


@settings(max_examples=200, deadline=None)
@given(st.lists(CELL, max_size=8), st.sampled_from(KINDS))
def test_any_cells_are_typed_and_encoded_and_typing_twice_changes_nothing(cells: list[Any], kind: LogicalType) -> None:
    series = pd.Series(cells, dtype=object)
    first = conform(pd.DataFrame({"c": series}), contract(Column(name="c", type=kind)))
    assert str(first.table["c"].dtype) == DTYPES[kind]
    assert len(first.table) == len(cells)
    again = conform(first.table, contract(Column(name="c", type=kind)))
    pd.testing.assert_frame_equal(first.table, again.table)
    assert again.violations == ()
    assert len(pq.read_table(io.BytesIO(encode_parquet(first.table)))) == len(cells)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "series",
    [
        pd.Series(["1", "0", None], dtype="category"),
        pd.Series([1, None], dtype="Int8"),
        pd.Series([2**63 + 1, 1], dtype="uint64"),
        pd.Series([1, None], dtype=pd.ArrowDtype(pa.int32())),
        pd.Series([Decimal("1.5"), None], dtype=pd.ArrowDtype(pa.decimal128(9, 2))),
        pd.Series(["a", None], dtype="string"),
        pd.Series([1 + 2j]),
        pd.Series([pd.Timestamp("2020", tz="UTC")]),
        pd.Series([pd.Timedelta("1s")]),
        pd.Series([], dtype=float),
        pd.Series([True, None], dtype="boolean"),
        pd.Series(pd.arrays.SparseArray(np.array([1, 0]))),
        pd.Series(pd.period_range("2020", periods=2, freq="M")),
        pd.Series(pd.interval_range(0, 2)),
        pd.Series([1.5, np.inf], dtype="float16"),
        pd.Series(np.array(["2020-01-01", "300000-01-01"], dtype="datetime64[s]")),
        pd.Series([dt.date(2020, 1, 1)], dtype=pd.ArrowDtype(pa.date32())),
    ],
    ids=lambda series: str(series.dtype),
)
def test_every_dtype_is_understood_or_counted(series: "pd.Series[Any]", kind: LogicalType) -> None:
    values, bad = typed(series, kind)
    assert str(values.dtype) == DTYPES[kind]
    assert (values.isna() == (series.isna() | bad)).all()


def test_integers_are_exact_and_fractions_are_violations() -> None:
    large = 2**60 + 1
    assert one("integer", [large, str(large), "7", 8.0, True, 1.5, 2**63, "1_0"]) == (
        [large, large, 7, 8, 1, None, None, None],
        {"type": 3},
    )


def test_numbers_lose_infinities_with_a_violation() -> None:
    assert one("number", [1, "2.5", np.inf, "inf", None, "", "x", Decimal("0.5")]) == (
        [1, 2.5, None, None, None, None, None, 0.5],
        {"type": 3},
    )


def test_booleans_as_text_and_numbers() -> None:
    assert one("boolean", ["Yes", "f", 1, 0.0, True, "maybe", 2, None]) == (
        [True, False, True, False, True, None, None, None],
        {"type": 2},
    )


def test_text_of_whole_floats_has_no_decimal_point() -> None:
    assert one("string", [10118.0, 5, "x", None, b"\xff", [1]]) == (["10118", "5", "x", None, None, None], {"type": 2})


def test_times_become_naive_utc_and_numbers_are_no_times() -> None:
    zone = dt.timezone(dt.timedelta(hours=-5))
    cells = [
        dt.datetime(2020, 1, 1, tzinfo=zone),
        "2020-01-01T00:00:00-05:00",
        dt.date(2020, 1, 2),
        "12/31/2019 10:00",
        5,
        "now",
        "9999-12-31",
    ]
    stamps, counts = one("timestamp", pd.Series(cells, dtype=object))
    assert stamps == [
        pd.Timestamp("2020-01-01 05:00"),
        pd.Timestamp("2020-01-01 05:00"),
        pd.Timestamp("2020-01-02"),
        pd.Timestamp("2019-12-31 10:00"),
        None,
        None,
        dt.datetime(9999, 12, 31),
    ]
    assert counts == {"type": 2}
    assert one("date", ["2020-01-01T23:59:59"])[0] == [pd.Timestamp("2020-01-01")]


def test_categories_outside_become_missing_or_other() -> None:
    assert one("string", ["a", "z", None], domain=Categories(values=("a", "b"))) == (["a", None, None], {"domain": 1})
    assert one("string", ["a", "z", None], domain=Categories(values=("a",), other=True)) == (["a", OTHER, None], {})
    assert one("integer", ["1", 9], domain=Categories(values=(1, 2))) == ([1, None], {"domain": 1})
    assert one("date", ["2020-01-01", "2021-01-01"], domain=Categories(values=("2020-01-01",)))[1] == {"domain": 1}


def test_ranges_clip_inwards_and_count() -> None:
    assert one("integer", [0, 2, 9, None], domain=Range(lower=1.5, upper=3.5, resolution=1)) == (
        [2, 2, 3, None],
        {"domain": 2},
    )
    assert one("number", [-1.0, 0.5], domain=Range(lower=0, upper=1, resolution=0.1)) == ([0.0, 0.5], {"domain": 1})
    stamps, counts = one("timestamp", ["1969-12-31", "1970-01-02"], domain=Range(lower=0, upper=86_400, resolution=1))
    assert stamps == [pd.Timestamp("1970-01-01"), pd.Timestamp("1970-01-02")]
    assert counts == {"domain": 1}


def test_required_counts_what_was_missing_on_arrival_and_unique_what_repeats() -> None:
    assert one("integer", [1, 1, None, "x"], required=True, unique=True) == (
        [1, 1, None, None],
        {"type": 1, "required": 1, "unique": 1},
    )


def test_columns_are_found_by_role_in_order_and_missing_ones_are_told() -> None:
    wanted = contract(
        Column(name="b", type="integer"),
        Column(name="gone", type="string"),
        Column(name="key", type="string", role="entity"),
    )
    frame = pd.DataFrame([[1, "x", 2, "y"]], columns=["b", "key", "b", "extra"], index=[7])
    found = conform(frame, wanted)
    assert list(found.table.columns) == ["b", "gone"]
    assert list(found.table.index) == [0]
    assert {(item.column, item.kind) for item in found.violations} == {("b", "type"), ("gone", "missing_column")}
    assert list(conform(frame, wanted, roles=("entity",)).table.columns) == ["key"]


def test_constraints_and_dependencies_count_rows_that_have_all_columns() -> None:
    frame = pd.DataFrame(
        {
            "low": [1, 2, None, 4],
            "high": [2, 1, 0, 5],
            "day": pd.to_datetime(["2020-01-01"] * 4),
            "name": ["a", "a", "b", None],
        }
    )
    rules = contract(
        Column(name="low", type="integer"),
        Column(name="high", type="integer"),
        Column(name="day", type="date"),
        Column(name="name", type="string"),
        constraints=(
            Constraint(left="low", operator="<=", right="high"),
            Constraint(left="day", operator="<", constant=0),
            Constraint(left="name", operator="<", right="low"),
        ),
        dependencies=(Dependency(determinants=("name",), dependent="low", table=(("a", 1), ("b", 2))),),
    )
    assert [(item.column, item.kind, item.count) for item in conform(frame, rules).violations] == [
        ("low", "constraint", 1),
        ("day", "constraint", 4),
        ("name", "constraint", 2),
        ("low", "dependency", 1),
    ]


def test_no_message_holds_a_cell() -> None:
    frame = pd.DataFrame({"c": ["hunter2", "hunter2", None]})
    for kind in KINDS:
        found = conform(
            frame, contract(Column(name="c", type=kind, required=True, unique=True, domain=Categories(values=("x",))))
        )
        assert found.violations
        assert all("hunter2" not in item.message for item in found.violations)
        assert all(item.count > 0 for item in found.violations)


def test_parquet_bytes_are_the_same_for_equal_tables_and_hold_no_metadata() -> None:
    table = conform(
        pd.DataFrame({"a": [1, None], "s": [None, None], "t": ["2020-01-01", None]}),
        contract(Column(name="a", type="integer"), Column(name="s", type="string"), Column(name="t", type="timestamp")),
    ).table
    body = encode_parquet(table)
    assert body == encode_parquet(table.copy(deep=True))
    schema = pq.read_schema(io.BytesIO(body))
    assert schema.metadata is None
    assert [str(field.type) for field in schema] == ["int64", "string", "timestamp[us]"]


def test_the_usual_signs_for_a_missing_number_are_missing_and_no_fault() -> None:
    cells = pd.Series(["1.5", "NaN", " nan ", "NA", "null", "-", "north", "inf"], dtype=object)
    for kind in ("number", "integer"):
        values, bad = typed(cells, kind)
        assert values.isna().tolist() == [kind == "integer", *[True] * 7]
        assert bad.tolist() == [kind == "integer", *[False] * 5, True, True]
    assert typed(cells, "string")[0].tolist() == cells.tolist()
