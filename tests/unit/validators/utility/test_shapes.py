"""Distances between samples against scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp, wasserstein_distance

from schemas.sorted_sample import SortedSample
from validators.utility.shapes import sample_distances, shape


def distances(real: np.ndarray, fake: np.ndarray) -> tuple[float, float | None]:
    return sample_distances(SortedSample.of(real), SortedSample.of(fake))


SAMPLE = st.lists(st.integers(-5, 5) | st.floats(-1e3, 1e3), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None)
@given(SAMPLE, SAMPLE)
def test_both_distances_are_scipys(left: list[float], right: list[float]) -> None:
    real, fake = np.sort(np.array(left, dtype=float)), np.sort(np.array(right, dtype=float))
    ks, distance = distances(real, fake)
    assert ks == pytest.approx(ks_2samp(real, fake, method="asymp").statistic, abs=1e-12)
    scale = real[3 * len(real) // 4] - real[len(real) // 4] or real.std()
    if distance is None:
        assert scale == 0
    else:
        assert distance * scale == pytest.approx(wasserstein_distance(real, fake), abs=1e-8)


def test_a_shift_of_one_interquartile_range_is_a_distance_of_one() -> None:
    values = np.arange(1_000.0)
    ks, distance = distances(values, values + (values[750] - values[250]))
    assert distance == pytest.approx(1)
    assert ks == pytest.approx(0.5)


def test_an_empty_sample_differs_from_all_but_another_empty_one() -> None:
    none, some = np.zeros(0), np.arange(3.0)
    assert distances(none, some)[0] == distances(some, none)[0] == 1
    assert distances(none, none)[0] == 0


def test_what_cannot_be_scaled_is_left_out() -> None:
    assert distances(np.full(5, 3.0), np.arange(5.0))[1] is None
    assert distances(np.array([-1e308, 1e308]), np.array([1e308, 1e308]))[1] is None


def test_missing_cells_count_in_the_variation_but_not_in_that_of_present_ones() -> None:
    found = shape(np.array([0.0, 50, 50]), np.array([50.0, 25, 25]))
    assert found.variation == pytest.approx(0.5)
    assert found.present_variation == pytest.approx(0)
    assert found.effect == pytest.approx(np.sqrt(1 / 3))
    assert found.similarity == pytest.approx(0.5)
