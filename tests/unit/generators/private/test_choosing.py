"""The exponential mechanism keeps its law exactly and costs what its Gaussian costs. Seeds are fixed, levels stated."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from generators.private.choosing import exponential_choice, mu_of, range_of
from generators.private.meter import Meter
from generators.private.noise import NoiseStream
from generators.private.part import Part
from schemas.accounting import gaussian_budget
from schemas.errors import BudgetError
from schemas.mechanism import Gaussian

KEY = b"k" * 32
DRAWS = 1_500


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_candidates_are_drawn_in_proportion_to_their_exponential_scores(weight: float) -> None:
    """Chi-square at level 1e-3."""
    scores = np.array([5, 3, 4, 5, -40])
    stream = NoiseStream(b"a secret of the tests", f"choice {weight}")
    counts = np.bincount([exponential_choice(stream, scores, weight) for _ in range(DRAWS)], minlength=scores.size)
    law = np.exp(weight * (scores - scores.max()))
    expected = law / law.sum() * DRAWS
    likely = expected >= 5
    assert counts[~likely].sum() <= 5
    assert (
        stats.chisquare(counts[likely], expected[likely] * counts[likely].sum() / expected[likely].sum()).pvalue > 1e-3
    )


@settings(deadline=None)
@given(mu=st.floats(1e-4, 8))
def test_the_cost_and_the_range_are_inverse(mu: float) -> None:
    assert mu_of(range_of(mu)) == pytest.approx(mu, rel=1e-9)


@pytest.mark.parametrize("epsilon", [0.01, 0.3, 1.0, 4.0, 12.0])
def test_no_pair_of_laws_of_that_range_is_further_apart_than_the_gaussian(epsilon: float) -> None:
    """Two outcomes with log ratios ``high`` and ``high`` - epsilon, for all places of the interval around zero."""
    high = np.linspace(1e-4, 1 - 1e-4, 2_001) * epsilon
    rest = np.expm1(high) / np.expm1(epsilon)
    distance = stats.norm.isf(rest) - stats.norm.ppf((1 - rest) * np.exp(-high))
    assert distance.max() == pytest.approx(mu_of(epsilon), rel=1e-6)
    assert (distance <= mu_of(epsilon) * (1 + 1e-9)).all()


def test_choices_are_paid_for_and_recorded_like_counts() -> None:
    meter = Meter((Gaussian(noise_multiplier=2.0),), KEY, 1)
    meter.measure("counts", np.zeros(3, dtype=np.int64), 0.5)
    assert meter.choose("best", np.array([0, 10_000]), 0.49) == 1
    assert gaussian_budget(meter.recorded) == pytest.approx(0.99 * 0.25, rel=1e-6)
    for label, share in (("best", 0.001), ("more", 0.02)):
        with pytest.raises(BudgetError):
            meter.choose(label, np.array([0, 1]), share)


def test_a_choice_between_neighbours_is_as_likely_as_its_epsilon_allows() -> None:
    """One row moves one score by 1 and the other by -1, the worst case: the odds move by e^epsilon."""
    mu, chosen = 1.0, []
    for scores in (np.array([1, 0]), np.array([0, 1])):
        meters = [Meter((Gaussian(noise_multiplier=1 / mu),), seed.to_bytes(32, "big"), 1) for seed in range(800)]
        chosen.append(sum(meter.choose("c", scores, 1.0) for meter in meters))
    odds = [count / (800 - count) for count in chosen]
    # 800 draws each leave the log of the odds' ratio within .29 of epsilon (its standard deviation is .11)
    assert math.log(odds[1] / odds[0]) == pytest.approx(range_of(mu), abs=0.3)


def test_a_part_spends_its_fraction_and_pays_at_the_whole_meter() -> None:
    whole = Meter((Gaussian(noise_multiplier=2.0),), KEY, 3)
    part = Part(whole, 0.25, "first/")
    assert (part.mu, part.left) == pytest.approx((whole.mu / 2, 1.0))
    _, deviation = part.measure("a", np.zeros(4, dtype=np.int64), 0.5)
    assert deviation == pytest.approx(whole.deviation(0.125), rel=1e-4)
    assert deviation == pytest.approx(part.deviation(0.5), rel=1e-4)
    part.choose("b", np.array([1, 2]), 0.5)
    assert gaussian_budget(part.recorded) == pytest.approx(0.25 * 0.25, rel=1e-6)
    assert whole.recorded == part.recorded
    assert (part.left, whole.left) == pytest.approx((0.0, 0.75), abs=1e-6)
    Part(whole, 0.5, "second/").measure("a", np.zeros(4, dtype=np.int64), 1.0)
