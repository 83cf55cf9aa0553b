import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, roc_curve

from validators.privacy.attacks.operating_points import RATES, accuracy, guesses, low_rate, roc


def drawn(seed: int, shift: float, size: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    member = np.arange(size) < size // 2
    return rng.normal(size=size) + shift * member, member, rng.permutation(size) % 2 == 0


def test_accuracy_is_the_balanced_one() -> None:
    score, member, half = drawn(0, 1.0)
    taken = guesses(score, member, half)
    assert accuracy(taken, member, 0.95).value == pytest.approx(balanced_accuracy_score(member, taken))


def test_each_half_is_judged_by_the_threshold_that_the_other_chose() -> None:
    score, member, half = drawn(1, 1.0)
    taken = guesses(score, member, half)
    false, true, thresholds = roc_curve(member[half], score[half], drop_intermediate=False)
    best = thresholds[np.argmax(true - false)]
    np.testing.assert_array_equal(taken[~half], score[~half] >= best)


def test_attacks_at_chance_are_within_their_bounds_as_often_as_stated() -> None:
    """400 draws, one-sided 95 %: at most 5 % miss on either side; more than 34 of 400 has a chance below 0.2 %."""
    above = below = 0
    for seed in range(400):
        score, member, half = drawn(seed, 0.0, 200)
        found = accuracy(guesses(score, member, half), member, 0.95)
        above += found.upper < 0.5
        below += found.lower > 0.5
    assert max(above, below) <= 34


def test_a_perfect_attack_is_not_certain() -> None:
    member = np.arange(40) < 20
    found = accuracy(member, member, 0.95)
    assert found.value == found.upper == 1.0
    assert 0.8 < found.lower < 1.0


@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(2, 60), st.integers(1, 5))
def test_the_low_rate_counts_like_a_naive_loop(seed: int, members: int, others: int, values: int) -> None:
    rng = np.random.default_rng(seed)
    score = rng.integers(0, values, members + others).astype(np.float64)
    member = np.arange(members + others) < members
    found = low_rate(score, member, 0.1, 0.95)
    allowed = others // 10 if others >= 10 else 0
    reached = [t for t in {np.inf, *score} if (score[~member] >= t).sum() <= allowed]
    best = max((score[member] >= t).mean() for t in reached)
    assert found.found.value <= best + 1e-12
    assert (score[~member] > np.sort(score[~member])[::-1][allowed]).sum() <= allowed
    assert found.found.lower <= found.found.value <= found.found.upper


def test_hits_by_chance_are_told_from_hits() -> None:
    """2,000 draws at chance: at most 5 % have p <= .05; more than 130 has a chance below .2 %."""
    small = 0
    for seed in range(2_000):
        score, member, _ = drawn(seed, 0.0, 100)
        small += low_rate(score, member, 0.05, 0.95).by_chance <= 0.05
    assert small <= 130
    score, member, _ = drawn(0, 5.0)
    assert low_rate(score, member, 0.01, 0.95).by_chance < 1e-20


def test_the_roc_rises_from_hits_without_false_alarms_to_one() -> None:
    score, member, _ = drawn(3, 1.0)
    found = roc(score, member)
    assert len(found) == len(RATES) <= 40
    assert found == sorted(found)
    assert found[-1] == 1.0
    assert found[0] == pytest.approx((score[member] > score[~member].max()).mean(), abs=1e-5)
