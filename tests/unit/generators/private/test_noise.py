"""The noise follows its law exactly; seeds are fixed, so each chi-square test (level 1e-3) either always passes or
never does.
"""

import math

import numpy as np
import pytest
from scipy import stats

from generators.private.noise import (
    FINEST,
    LARGEST,
    NoiseStream,
    bernoulli_exp,
    discrete_gaussian,
    discrete_laplace,
    noisy_counts,
)
from schemas.errors import InsufficientEvidence

LEVEL = 1e-3
DRAWS = 100_000


def stream(label: str) -> NoiseStream:
    return NoiseStream(b"a secret of the tests", label)


def p_value(draws: np.ndarray, weights: dict[int, float]) -> float:
    """Chi-square of integer draws against a law, tails pooled so that every cell expects five draws at least."""
    total = sum(weights.values())
    cells = [
        (value, weight / total * draws.size)
        for value, weight in sorted(weights.items())
        if weight / total * draws.size >= 5
    ]
    observed = np.array([int((draws == value).sum()) for value, _ in cells])
    expected = np.array([count for _, count in cells])
    rest = draws.size - expected.sum()
    if rest >= 1:
        observed, expected = np.append(observed, draws.size - observed.sum()), np.append(expected, rest)
    return float(stats.chisquare(observed, expected * observed.sum() / expected.sum()).pvalue)


@pytest.mark.parametrize("sigma", [1, 2, 7, 30])
def test_discrete_gaussian_matches_its_law(sigma: int) -> None:
    law = {value: math.exp(-(value**2) / (2 * sigma**2)) for value in range(-12 * sigma, 12 * sigma + 1)}
    assert p_value(discrete_gaussian(stream(f"gaussian {sigma}"), sigma, DRAWS), law) > LEVEL


@pytest.mark.parametrize("scale", [1, 3, 20])
def test_discrete_laplace_matches_its_law(scale: int) -> None:
    law = {value: math.exp(-abs(value) / scale) for value in range(-40 * scale, 40 * scale + 1)}
    assert p_value(discrete_laplace(stream(f"laplace {scale}"), scale, DRAWS), law) > LEVEL


@pytest.mark.parametrize(("numerator", "denominator"), [(0, 1), (1, 1000), (1, 3), (1, 1), (7, 2), (25, 4)])
def test_coins_of_exponential_bias(numerator: int, denominator: int) -> None:
    heads = bernoulli_exp(stream(f"coin {numerator}/{denominator}"), np.full(DRAWS, numerator), denominator).sum()
    assert stats.binomtest(int(heads), DRAWS, math.exp(-numerator / denominator)).pvalue > LEVEL


def test_wide_noise_matches_the_gaussian_cells() -> None:
    draws = discrete_gaussian(stream("wide"), 40_000, DRAWS)
    edges = stats.norm.ppf(np.linspace(0, 1, 51)[1:-1]) * 40_000
    counts = np.bincount(np.searchsorted(edges, draws), minlength=50)
    assert stats.chisquare(counts).pvalue > LEVEL


def test_uniform_words_and_bounded_integers() -> None:
    below = stream("below").below(10, DRAWS)
    assert stats.chisquare(np.bincount(below, minlength=10)).pvalue > LEVEL
    bits = np.unpackbits(stream("bits").words(10_000).view(np.uint8)).mean()
    assert abs(bits - 0.5) < 4 * 0.5 / math.sqrt(640_000)


def test_a_stream_repeats_by_secret_and_label_alone() -> None:
    one, same, other = stream("x"), stream("x"), NoiseStream(b"another secret", "x")
    first, second = one.words(50), one.words(50)
    assert (first == same.words(50)).all()
    assert (first != second).any()
    assert (first != other.words(50)).any()
    assert (first != stream("y").words(50)).any()


@pytest.mark.parametrize("sigma", [0.3, 5.0, 812.5, 50_000.0])
def test_noisy_counts_keep_their_deviation_and_lattice(sigma: float) -> None:
    counts = np.arange(20_000).reshape(100, 200)
    noisy, deviation = noisy_counts(b"secret", "counts", counts, sigma)
    assert noisy.shape == counts.shape
    assert sigma <= deviation <= sigma * (1 + 1 / FINEST) + 1
    assert (noisy - counts).std() == pytest.approx(deviation, rel=0.03)
    scale = 2 ** max(0, math.ceil(math.log2(FINEST / sigma)))
    assert (noisy * scale == np.rint(noisy * scale)).all()


def test_noise_that_would_drown_everything_is_refused() -> None:
    with pytest.raises(InsufficientEvidence):
        noisy_counts(b"secret", "counts", np.zeros(3, dtype=np.int64), float(LARGEST) * 2)
