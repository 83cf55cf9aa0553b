import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from validators import statistics as own

COUNTS = st.integers(0, 60)


@given(COUNTS, COUNTS, st.sampled_from([0.9, 0.95, 0.99]))
def test_clopper_pearson_is_scipys(hits: int, misses: int, confidence: float) -> None:
    trials = hits + misses
    if trials == 0:
        assert own.clopper_pearson(0, 0) == (0.0, 1.0)
        return
    expected = stats.binomtest(hits, trials).proportion_ci(confidence, method="exact")
    assert own.clopper_pearson(hits, trials, confidence) == pytest.approx((expected.low, expected.high), abs=1e-10)


@given(st.data())
def test_hypergeometric_tail_is_scipys(data: st.DataObject) -> None:
    total = data.draw(st.integers(1, 80))
    members, drawn = data.draw(st.integers(0, total)), data.draw(st.integers(0, total))
    hits = data.draw(st.integers(0, drawn + 1))
    expected = stats.hypergeom(total, members, drawn).sf(hits - 1)
    assert own.hypergeometric_tail(hits, drawn, members, total) == pytest.approx(expected, abs=1e-9)


def test_hypergeometric_tail_keeps_its_precision_far_out() -> None:
    assert own.hypergeometric_tail(400, 400, 16_000, 40_000) == pytest.approx(
        stats.hypergeom(40_000, 16_000, 400).sf(399), rel=1e-6
    )
    assert 0 < own.hypergeometric_tail(400, 400, 16_000, 40_000) < 1e-150


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=40), st.lists(st.integers(-3, 3), min_size=1, max_size=40))
def test_auc_is_the_mann_whitney_statistic(positive: list[int], negative: list[int]) -> None:
    ours = own.auc(np.array(positive, float), np.array(negative, float))
    statistic = stats.mannwhitneyu(positive, negative).statistic
    assert ours == pytest.approx(statistic / len(positive) / len(negative))


def test_delongs_variance_is_the_double_loop_of_the_paper() -> None:
    rng = np.random.default_rng(3)
    x, y = np.round(rng.normal(0.7, 1, 40), 1), np.round(rng.normal(0, 1, 55), 1)
    kernel = (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])
    variance = kernel.mean(axis=1).var(ddof=1) / 40 + kernel.mean(axis=0).var(ddof=1) / 55
    found = own.auc_interval(x, y)
    assert found.value == pytest.approx(kernel.mean())
    assert found.upper - found.value == pytest.approx(1.959964 * np.sqrt(variance), rel=1e-6)


def test_the_auc_interval_covers_at_its_rate() -> None:
    """Seed 5; 400 draws, 95 % nominal: below 91 % or above 98.5 % has a chance under 0.1 %."""
    rng, truth = np.random.default_rng(5), stats.norm.cdf(0.8 / np.sqrt(2))
    found = [own.auc_interval(rng.normal(0.8, 1, 80), rng.normal(0, 1, 120)) for _ in range(400)]
    assert 0.91 < np.mean([item.lower <= truth <= item.upper for item in found]) < 0.985


def test_a_perfect_auc_from_few_rows_is_not_certain() -> None:
    found = own.auc_interval(np.array([2.0, 3.0, 4.0]), np.array([0.0, 1.0]))
    assert (found.value, found.upper) == (1.0, 1.0)
    assert found.lower < 0.2


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=50))
def test_midranks_are_scipys(values: list[float]) -> None:
    assert own.midranks(np.array(values)) == pytest.approx(stats.rankdata(values))


@settings(max_examples=20)
@given(st.integers(0, 2**31))
def test_the_bootstrap_repeats_itself_by_seed(seed: int) -> None:
    data = np.arange(30.0)
    first, second = (own.bootstrap(lambda at: float(data[at].mean()), 30, own.generator(seed, "x"), 20) for _ in "ab")
    assert first == second


def test_the_bootstrap_finds_the_standard_error_of_a_mean() -> None:
    data = np.random.default_rng(1).normal(size=500)
    found = own.bootstrap(lambda at: float(data[at].mean()), 500, np.random.default_rng(2), 400)
    assert found == pytest.approx(data.std(ddof=1) / np.sqrt(500), rel=0.15)
