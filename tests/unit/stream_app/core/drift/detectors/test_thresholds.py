"""Thresholds keep to the budget that they are computed from."""

import numpy as np
import pytest
from scipy.stats import poisson

from stream_app.core.drift.detectors.thresholds import cusum_threshold, poisson_tail, rare_threshold


def test_the_cumulative_sum_alarms_as_often_as_the_budget_says() -> None:
    """Seed 11: 400 one-sided sums of 2,000 normal scores at one alarm in 2,500 blocks each; within 5 sigma."""
    height = cusum_threshold(1, 250, 1e6 / 250 / 2_500, 0.5)
    random = np.random.default_rng(11)
    sums, alarms = np.zeros(400), 0
    for _ in range(2_000):
        sums = np.maximum(0, sums + random.standard_normal(400) - 0.5)
        alarms += int((sums > height).sum())
        sums[sums > height] = 0
    assert 320 - 5 * 18 < alarms < 320 + 5 * 18


def test_thresholds_rise_with_channels_and_fall_with_the_budget() -> None:
    assert cusum_threshold(500, 250, 0.5, 0.5) > cusum_threshold(50, 250, 0.5, 0.5) > cusum_threshold(50, 250, 5.0, 0.5)
    assert rare_threshold(30, 250, 0.5) > rare_threshold(3, 250, 0.5) > rare_threshold(3, 250, 50.0)


def test_tails_are_those_of_poisson() -> None:
    seen, expected = np.array([0.0, 1.0, 3.0, 50.0]), np.array([0.1, 0.1, 0.5, 20.0])
    assert poisson_tail(seen, expected)[1:] == pytest.approx(-np.log10(poisson.sf(seen[1:] - 1, expected[1:])))
    assert poisson_tail(seen, expected)[0] == 0
