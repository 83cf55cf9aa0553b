import importlib.util
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validators.distances.index import Index, Neighbours, Way, index
from validators.distances.points import METRICS, Metric, Points

PATHS = [
    "numpy",
    pytest.param(
        "numba", marks=pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed")
    ),
]
EACH_PATH = pytest.mark.parametrize("path", PATHS)


def cloud(rng: np.random.Generator, size: int, numeric: int, categorical: int, values: int, metric: Metric) -> Points:
    """Numbers on a lattice coarse enough for ties and twins, codes of which some are rare."""
    codes = np.minimum(rng.geometric(2 / values, (size, categorical)), values).astype(np.int32)
    return Points(np.round(rng.normal(size=(size, numeric)), 1), codes, metric)


def brute(queries: Points, targets: Points, same: np.ndarray | None = None) -> Neighbours:
    """Every pair's cost, summed in the order that the search promises."""
    cost = (queries.codes[:, None] != targets.codes[None]).sum(axis=2) * queries.weight
    for j in range(queries.scaled.shape[1]):
        gap = np.abs(queries.scaled[:, None, j] - targets.scaled[None, :, j])
        cost = cost + (gap * gap if queries.squared else gap)
    if same is not None:
        cost = np.where(same, np.inf, cost)
    two = np.sort(np.column_stack([cost, np.full((len(cost), 2), np.inf)]), axis=1)[:, :2]
    ties = np.where(np.isfinite(two[:, 0]), (cost == two[:, :1]).sum(axis=1), 0)
    return Neighbours(queries.distances(two), ties)


def agree(found: Neighbours, expected: Neighbours) -> None:
    np.testing.assert_array_equal(found.distance, expected.distance[:, : found.distance.shape[1]])
    np.testing.assert_array_equal(found.ties, expected.ties)


@EACH_PATH
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), queries=st.integers(1, 120), targets=st.integers(1, 400), numeric=st.integers(0, 3),
       categorical=st.integers(0, 4), values=st.sampled_from([2, 5, 400]), metric=st.sampled_from(METRICS),
       k=st.sampled_from([1, 2]), owners=st.sampled_from([0, 1, 7, 90]),
       way=st.sampled_from(["tree", "dense"]))  # fmt: skip
def test_the_search_is_the_brute_force_answer_bit_by_bit(
    path: Literal["numpy", "numba"], seed: int, queries: int, targets: int, numeric: int, categorical: int,
    values: int, metric: Metric, k: Literal[1, 2], owners: int, way: Way,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    mine, theirs = (cloud(rng, size, numeric, categorical, values, metric) for size in (queries, targets))
    if not owners:
        agree(index(theirs).search(mine, k, path=path, way=way), brute(mine, theirs))
        return
    own, other = rng.integers(0, owners, queries), rng.integers(0, owners, targets)
    found = index(theirs, other).search(mine, k, own, path, way)
    agree(found, brute(mine, theirs, own[:, None] == other[None]))


@EACH_PATH
@pytest.mark.parametrize("metric", METRICS)
def test_branches_and_leaves_hide_nothing_in_a_large_table(path: Literal["numpy", "numba"], metric: Metric) -> None:
    rng = np.random.default_rng(1)
    mine, theirs = (
        Points(rng.normal(size=(size, 3)), rng.integers(0, 3, (size, 1), dtype=np.int32), metric)
        for size in (300, 9_000)
    )
    expected = brute(mine, theirs)
    for way in ("tree", "dense"):
        agree(index(theirs).search(mine, 2, path=path, way=way), expected)


@EACH_PATH
def test_wide_codes_take_several_words_and_hundreds_of_mismatches_are_counted(path: Literal["numpy", "numba"]) -> None:
    rng = np.random.default_rng(2)
    mine, theirs = (
        Points(np.zeros((size, 0)), rng.integers(0, 2**20, (size, 300), dtype=np.int32)) for size in (9, 40)
    )
    theirs.codes[3] = mine.codes[5]
    theirs.codes[4, :280] = mine.codes[6, :280]
    found = index(theirs).search(mine, 2, path=path)
    agree(found, brute(mine, theirs))
    assert found.distance[5, 0] == 0
    assert found.distance[6, 0] == pytest.approx(20 / 300)


@EACH_PATH
@pytest.mark.parametrize("metric", METRICS)
def test_alike_targets_are_all_counted_as_ties_and_as_second_nearest(
    path: Literal["numpy", "numba"], metric: Metric
) -> None:
    one = Points(np.array([[0.3, -1.0]]), np.array([[2]], dtype=np.int32), metric)
    found = index(one.take(np.zeros(5_000, dtype=np.int64))).search(one, 2, path=path)
    assert found.ties.tolist() == [5_000]
    assert found.distance.tolist() == [[0.0, 0.0]]


@EACH_PATH
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("numeric", [6, 15])
def test_all_pairs_are_bounded_where_boxes_exclude_little_and_only_there(
    path: Literal["numpy", "numba"], metric: Metric, numeric: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(4)
    structure = rng.normal(size=(2, numeric)) * (1e-3 if numeric == 6 else 0)
    mine, theirs = (
        Points(
            rng.normal(size=(2_000, 2)) @ structure + rng.normal(size=(2_000, numeric)) * (numeric > 6),
            rng.integers(0, 3, (2_000, 2), dtype=np.int32),
            metric,
        )
        for _ in range(2)
    )
    asked: list[int] = []
    whole = Index._all_pairs
    monkeypatch.setattr(Index, "_all_pairs", lambda self, rows, *more: asked.append(1) or whole(self, rows, *more))
    found = index(theirs).search(mine, 2, path=path)
    # A first call asks a few queries only.
    assert (len(asked) == 2) == (numeric == 15)
    agree(found, index(theirs).search(mine, 2, path=path, way="tree"))


@pytest.mark.parametrize("metric", METRICS)
def test_scikit_learn_measures_the_same_on_one_hot_codes(metric: Metric) -> None:
    from sklearn.neighbors import NearestNeighbors

    rng = np.random.default_rng(3)
    mine, theirs = (cloud(rng, size, 4, 3, 6, metric) for size in (100, 800))
    coded = [np.hstack([part.scaled, *((part.codes[:, [j]] == range(8)) for j in range(3))]) for part in (mine, theirs)]
    norm = "euclidean" if mine.squared else "manhattan"
    if not mine.squared:
        coded = [np.hstack([part[:, :4], part[:, 4:] / 2]) for part in coded]
    peer = NearestNeighbors(n_neighbors=2, algorithm="brute", metric=norm).fit(coded[1]).kneighbors(coded[0])[0]
    found = index(theirs).search(mine, 2).distance * (1 if mine.squared else mine.width)
    assert found == pytest.approx(peer, abs=1e-6)


def test_nothing_to_search_is_infinitely_far() -> None:
    some = Points(np.zeros((3, 1)), np.zeros((3, 1), dtype=np.int32))
    none = some.take(slice(0, 0))
    assert np.isinf(index(none).search(some, 2).distance).all()
    assert index(some).search(none, 2).distance.shape == (0, 2)
