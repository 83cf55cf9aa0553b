"""Frames as arrays of cells, typed as a contract or as bins want them."""

import numpy as np
import pandas as pd

from schemas.contract import Column, Contract, Policy, Privacy
from stream_app.core.drift.coding.bins import ColumnBins
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
