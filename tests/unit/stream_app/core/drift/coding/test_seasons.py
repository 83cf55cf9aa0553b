"""Seasons: the keys are those of pandas, and blocks cover all rows without mixing periods."""

from itertools import pairwise
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.drift import Season
from stream_app.core.drift.coding.seasons import WHOLE, blocks_of, cut_blocks, even_blocks, keys_of, paired_at

SEASONS: tuple[Season, ...] = get_args(Season)
times = st.datetimes(pd.Timestamp("1700-01-01").to_pydatetime(), pd.Timestamp("2200-01-01").to_pydatetime())


def expected(when: "pd.DatetimeIndex", season: Season) -> "np.ndarray[Any, Any]":
    if season == "none":
        return np.full(len(when), WHOLE)
    return np.asarray(getattr(when, season), dtype=np.int64)


@settings(max_examples=60, deadline=None)
@given(st.lists(times, min_size=1, max_size=20), st.sampled_from(SEASONS))
def test_keys_are_those_of_pandas(found: list[Any], season: Season) -> None:
    when = pd.DatetimeIndex(found).astype("datetime64[s]")
    seconds = when.astype("int64").to_numpy().astype(np.float64)
    assert keys_of(seconds, season).tolist() == expected(when, season).tolist()


@pytest.mark.parametrize("season", SEASONS)
def test_the_last_instant_of_a_period_is_still_in_it(season: Season) -> None:
    edges = pd.DatetimeIndex(["1969-12-31 23:59:59", "1970-01-01 00:59:59", "2024-02-29 23:59:59"])
    seconds = edges.astype("datetime64[s]").astype("int64").to_numpy() + 0.75
    assert keys_of(seconds, season).tolist() == expected(edges, season).tolist()


@pytest.mark.parametrize("season", SEASONS)
def test_rows_without_a_time_are_of_no_period(season: Season) -> None:
    assert keys_of(np.array([np.nan, np.inf, -np.inf]), season).tolist() == [WHOLE] * 3


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 30)), max_size=8), st.integers(1, 12))
def test_blocks_cover_all_rows_none_too_long_none_of_two_periods(runs: list[tuple[int, int]], longest: int) -> None:
    periods = np.concatenate([np.zeros(0, np.int64), *(np.full(length, period) for period, length in runs)])
    ends, own = blocks_of(periods, longest)
    assert [0, *ends.tolist()][-1] == len(periods)
    for (start, stop), period in zip(pairwise([0, *ends.tolist()]), own.tolist(), strict=True):
        assert 0 < stop - start <= longest
        assert set(periods[start:stop].tolist()) == {period}
    changes = int((np.diff(periods) != 0).sum())
    assert len(ends) <= len(periods) / longest + changes + 1


@pytest.mark.parametrize("rows", [0, 1, 99, 100, 101, 350])
def test_rows_of_one_period_are_cut_as_any(rows: int) -> None:
    for number in (1, 3, 4):
        expected, found = cut_blocks(np.zeros(rows, dtype=np.int64), 100, number), even_blocks(rows, 100, number)
        for name in ("limits", "periods", "paired", "starts", "rows", "pair_rows"):
            one, other = getattr(found, name), getattr(expected, name)
            assert one.tolist() == other.tolist()
            assert one.dtype == other.dtype
        assert found.rows.sum() == found.pair_rows.sum() == rows
        assert found is even_blocks(rows, 100, number)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9)), max_size=6), st.integers(1, 5))
def test_pairs_are_counted_over_so_many_blocks_of_one_period(runs: list[tuple[int, int]], number: int) -> None:
    periods = [period for period, length in runs for _ in range(length)]
    waiting, expected = 0, []
    for place, period in enumerate(periods):
        waiting += 1
        ends = place + 1 == len(periods) or periods[place + 1] != period
        expected.append(ends or waiting == number)
        waiting = 0 if expected[-1] else waiting
    assert paired_at(np.asarray(periods, dtype=np.int64), number).tolist() == expected
