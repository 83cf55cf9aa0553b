"""Frames as arrays of cells, typed as a contract or as bins want them."""

import sys

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Column, Contract, Policy, Privacy
from stream_app.core.drift.coding.bins import ColumnBins, as_texts
from stream_app.core.drift.coding.cells import Numbers, Words, columns_of

COLUMNS = (
    Column(name="age", type="integer"),
    Column(name="city", type="string"),
    Column(name="day", type="date"),
    Column(name="member", type="boolean"),
)
CONTRACT = Contract(dataset="people", columns=COLUMNS, policy=Policy(privacy=Privacy(scope="people")))
FRAME = pd.DataFrame(
    {
        "age": ["31", None, "about 40"],
        "city": pd.Series(["b", "a", None], dtype="category"),
        "day": ["1970-01-02T23:00", "", "soon"],
        "member": [1, 0, 7],
        "unnamed": [object()] * 3,
    }
)


def test_a_contract_types_its_modelled_columns() -> None:
    columns = columns_of(FRAME, CONTRACT)
    assert columns.rows == 3
    assert list(columns.cells) == ["age", "city", "day", "member"]
    age, city, day, member = columns.cells.values()
    assert isinstance(age, Numbers)
    assert isinstance(city, Words)
    assert isinstance(day, Numbers)
    assert isinstance(member, Words)
    np.testing.assert_array_equal(age.values, [31, np.nan, np.nan])
    np.testing.assert_array_equal(day.values, [86_400, np.nan, np.nan])
    assert [*city.indices] == [0, 1, -1]
    assert city.values == ("b", "a")
    assert [*member.indices] == [0, 1, -1]
    assert member.values == ("True", "False")


def test_bins_say_whether_a_type_is_counted_as_numbers_or_as_words() -> None:
    frame = pd.DataFrame([[1, 2], [3, 4]], columns=["n", "n"])
    words = columns_of(frame, (ColumnBins("n", "integer", "categorical", values=("1",)),)).cells["n"]
    assert isinstance(words, Words)
    assert words.values == ("1", "3")
    numbers = columns_of(frame, (ColumnBins("n", "integer", "numeric"),)).cells["n"]
    assert isinstance(numbers, Numbers)
    assert numbers.values.tolist() == [1, 3]


def test_columns_that_stand_side_by_side_are_taken_as_they_would_be_alone() -> None:
    """Floats beside floats, words beside words, and among them cells that have no hash or are no words."""
    frame = pd.DataFrame(
        {
            "a": [1.5, np.nan, np.inf],
            "b": [0.0, -1.0, 2.0],
            "c": ["x", None, "y"],
            "d": ["x", ["unhashable"], "x"],
            "e": ["x", 1, True],
        }
    )
    bins = (
        *(ColumnBins(name, "number", "numeric") for name in "ab"),
        *(ColumnBins(name, "string", "categorical", values=("x",)) for name in "cde"),
    )
    together = columns_of(frame, bins)
    for name in frame:
        one, other = together.cells[name], columns_of(frame[[name]], bins).cells[name]
        if isinstance(one, Numbers):
            assert isinstance(other, Numbers)
            np.testing.assert_array_equal(one.values, other.values)
        else:
            assert isinstance(other, Words)
            assert ([*one.indices], one.values) == ([*other.indices], other.values)
    words = together.cells["c"]
    assert isinstance(words, Words)
    assert ([*words.indices], words.values) == ([0, -1, 1], ("x", "y"))


WORDS = (ColumnBins("c", "string", "categorical", values=("x",)),)
OTHERS = {
    "missing cells": ["x", None, float("nan"), "y", "x"],
    "equal words that are not one object": ["".join(["a", "b"]), "ab", "".join(["a", "b"]), "c", None],
    "nothing but missing cells": [None, None],
    "no rows": [],
    "a zero byte": ["", "\0", "a\0b", "a\0c", "a", ""],
    "numbers among words": ["x", 1, True, 1.5, "1"],
    "other missing cells": ["x", pd.NA, pd.NaT, "y"],
    "more words than are told apart": [f"w{number % 700}" for number in range(1_500)],
}


@pytest.mark.parametrize("cells", OTHERS.values(), ids=OTHERS.keys())
def test_words_are_those_that_a_dictionary_would_find(cells: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    frame = pd.DataFrame({"c": pd.Series(cells, dtype=object)})
    texts = [cell if isinstance(cell, str) else None for cell in as_texts(frame["c"], "string")]
    places: dict[str, int] = {}
    expected = [-1 if text is None else places.setdefault(text, len(places)) for text in texts]
    for loaded in (True, False):
        with monkeypatch.context() as patch:
            if not loaded:
                patch.delitem(sys.modules, "numba")
            words = columns_of(frame, WORDS).cells["c"]
        assert isinstance(words, Words)
        assert words.indices.dtype == np.int32
        assert (words.indices.tolist(), words.values) == (expected, tuple(places))


def test_many_columns_are_taken_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    frame = pd.DataFrame({f"n{place}": random.standard_normal(6) for place in range(9)})
    for place in range(4):
        frame.insert(2 * place, f"c{place}", np.array(["x", "y", None, "x", "z", "x"], dtype=object))
    frame["whole"] = [1, 2, 3, 4, 5, 6]
    bins = tuple(
        ColumnBins(name, "string", "categorical") if name[0] == "c" else ColumnBins(name, "number", "numeric")
        for name in frame
    )
    found = columns_of(frame, bins)
    monkeypatch.setattr(pd.DataFrame, "_iter_column_arrays", None)
    for name, cells in columns_of(frame, bins).cells.items():
        own = found.cells[name]
        if isinstance(cells, Numbers):
            assert isinstance(own, Numbers)
            np.testing.assert_array_equal(own.values, cells.values)
            np.testing.assert_array_equal(own.values, frame[name])
        else:
            assert isinstance(own, Words)
            assert (own.indices.tolist(), own.values) == (cells.indices.tolist(), cells.values)
            assert own.indices.tolist() == [0, 1, -1, 0, 2, 0]
