import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import r2_score, roc_auc_score

from validators.influence import Influenced, auc_of, gain_of, mean_of
from validators.statistics import auc_interval

SCORES = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=3, max_size=40)


@settings(max_examples=60, deadline=None)
@given(SCORES)
def test_an_auc_is_that_of_scikit_learn_and_its_influences_balance(rows: list[tuple[int, bool]]) -> None:
    scores, positive = np.array([row[0] for row in rows], dtype=float), np.array([row[1] for row in rows])
    found = auc_of(scores, positive)
    if positive.all() or not positive.any():
        assert np.isnan(found.value)
        return
    assert found.value == pytest.approx(roc_auc_score(positive, scores))
    assert found.rows.sum() == pytest.approx(0, abs=1e-9)


def test_the_error_of_an_auc_is_delongs() -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(900) < 0.3
    scores = rng.normal(size=900) + positive
    estimate = auc_interval(scores[positive], scores[~positive])
    assert auc_of(scores, positive).deviation == pytest.approx((estimate.upper - estimate.lower) / 3.92, rel=0.01)


def test_the_error_of_a_ratio_is_that_of_resampling() -> None:
    """Seed 1; 300 resamples, whose deviation is known to about 4 %."""
    rng = np.random.default_rng(1)
    positive = rng.random(800) < 0.25
    good, poor = (rng.normal(size=800) + strength * positive for strength in (2.0, 1.0))
    found = auc_of(poor, positive).over(auc_of(good, positive))
    drawn = []
    for _ in range(300):
        rows = rng.integers(0, 800, 800)
        drawn.append(auc_of(poor[rows], positive[rows]).value / auc_of(good[rows], positive[rows]).value)
    assert found.deviation == pytest.approx(np.std(drawn), rel=0.15)


def test_a_gain_is_r_squared_with_the_error_of_resampling() -> None:
    rng = np.random.default_rng(2)
    truth = rng.normal(size=1_200)
    predicted = 0.6 * truth + 0.5 * rng.normal(size=1_200)
    found = gain_of(predicted, truth)
    assert found.value == pytest.approx(r2_score(truth, predicted))
    drawn = [r2_score(truth[rows], predicted[rows]) for rows in rng.integers(0, 1_200, (400, 1_200))]
    assert found.deviation == pytest.approx(np.std(drawn), rel=0.15)
    assert np.isnan(gain_of(predicted, np.ones(1_200)).value)


def test_a_difference_of_equal_measures_has_no_error() -> None:
    one = auc_of(np.arange(10.0), np.arange(10) % 2 == 0)
    assert one.less(one).deviation == 0
    assert mean_of([one, one]).value == one.value
    assert one.shifted(1.0).deviation == one.deviation
    assert Influenced(2.0, np.array([3.0, 4.0])).deviation == 5
