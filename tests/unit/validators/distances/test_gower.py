import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Column
from schemas.table import conform
from tests.unit.validators.population import contract, rows
from validators.distances.gower import Points, nearest, points


def brute(queries: Points, targets: Points, same: np.ndarray | None = None) -> np.ndarray:
    numbers = np.abs(queries.scaled[:, None] - targets.scaled[None]).sum(axis=2)
    distance = numbers + (queries.codes[:, None] != targets.codes[None]).sum(axis=2)
    if same is not None:
        distance[same] = np.inf
    return distance.min(axis=1) / queries.width


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 300), st.integers(1, 400), st.integers(0, 3), st.integers(0, 4),
       st.sampled_from([2, 5, 400]))  # fmt: skip
def test_nearest_is_the_brute_force_answer(
    seed: int, queries: int, targets: int, numeric: int, categorical: int, values: int
) -> None:
    rng = np.random.default_rng(seed)
    sides = [
        Points(
            np.round(rng.normal(size=(size, numeric)), 2), rng.integers(0, values, (size, categorical), dtype=np.int32)
        )
        for size in (queries, targets)
    ]
    if numeric + categorical:
        assert nearest(*sides) == pytest.approx(brute(*sides), abs=1e-12)


def test_windows_change_nothing_on_a_large_table() -> None:
    rng = np.random.default_rng(1)
    left, right = (
        Points(rng.normal(size=(size, 2)), rng.integers(0, 3, (size, 1), dtype=np.int32)) for size in (300, 9_000)
    )
    assert nearest(left, right) == pytest.approx(brute(left, right), abs=1e-12)


def test_rows_of_one_owner_are_no_neighbours() -> None:
    rng = np.random.default_rng(2)
    cloud = Points(rng.normal(size=(200, 2)), rng.integers(0, 2, (200, 2), dtype=np.int32))
    owner = rng.integers(0, 20, 200)
    assert nearest(cloud, cloud, (owner, owner)) == pytest.approx(brute(cloud, cloud, owner[:, None] == owner[None]))
    alone = np.zeros(200, dtype=np.int64)
    assert np.isinf(nearest(cloud, cloud, (alone, alone))).all()


def test_copies_are_exactly_zero_and_all_others_are_not() -> None:
    table = conform(rows(3_000, np.random.default_rng(3)), contract()).table
    moved = table.copy()
    moved["income"] += 1e-7
    real, same, other = points([table, table, moved], contract().modelled, fitted_on=1)
    assert (nearest(real, same) == 0).all()
    assert (nearest(other, real)[moved["income"].notna()] > 0).all()


def test_a_missing_cell_equals_a_missing_one_and_costs_a_column_against_a_present_one() -> None:
    column = (Column(name="x", type="number"), Column(name="y", type="string"))
    left = pd.DataFrame({"x": [np.nan, 1.0], "y": pd.Series([None, "a"], dtype=object)})
    both = points([left.iloc[:1], left.iloc[:1], left.iloc[1:], left], column, fitted_on=4)
    assert nearest(both[0], both[1]).tolist() == [0.0]
    assert nearest(both[0], both[2])[0] > 0.6


def test_no_targets_are_infinitely_far() -> None:
    cloud = Points(np.zeros((3, 1)), np.zeros((3, 0), dtype=np.int32))
    assert np.isinf(nearest(cloud, cloud.take(slice(0, 0)))).all()
    assert nearest(cloud.take(slice(0, 0)), cloud).shape == (0,)
