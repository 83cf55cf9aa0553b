"""Weights in whole numbers: rounded by little, cut into pieces without loss, and never too large for the sums."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from stream_app.core.drift.scoring.whole_numbers import MOST, MOST_INVERSE, packed, whole_inverse, whole_of


def standardised(weights: list[float], counts: list[int]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    shares = np.asarray(counts) / sum(counts)
    off = np.asarray(weights) - float(shares @ weights)
    return np.asarray(off / np.sqrt(float(shares @ off**2)))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-6, 6), st.integers(1, 10_000)), min_size=2, max_size=60),
    st.integers(0, 2**32),
)
def test_rounding_keeps_the_mean_the_variance_and_nearly_every_score(cells: list[tuple[float, int]], seed: int) -> None:
    weights, counts = [each[0] for each in cells], [each[1] for each in cells]
    if np.std(weights) < 1e-3:
        return
    contrast, rows = standardised(weights, counts), sum(counts)
    found = whole_of(csr_array(contrast[None]), np.asarray(counts), np.array([float(rows)]))
    whole = found.matrix.toarray()[0]
    assert (whole == np.rint(whole)).all()
    assert np.abs(whole).max() <= MOST
    again = (whole - found.means[0]) / found.units[0]
    shares = np.asarray(counts) / rows
    assert float(shares @ again) == pytest.approx(0, abs=1e-9)
    assert float(shares @ again**2) == pytest.approx(1, rel=1e-9)
    seen = np.random.default_rng(seed).multinomial(100, shares)
    assert float(seen @ again) / 10 == pytest.approx(float(seen @ contrast) / 10, abs=1e-3 * np.abs(contrast).max())


def test_a_baseline_without_rows_leaves_contrasts_as_they_are() -> None:
    found = whole_of(csr_array(np.array([[1.0, -1.0], [0.0, 0.0]])), np.zeros(2, dtype=np.int64), np.zeros(2))
    assert (found.matrix.toarray()[0] / found.units[0]).tolist() == [1.0, -1.0]
    assert found.means.tolist() == [0.0, 0.0]
    assert found.head(1).means.tolist() == [0.0]


def test_inverse_shares_are_as_large_as_a_double_can_square_with() -> None:
    found, scale = whole_inverse(np.array([0.5, 0.25, 0.25, 1.0, 1e-9]), np.array([0, 3, 3, 5]))
    assert found.tolist() == [MOST_INVERSE / 2, MOST_INVERSE, MOST_INVERSE, np.rint(MOST_INVERSE / 1e9), MOST_INVERSE]
    assert (found[:3] / scale[0]).tolist() == [2.0, 4.0, 4.0]
    assert MOST_INVERSE * (MOST + 1) ** 2 <= 2**53


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(0, 299), max_size=90, unique=True), max_size=12), st.integers(0, 2**32))
def test_pieces_weigh_what_the_rows_weigh(rows: list[list[int]], seed: int) -> None:
    random = np.random.default_rng(seed)
    cells = [sorted(each) for each in rows]
    data = random.integers(-MOST, MOST + 1, sum(map(len, cells))).astype(np.float64)
    starts = np.cumsum([0, *map(len, cells)])
    places = np.asarray([cell for each in cells for cell in each], dtype=np.int64)
    matrix = csr_array((data, places, starts), shape=(len(cells), 300))
    counts = np.append(random.integers(0, 100, 300), np.zeros(64, dtype=np.int64))
    found = np.zeros(len(cells), dtype=np.int64)
    for firsts, owners, weights in packed(matrix):
        for first, owner, own in zip(firsts, owners, weights, strict=True):
            found[owner] += int(own.astype(np.int64) @ counts[first : first + len(own)])
    assert found.tolist() == (matrix @ counts[:300].astype(np.float64)).tolist()
