import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.validators.distances.test_index import EACH_PATH, agree, brute
from validators.distances import dense
from validators.distances.index import Path, index
from validators.distances.points import METRICS, Metric, Points


def wild(rng: np.random.Generator, size: int, spread: float, metric: Metric) -> Points:
    """Numbers of many orders of magnitude, most of them near another row's to the last few bits."""
    centres = rng.normal(size=(5, 4)) * 10.0 ** rng.uniform(-spread, spread, (5, 4))
    near = centres[rng.integers(0, 5, size)] * (1 + rng.integers(-3, 4, (size, 4)) * 2.0 ** rng.integers(-52, -10))
    return Points(near, rng.integers(0, 3, (size, 2), dtype=np.int32), metric)


@EACH_PATH
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), spread=st.sampled_from([0, 3, 9, 30]), metric=st.sampled_from(METRICS))
def test_bounds_hide_nothing_of_numbers_that_float32_cannot_tell_apart(
    path: Path, seed: int, spread: float, metric: Metric
) -> None:
    rng = np.random.default_rng(seed)
    theirs = wild(rng, 150, spread, metric)
    mine = wild(np.random.default_rng(seed), 60, spread, metric)
    mine.scaled[:30] = theirs.scaled[:30] * (1 + 2.0**-45)
    agree(index(theirs).search(mine, 2, path=path, way="dense"), brute(mine, theirs))


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), spread=st.sampled_from([0, 3, 9]))
def test_no_pair_costs_less_than_its_bound(metric: Metric, seed: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    mine, theirs = (wild(rng, 40, spread, metric) for _ in range(2))
    bounds = dense._Bounds(dense._limit(theirs), 4, mine.squared)
    _, block = next(dense._blocks(bounds, mine, theirs, dense._added))
    distance = np.array([index(theirs.take([j])).search(mine, way="tree").distance[:, 0] for j in range(40)]).T
    cost = distance**2 * (1 - 1e-15) if mine.squared else distance * mine.width * (1 - 1e-15)
    for j in range(40):
        assert (block[:, j] <= bounds.reach(mine, cost[:, j])[:, 0]).all()


def test_few_pairs_are_measured_exactly() -> None:
    rng = np.random.default_rng(1)
    none = np.zeros(0, dtype=np.int64)
    for metric in METRICS:
        mine, theirs = (
            Points(rng.normal(size=(size, 15)), np.zeros((size, 1), dtype=np.int32), metric) for size in (500, 8_000)
        )
        best, ties = np.full((500, 2), np.inf), np.zeros(500, dtype=np.int64)
        assert dense.search(mine, none, theirs, none, 2, best, ties) < 500 * 20


@EACH_PATH
def test_numbers_beyond_its_reach_are_left_to_the_tree(path: Path) -> None:
    mine, theirs = (
        Points(np.random.default_rng(seed).normal(size=(30, 2)) * 1e30, np.zeros((30, 1), dtype=np.int32), "euclidean")
        for seed in (0, 1)
    )
    assert not dense.fits(theirs, mine)
    agree(index(theirs).search(mine, 2, path=path, way="dense"), brute(mine, theirs))


@EACH_PATH
@pytest.mark.parametrize("k", [1, 2])
def test_rows_look_past_all_rows_of_their_owner(path: Path, k: int) -> None:
    rng = np.random.default_rng(2)
    points = Points(np.repeat(rng.normal(size=(300, 6)), 5, axis=0), np.zeros((1_500, 1), dtype=np.int32), "euclidean")
    owner = np.repeat(np.arange(300), 5)
    found = index(points, owner).search(points, k, owner, path, "dense")  # type: ignore[arg-type]
    agree(found, brute(points, points, owner[:, None] == owner[None]))
    assert (found.ties % 5 == 0).all()
