import numpy as np
import pytest

from validators.privacy.excess import by_unit, excess, paired


def test_an_excess_lies_in_its_interval_as_often_as_stated() -> None:
    """2,000 draws of 150 and 100 at .3: 5 % miss; more than 130 has a chance below 0.2 %."""
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(2_000):
        found = excess((rng.random(150) < 0.3).astype(float), (rng.random(100) < 0.3).astype(float))
        missed += not found.lower <= 0 <= found.upper
    assert 40 < missed <= 130


def test_sure_sides_are_not_certain() -> None:
    found = excess(np.ones(50), np.zeros(50))
    assert found.value == 1.0
    assert 0.8 < found.lower < 1.0
    assert paired(np.zeros(30)).upper > 0.03
    assert paired(np.zeros(0)).interval == (-1.0, 1.0)


def test_paired_differences_have_the_t_interval_of_large_samples() -> None:
    values = np.random.default_rng(1).choice([-1.0, 0.0, 1.0], 5_000)
    found = paired(values)
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    assert found.interval == pytest.approx((values.mean() - half, values.mean() + half), abs=2e-4)


def test_units_count_once() -> None:
    np.testing.assert_allclose(by_unit(np.array([1.0, 0.0, 1.0, 1.0]), np.array([7, 7, 3, 3])), [1.0, 0.5])
