import numpy as np
import pandas as pd
import pytest

from schemas.contract import Column
from tests.unit.validators.population import contract, evidence
from validators.utility.target import in_classes, labels, target, target_of


def test_classes_are_numbered_by_frequency_and_others_are_left_out() -> None:
    real = pd.DataFrame({"t": pd.array(["b", "a", "a", None], dtype="string")})
    found = target_of([real], Column(name="t", type="string"))
    new = pd.DataFrame({"t": pd.array(["a", "b", "new", None], dtype="string")})
    np.testing.assert_array_equal(found.labels(new), [0, 1, np.nan, np.nan])
    assert (found.task, found.classes) == ("classes", 2)


def test_many_numbers_are_standardised_and_few_are_classes() -> None:
    many = pd.DataFrame({"t": np.random.default_rng(0).normal(50, 9, 4_000)})
    found = target_of([many], Column(name="t", type="number"))
    assert (found.task, found.classes) == ("number", 0)
    assert np.std(found.labels(many)) == pytest.approx(1, abs=1e-9)
    few = pd.DataFrame({"t": [1.0, 2.0, 2.0]})
    assert target_of([few], Column(name="t", type="number")).classes == 2


def test_extreme_numbers_do_not_overflow() -> None:
    wild = pd.DataFrame({"t": [1e308, -1e308, np.inf, -np.inf, np.nan, *(np.linspace(-1, 1, 30) * 1e308)]})
    found = target_of([wild], Column(name="t", type="number")).labels(wild)
    assert np.isfinite(found[~np.isnan(found)]).all()
    assert np.isnan(found).sum() == 1


def test_a_numbers_quarters_are_classes_of_equal_size() -> None:
    source = evidence((1_000, 1_000, 10, 100), contract=contract(target="income"))
    found = target(source)
    assert found is not None
    quarters = in_classes(source, found)
    codes = labels(source, source.train, quarters)
    assert quarters.classes == 4
    assert np.bincount(codes[~np.isnan(codes)].astype(int)) / (~np.isnan(codes)).sum() == pytest.approx(0.25, abs=0.03)
    assert np.isnan(codes).sum() == source.train["income"].isna().sum()
    assert labels(source, source.train, found) is labels(source, source.train, found)
