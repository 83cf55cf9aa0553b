"""Pair tables: centred noise, margins kept, structure found."""

import numpy as np
import pytest

from generators.marginals.order import sampling_order
from generators.marginals.tables import PairTable, Side, measure_pair, refine
from generators.private.meter import Meter
from schemas.mechanism import Gaussian


def side(column: int, codes: np.ndarray, cells: int) -> Side:
    return Side(column, codes, np.bincount(codes, minlength=cells).astype(float), True)


def measured(noise: float, dependent: bool, seed: int = 1) -> tuple[PairTable, np.ndarray]:
    rng = np.random.default_rng(seed)
    left = rng.integers(0, 6, 20_000)
    right = (
        np.where(rng.random(20_000) < 0.6, left % 4, rng.integers(0, 4, 20_000))
        if dependent
        else rng.integers(0, 4, 20_000)
    )
    meter = Meter((Gaussian(noise_multiplier=noise),), b"k" * 32, 1)
    table = measure_pair(meter, side(0, left, 6), side(1, right, 4), 0.99)
    return table, np.bincount(left * 4 + right, minlength=24).reshape(6, 4)


def test_with_little_noise_the_table_is_the_counts() -> None:
    table, counts = measured(0.5, True)
    assert np.abs(table.masses - counts).max() < 5
    assert table.deviation == pytest.approx(0.5 / np.sqrt(0.99) * np.sqrt(5 / 6 * 3 / 4), rel=1e-3)


def test_margins_are_the_one_ways() -> None:
    table, counts = measured(40.0, True)
    assert np.allclose(table.masses.sum(axis=0), counts.sum(axis=0))
    assert np.allclose(table.masses.sum(axis=1), counts.sum(axis=1))


def test_information_tells_dependence_from_noise() -> None:
    real, _ = measured(20.0, True)
    # under independence the estimate is centred: its mean over 30 seeds is within four standard errors of zero
    none = np.array([measured(20.0, False, seed)[0].information for seed in range(30)])
    assert real.information > 0.2
    assert abs(none.mean()) < 4 * none.std() / np.sqrt(30) + 3e-4


def test_refining_moves_blocks_towards_the_better_estimate() -> None:
    truth = np.arange(16.0).reshape(4, 4) * 10
    half = np.array([0, 0, 1, 1])
    blocks = np.array([[truth[:2, :2].sum(), truth[:2, 2:].sum()], [truth[2:, :2].sum(), truth[2:, 2:].sum()]])
    fine = PairTable(0, 1, True, True, truth + 25, 10.0, 0.1)
    coarse = PairTable(0, 1, False, False, blocks, 0.1, 0.2)
    refined = refine(fine, coarse, half, half)
    assert np.allclose(refined.masses, truth, atol=0.1)
    assert refined.information == 0.2


def test_order_starts_at_the_target_and_follows_information() -> None:
    def pair(left: int, right: int, information: float) -> PairTable:
        return PairTable(left, right, False, False, np.ones((2, 2)), 1.0, information)

    tables = [pair(0, 1, 0.1), pair(0, 2, 0.5), pair(1, 2, 0.4), pair(1, 3, 0.9), pair(0, 3, 0.0), pair(2, 3, 0.01)]
    assert sampling_order(4, 0, tables) == [0, 2, 1, 3]
    assert sampling_order(4, None, tables) == [1, 3, 2, 0]
    assert sampling_order(3, 1, []) == [1, 0, 2]
