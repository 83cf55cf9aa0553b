"""Thresholds keep to the budget that they are computed from."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import norm, poisson

from stream_app.core.drift.detectors.thresholds import (
    cusum_threshold,
    cusum_thresholds,
    lengthened,
    overshoots,
    poisson_tail,
    rare_threshold,
)


def factor(skew: float, cut: float, allowance: float) -> float:
    """Of one test."""
    return float(lengthened(*(np.array([each]) for each in (skew, cut, allowance)))[0])


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


@pytest.mark.parametrize(("allowance", "error"), [(0.25, 0.002), (0.7, 0.002), (1.2, 0.005), (2.2, 0.2)])
@pytest.mark.parametrize("blocks", [1e4, 1e7])
def test_the_time_between_false_alarms_is_that_of_the_integral_equation(
    allowance: float, error: float, blocks: float
) -> None:
    """Page's equation, L(z) = 1 + L(0) F(k - z) + the integral of L(y) f(y - z + k) from 0 to h, on 121 points."""
    height = cusum_threshold(1, 250, 1e6 / 250 / blocks, allowance)
    nodes, weights = np.polynomial.legendre.leggauss(120)
    points, steps = np.append(0.0, (nodes + 1) * height / 2), weights * height / 2
    kernel = np.empty((121, 121))
    kernel[:, 0] = ndtr(allowance - points)
    kernel[:, 1:] = steps * norm.pdf(points[None, 1:] - points[:, None] + allowance)
    exact = np.linalg.solve(np.eye(121) - kernel, np.ones(121))[0]
    assert blocks == pytest.approx(exact, rel=error)


def test_overshoots_are_those_of_the_whole_series_and_shrink_with_the_allowance() -> None:
    allowances, steps = np.array([0.1, 0.3, 0.5, 1.0, 2.0, 4.5]), np.arange(1, 4_096)
    series = np.array([(ndtr(-k * np.sqrt(steps)) / steps).sum() for k in allowances])
    assert overshoots(allowances) == pytest.approx((2 * series - np.log(2 / (2 * allowances) ** 2)) / (2 * allowances))
    assert (np.diff(overshoots(allowances)) < 0).all()
    assert overshoots(np.array([[0.01, 0.05]])) == pytest.approx(overshoots(allowances[:1])[0], abs=0.001)


def test_many_heights_at_once_are_those_of_each_alone() -> None:
    wanted, allowances, deviations = np.array([1e-9, 1e-5, 1e-7]), np.array([0.5, 1.2, 0.02]), np.array([0.0, 0.1, 0.3])
    each = [cusum_threshold(1, 100, 1e4 * one, *two) for one, *two in zip(wanted, allowances, deviations, strict=True)]
    assert cusum_thresholds(wanted, allowances, deviations) == pytest.approx(each)
    assert cusum_thresholds(wanted, allowances, deviations)[2] == 200.0


@pytest.mark.parametrize("skew", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("allowance", [0.4, 0.7, 1.2])
def test_skewed_scores_want_the_height_of_their_exponent(skew: float, allowance: float) -> None:
    """A moved gamma law has log E exp(tX) = -t root a - a log(1 - t / root a), a = 4 / skew^2."""
    shape = 4 / skew**2
    exponent = 2 * allowance / factor(skew, 20.0, allowance)
    log = -exponent * shape**0.5 - shape * np.log(1 - exponent / shape**0.5)
    assert log == pytest.approx(exponent * allowance, rel=0.02)


def test_what_is_cut_off_needs_no_longer_height() -> None:
    assert factor(0.0, 20.0, 1.0) == 1.0
    assert 1.0 == factor(0.6, 3.0, 2.0) < factor(0.6, 4.0, 2.0) < factor(0.6, 20.0, 2.0)


def test_the_exponent_solves_its_equation() -> None:
    """By halving, of a hundred tests at once."""
    random = np.random.default_rng(12)
    skews, cuts, allowances = (
        random.uniform(0, 1.5, 100),
        random.choice([3.0, 4.0, 20.0], 100),
        random.uniform(0.2, 4, 100),
    )
    together = lengthened(skews, cuts, allowances)
    assert together.tolist() == pytest.approx([factor(*each) for each in zip(skews, cuts, allowances, strict=True)])
    values = np.linspace(-6.0, 14.0, 401)
    for skew, cut, allowance, found in zip(skews, cuts, allowances, together, strict=True):
        shape = 4 / max(skew, 0.01) ** 2
        over = np.maximum(shape + values * shape**0.5, 1e-12)
        weights = np.where(over > 1e-12, np.exp((shape - 1) * np.log(over / shape) - (over - shape)), 0.0)
        low, high = 0.0, 4 * allowance
        for _ in range(60):
            middle = (low + high) / 2
            below = float(weights @ np.exp(middle * (np.minimum(values, cut) - allowance))) < weights.sum()
            low, high = (middle, high) if below else (low, middle)
        assert found == (1.0 if skew < 0.01 else pytest.approx(max(1.0, 2 * allowance / high), rel=1e-6))


def test_thresholds_rise_with_channels_and_fall_with_the_budget() -> None:
    assert cusum_threshold(500, 250, 0.5, 0.5) > cusum_threshold(50, 250, 0.5, 0.5) > cusum_threshold(50, 250, 5.0, 0.5)
    assert rare_threshold(30, 250, 0.5) > rare_threshold(3, 250, 0.5) > rare_threshold(3, 250, 50.0)


def test_tails_are_those_of_poisson() -> None:
    seen, expected = np.array([0.0, 1.0, 3.0, 50.0]), np.array([0.1, 0.1, 0.5, 20.0])
    assert poisson_tail(seen, expected)[1:] == pytest.approx(-np.log10(poisson.sf(seen[1:] - 1, expected[1:])))
    assert poisson_tail(seen, expected)[0] == 0
