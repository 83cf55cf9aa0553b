import numpy as np
import pytest

from validators.proportions import newcombe, wilson


def test_wilson_is_scipys() -> None:
    from scipy.stats import binomtest

    for hits, trials in ((0, 10), (3, 10), (10, 10), (250, 999)):
        expected = binomtest(hits, trials).proportion_ci(0.9, "wilson")
        assert wilson(hits, trials, 0.9) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert wilson(0, 0) == (0.0, 1.0)


def test_newcombe_is_the_published_example() -> None:
    """56 of 70 against 48 of 80, and 9 of 10 against 3 of 10: Newcombe 1998, table II, method 10."""
    assert newcombe(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert newcombe(9, 10, 3, 10) == pytest.approx((0.1705, 0.8090), abs=5e-5)


def test_newcombe_covers_rare_differences() -> None:
    """2,000 pairs of binomials, seed 0, at 97.5 %: fewer than 1,920 covering intervals would be coverage below 96 %."""
    rng = np.random.default_rng(0)
    left, right = rng.binomial(200, 0.03, 2_000), rng.binomial(100, 0.03, 2_000)
    ends = [newcombe(int(a), 200, int(b), 100, 0.975) for a, b in zip(left, right, strict=True)]
    assert sum(low <= 0 <= high for low, high in ends) >= 1_920
