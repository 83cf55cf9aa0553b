"""Denoising: noise away, structure and empty cells kept, margins held."""

import numpy as np

from generators.arrays import Floats
from generators.marginals.denoising import denoised, determination, posterior_means, shrink_singular_values

DEVIATION = 30.0


def noisy(counts: Floats, seed: int) -> tuple[Floats, Floats, Floats, Floats]:
    """The centred part without the margins' product, as published; both margins; and that product."""
    left, right = counts.sum(axis=1), counts.sum(axis=0)
    product = np.outer(left, right) / counts.sum()
    table = counts - product + np.random.default_rng(seed).normal(0, DEVIATION, counts.shape)
    return table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean(), left, right, product


def error(found: Floats, counts: Floats) -> float:
    return float(np.linalg.norm(found - counts))


def test_shrinking_noise_leaves_nothing_and_keeps_a_strong_signal() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 2, (20, 30))
    signal = np.outer(rng.normal(0, 30, 20), rng.normal(0, 1, 30))
    assert np.linalg.norm(shrink_singular_values(noise, 2.0)) < 0.3 * np.linalg.norm(noise)
    shrunk = shrink_singular_values(signal + noise, 2.0)
    assert np.linalg.norm(shrunk - signal) < 0.7 * np.linalg.norm(noise)


def test_a_column_that_determines_another_keeps_its_empty_cells() -> None:
    """16 of 256 cells hold all rows; of noise as published a third of the rows would lie elsewhere. 20 seeds."""
    counts = np.diag(np.linspace(400, 4_000, 16))
    for seed in range(20):
        part, left, right, product = noisy(counts, seed)
        assert determination(1.5, left, right) > 0.4
        found = denoised(part, left, right, DEVIATION, 1.5)
        assert found.min() > -5
        assert found.sum() - np.trace(found) < 0.005 * counts.sum()
        assert np.maximum(product + part, 0).sum() - np.trace(product + part) > 0.05 * counts.sum()
        assert np.allclose(found.sum(axis=0), right, rtol=0.01)


def test_independence_stays_and_dependence_comes_nearer() -> None:
    """20 seeds, each nearer to the counts than as published."""
    rows, columns = np.linspace(500, 4_000, 10), np.linspace(1, 3, 8)
    flat = np.outer(rows, columns / columns.sum())
    tilted = flat * np.exp(0.6 * np.sin(np.arange(10))[:, None] * np.cos(np.arange(8)))
    for seed in range(20):
        for counts, less in ((flat, 0.5), (tilted, 0.9)):
            part, left, right, product = noisy(counts, seed)
            found = denoised(part, left, right, DEVIATION, 0.05)
            assert error(found, counts) < less * error(product + part, counts)


def test_a_ratio_far_outside_its_prior_is_believed_where_noise_is_small() -> None:
    """No prior outweighs what a count without noise says."""
    product = np.full((4, 4), 1_000.0)
    counts = np.array([[10_000, 0, 1_000, 1_000]] + [[1_000] * 4] * 3, dtype=np.float64)
    found = posterior_means(counts, product, 60.0, 1.0)
    assert abs(found[0, 0] - 10_000) < 60
    assert found[0, 1] < 20
    assert np.abs(found[1:] / 1_000 - 1).max() < 0.05


def test_a_rare_group_in_cells_below_the_noise_is_left_to_the_fit() -> None:
    """What ten rows a cell say under a noise of 30 a prior of ratios would take away."""
    left, right = np.array([59_900.0, 100.0]), np.full(10, 6_000.0)
    part = np.outer([-1.0, 1.0], np.append(80.0, np.full(9, -80.0 / 9)))
    found = denoised(part, left, right, DEVIATION, 0.01)
    assert np.allclose(found, np.outer(left, right) / 60_000 + part)
