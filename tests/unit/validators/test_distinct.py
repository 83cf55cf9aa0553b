"""Different cells against pandas."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validators.distinct import LOOKED_AT, Distinct, most_frequent

CELLS = st.lists(
    st.sampled_from(["a", "b", "", "long text", None, np.nan, pd.NA, True, False, 1, 0, 1.0, 10**20]) | st.text("xy"),
    max_size=80,
)


def objects(cells: list[object]) -> np.ndarray:
    found = np.empty(len(cells), dtype=object)
    found[:] = cells
    return found


@settings(max_examples=200, deadline=None)
@given(CELLS, st.sampled_from([1, 3, 40]), st.booleans())
def test_cells_are_told_apart_as_by_pandas(cells: list[object], times: int, copied: bool) -> None:
    # Text that is equal but another object; repeated, so that either way of telling cells apart is taken.
    repeated = [("".join(list(cell)) if copied and isinstance(cell, str) else cell) for cell in cells * times]
    codes, values = pd.factorize(objects(repeated))
    found = Distinct.of(objects(repeated))
    assert found.values.tolist() == list(values)
    np.testing.assert_array_equal(found.places, np.where(codes < 0, len(values), codes))
    np.testing.assert_array_equal(found.counts, np.bincount(codes[codes >= 0], minlength=len(values)))


def test_objects_that_first_appear_late_are_found() -> None:
    cells = objects(["a"] * (20 * LOOKED_AT) + ["b", None, "b", "c"])
    found = Distinct.of(cells)
    assert found.values.tolist() == ["a", "b", "c"]
    assert found.places[-4:].tolist() == [1, 3, 1, 2]
    assert found.counts.tolist() == [20 * LOOKED_AT, 2, 1]


def test_a_strided_column_is_read_as_it_is() -> None:
    cells = objects(["a", "b"] * 2_000)[::2]
    assert Distinct.of(cells).counts.tolist() == [2_000]


@settings(max_examples=100, deadline=None)
@given(CELLS, CELLS, st.integers(1, 5))
def test_the_most_frequent_are_those_that_pandas_counts(left: list[object], right: list[object], kept: int) -> None:
    joined = pd.Series(objects(left + right), dtype=object)
    expected = joined.value_counts(sort=False).sort_values(ascending=False, kind="stable").index[:kept]
    found = most_frequent([Distinct.of(objects(left)), Distinct.of(objects(right))], kept)
    assert list(found) == list(expected)


@pytest.mark.parametrize("times", [1, 3 * LOOKED_AT])
def test_texts_are_told_apart_behind_a_zero_byte(times: int) -> None:
    found = Distinct.of(objects(["a\0b", "a\0c", "a", "a\0b"] * times))
    assert found.values.tolist() == ["a\0b", "a\0c", "a"]
    assert found.counts.tolist() == [2 * times, times, times]
    assert most_frequent([found, Distinct.of(objects(["a\0c"] * (times + 1)))], 2).tolist() == ["a\0c", "a\0b"]
