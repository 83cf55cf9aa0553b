import numpy as np
import pandas as pd
import pytest

from schemas.contract import Column
from schemas.table import conform
from tests.unit.validators.population import contract, evidence, rows
from validators.distances.index import index
from validators.distances.points import METRICS, Metric
from validators.distances.scales import SHRINKAGE, fitted
from validators.distances.views import points, scale

EACH = pytest.mark.parametrize("metric", METRICS)
NUMBERS = tuple(Column(name=name, type="number") for name in "ab")


@EACH
def test_copies_are_exactly_zero_apart_and_all_others_are_not(metric: Metric) -> None:
    table = conform(rows(3_000, np.random.default_rng(3)), contract()).table
    moved = table.copy()
    moved["income"] += 1e-3
    on = fitted([table], contract().modelled, metric)
    real = index(on.points(table))
    shuffled = table.sample(frac=0.7, random_state=0)
    assert (real.search(on.points(shuffled)).distance == 0).all()
    assert (real.search(on.points(moved)).distance[moved["income"].notna()] > 0).all()


def test_mahalanobis_is_what_the_shrunk_covariance_says() -> None:
    from scipy.spatial.distance import mahalanobis

    rng = np.random.default_rng(4)
    table = pd.DataFrame(rng.normal(size=(500, 2)) @ np.array([[3.0, 2.0], [0.0, 0.5]]), columns=["a", "b"])
    placed = fitted([table], NUMBERS, "mahalanobis").points(table)
    spread = np.diag(table.std(ddof=0))
    shrunk = (1 - SHRINKAGE) * np.corrcoef(table.T) + SHRINKAGE * np.eye(2)
    inverse = np.linalg.inv(spread @ shrunk @ spread)
    for i in range(20):
        expected = mahalanobis(table.iloc[i], table.iloc[i + 1], inverse)
        assert np.linalg.norm(placed.scaled[i] - placed.scaled[i + 1]) == pytest.approx(expected, rel=1e-9)


@EACH
def test_a_missing_cell_equals_a_missing_one_and_no_present_one(metric: Metric) -> None:
    table = pd.DataFrame({"a": [np.nan, 1.0, 2.0, 3.0], "b": [1.0, 1.0, 1.0, 1.0]})
    placed = fitted([table], NUMBERS, metric).points(table)
    assert placed.width == 2
    assert index(placed.take([0])).search(placed.take([0])).distance.item() == 0
    assert (
        index(placed.take([2])).search(placed.take([0])).distance.item()
        >= placed.distances(np.array([placed.weight])).item()
    )


@EACH
def test_constant_missing_and_enormous_numbers_have_finite_points(metric: Metric) -> None:
    table = pd.DataFrame(
        {"a": [1e300, -1e300, 1e308, 0.0], "b": [np.nan] * 4, "c": [5.0] * 4, "d": [-1e308, 1e308, 0, 1]}
    )
    columns = tuple(Column(name=name, type="number") for name in table)
    placed = fitted([table], columns, metric).points(table)
    assert np.isfinite(placed.scaled).all()
    assert (index(placed).search(placed).distance == 0).all()


def test_repeated_columns_do_not_count_without_bound() -> None:
    rng = np.random.default_rng(5)
    one = rng.normal(size=2_000)
    table = pd.DataFrame({"a": one, "b": one})
    on = fitted([table], NUMBERS, "mahalanobis")
    moved = on.points(table.assign(b=one + 0.1))
    assert np.linalg.norm(moved.scaled - on.points(table).scaled, axis=1).max() < 2


def test_the_real_side_is_fitted_once_and_unseen_categories_are_nobodys() -> None:
    source = evidence((300, 200, 100, 300))
    assert scale(source) is scale(source)
    assert points(source, source.train) is points(source, source.train)
    strange = source.synthetic.assign(plan="unseen")
    found = index(points(source, source.train)).search(points(source, strange)).distance
    assert (found >= 1 / len(source.contract.modelled)).all()
