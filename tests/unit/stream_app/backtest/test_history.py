"""A history is put in order, gets a clock, and is refused in words where it cannot be replayed."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import ContractError, InputError, PerennialError
from stream_app.backtest.history import DAY_MS, history_of
from tests.unit.stream_app.backtest.histories import SHA, contract, history, rows
from tests.unit.stream_app.core.drift.odd_frames import OBJECTS

FRAME = rows(1_000, None)


def test_rows_are_put_in_the_order_of_their_time() -> None:
    mixed = FRAME.sample(frac=1, random_state=1)
    found = history_of(mixed, contract(), SHA, 500, 1_000)
    assert found.frame["at"].is_monotonic_increasing
    assert (np.diff(found.times) == 120_000).all()
    assert (found.rows, found.timed) == (500, True)
    assert found.shown(int(found.times[0])) == "2026-01-01 00:00"
    assert found.row_at(int(found.times[700])) == 700


def test_without_a_column_of_times_the_order_stands_and_the_rate_is_the_clock() -> None:
    found = history_of(FRAME.drop(columns="at").assign(at=0), contract(timed=False), SHA, 500, 100)
    assert not found.timed
    assert int(found.times[100] - found.times[0]) == DAY_MS
    assert found.frame["size"].equals(FRAME["size"])


@pytest.mark.parametrize(("given_rows", "expected"), [(501, 500), (1_000, 500), (5_000, 1_000), (100_000, 10_000)])
def test_the_snapshot_is_a_fifth_of_the_rows_within_limits(given_rows: int, expected: int) -> None:
    frame = pd.concat([FRAME] * (given_rows // 1_000 + 1), ignore_index=True)[:given_rows]
    assert history_of(frame, contract(), SHA, None, 1_000).reference_rows == expected


@pytest.mark.parametrize("count", [0, 1, 499, 500])
def test_too_few_rows_are_refused(count: int) -> None:
    with pytest.raises(InputError, match=f"has {count} rows"):
        history_of(FRAME[:count], contract(), SHA, None, 1_000)


def test_a_snapshot_of_too_few_rows_is_refused() -> None:
    with pytest.raises(InputError, match="at least 500"):
        history_of(FRAME, contract(), SHA, 499, 1_000)


@pytest.mark.parametrize("name", ["at", "size", "kind"])
def test_an_absent_column_of_the_contract_is_named(name: str) -> None:
    with pytest.raises(ContractError, match=f"lacks columns of the contract: {name}$"):
        history(FRAME.drop(columns=name), contract())


def test_a_column_twice_is_refused() -> None:
    with pytest.raises(InputError, match="twice"):
        history(FRAME.set_axis(["at", "size", "size"], axis=1), contract())


def test_a_row_without_a_time_is_refused() -> None:
    frame = FRAME.assign(at=FRAME["at"].where(FRAME.index != 7))
    with pytest.raises(ContractError, match="1 rows have no time"):
        history_of(frame, contract(), SHA, 500, 1_000)


@pytest.mark.parametrize(("first", "words"), [("1960-01-01", "before 1970"), ("1971-01-01", "spans")])
def test_times_that_no_clock_goes_through_are_refused(first: str, words: str) -> None:
    times = FRAME["at"].where(FRAME.index != 0, pd.Timestamp(first)) + pd.Timedelta(days=365 * 60)
    times = times.where(FRAME.index != 0, pd.Timestamp(first))
    with pytest.raises(InputError, match=words):
        history_of(FRAME.assign(at=times), contract(), SHA, 500, 1_000)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["at", "size", "kind"]), st.lists(OBJECTS, min_size=1, max_size=8), st.integers(490, 600))
def test_whatever_cells_there_are_a_history_never_goes_back_or_is_refused_in_words(
    name: str, cells: list[object], count: int
) -> None:
    odd = pd.Series([cells[place % len(cells)] for place in range(count)], dtype=object)
    frame = FRAME[:count].assign(**{name: odd})
    try:
        found = history_of(frame, contract(), SHA, None, 1_000)
    except PerennialError:
        return
    assert (np.diff(found.times) >= 0).all()
    assert len(found.frame) == count
