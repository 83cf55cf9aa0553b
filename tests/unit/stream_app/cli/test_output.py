"""What commands print: JSON that any reader reads, tables that line up."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.cli.output import emit, table

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


def _refuse(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@given(VALUES)
def test_every_result_is_valid_json(value: object) -> None:
    printed: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.echo", printed.append)
        emit(value, True, "")
    assert len(printed) == 1
    json.loads(printed[0], parse_constant=_refuse)


def test_a_figure_that_is_not_finite_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"a": [math.nan, math.inf, 1.5]}, True, "")
    assert json.loads(capsys.readouterr().out) == {"a": [None, None, 1.5]}


def test_columns_line_up() -> None:
    text = table([{"a": "x", "b": 1}, {"a": "long", "b": 22}], ("a", "b"), "none")
    assert text.splitlines() == ["a     b", "x     1", "long  22"]
    assert table([], ("a",), "none") == "none"
