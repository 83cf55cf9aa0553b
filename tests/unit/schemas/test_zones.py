import datetime as dt
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.zones import doubtful_zones

BERLIN = dt.timezone(dt.timedelta(hours=1))


@pytest.mark.parametrize(
    ("cells", "doubtful"),
    [
        (["2020-01-01T10:00:00", "2020-01-01 11:00"], 0),
        (["2020-01-01T10:00:00Z", "2020-01-01T10:00:00+00:00", "2020-01-01 10:00:00.5 UTC"], 0),
        (["2020-01-01T10:00:00Z", "2020-01-01T10:00:00"], 1),
        (["2020-01-01T10:00:00+02:00", "2020-01-01T10:00:00+0200", "2020-01-01T10:00:00+00:00"], 2),
        (["2020-01-01T10:00:00+02:00", "2020-01-01T10:00:00", "2020-01-01"], 2),
        (["2020-01-01", "2021-01-01", None, 5, "soon"], 0),
        ([dt.datetime(2020, 1, 1, tzinfo=BERLIN), dt.datetime(2020, 1, 1)], 2),
        ([dt.datetime(2020, 1, 1, tzinfo=dt.UTC), pd.NaT], 0),
    ],
)
def test_cells(cells: list[Any], doubtful: int) -> None:
    assert doubtful_zones(pd.Series(cells, dtype=object)) == doubtful


def test_typed_columns() -> None:
    days = pd.Series(pd.to_datetime(["2020-01-01", "2020-07-01", None]))
    assert doubtful_zones(days) == 0
    assert doubtful_zones(days.dt.tz_localize("UTC")) == 0
    assert doubtful_zones(days.dt.tz_localize("Europe/London")) == 1
    assert doubtful_zones(days.dt.tz_localize("Asia/Tokyo")) == 2
    assert doubtful_zones(pd.Series([1, 2])) == 0


CELL = (
    st.none() | st.integers() | st.floats() | st.text(max_size=12) | st.datetimes(timezones=st.none() | st.timezones())
)


@settings(max_examples=150, deadline=None)
@given(st.lists(CELL, max_size=6))
def test_no_cell_is_a_traceback(cells: list[Any]) -> None:
    assert 0 <= doubtful_zones(pd.Series(cells, dtype=object)) <= len(cells)
