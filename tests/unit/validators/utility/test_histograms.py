import numpy as np
import pytest

from validators.utility.histograms import (
    SAMPLED_ROWS,
    deviation,
    joint,
    noise,
    rows_of,
    sampled,
    shares,
    total_variation,
)


def drawn(rows: int, weights: list[float], rng: np.random.Generator) -> np.ndarray:
    """Two columns that hang together."""
    first = rng.choice(len(weights), rows, p=weights)
    return np.column_stack([first, np.where(rng.random(rows) < 0.7, first, 0)])


def test_total_variation_of_shares() -> None:
    assert total_variation(np.array([1.0, 1]), np.array([10.0, 10])) == 0
    assert total_variation(np.array([1.0, 0]), np.array([0.0, 7])) == 1
    assert total_variation(np.array([3.0, 1]), np.array([1.0, 1])) == pytest.approx(0.25)


def test_the_stated_deviation_and_noise_are_those_of_repetition() -> None:
    # 500 repetitions of 400 against 300 rows, seed 5: errors of 3 % and of 1 %
    rng, weights, other = np.random.default_rng(5), [0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]
    values, stated, same, expected = [], [], [], []
    for _ in range(500):
        real, fake, more = drawn(400, weights, rng), drawn(300, other, rng), drawn(300, weights, rng)
        counts = [[np.bincount(side[:, j], minlength=4).astype(float) for j in range(2)] for side in (real, fake, more)]
        values.append(np.mean([total_variation(a, b) for a, b in zip(counts[0], counts[1], strict=True)]))
        signs = [np.sign(shares(a) - shares(b)) for a, b in zip(counts[0], counts[1], strict=True)]
        stated.append(deviation(((real[:, j], fake[:, j], signs[j]) for j in (0, 1)), (400, 300)))
        same.append(total_variation(counts[0][0], counts[2][0]))
        expected.append(noise(counts[0][0], counts[2][0]))
    assert np.mean(stated) == pytest.approx(np.std(values), rel=0.12)
    assert np.mean(expected) == pytest.approx(np.mean(same), rel=0.06)


def test_joint_codes_are_positions_in_the_flat_table() -> None:
    columns = [np.array([0, 1, 2]), np.array([1, 0, 1]), np.array([3, 0, 2])]
    expected = np.ravel_multi_index(tuple(columns), (3, 2, 4))
    np.testing.assert_array_equal(joint(columns, [3, 2, 4]), expected)


def test_sampled_rows_are_different_ones_in_order_and_their_codes_those_of_the_table() -> None:
    codes = np.asfortranarray(np.random.default_rng(0).integers(0, 9, (7_000, 3)).astype(np.int32))
    rows = sampled(len(codes), np.random.default_rng(1))
    assert len(rows) == SAMPLED_ROWS
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows_of(codes, rows), codes[rows])
    np.testing.assert_array_equal(sampled(4, np.random.default_rng(1)), np.arange(4))
