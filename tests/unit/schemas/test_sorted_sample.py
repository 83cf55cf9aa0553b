"""Distinct values against numpy and scipy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from schemas.bins import bin_edges, edges_of
from schemas.sorted_sample import SortedSample, pooled

NUMBERS = (
    st.lists(st.integers(-5, 60) | st.just(np.nan), max_size=60)
    | st.lists(st.floats(-1e300, 1e300) | st.just(np.nan), max_size=60)
    | st.lists(st.sampled_from([2.0**60, 2.0**60 + 256, 2.0**60 + 512, -0.0, 0.0, 0.5]), max_size=60)
)


@settings(max_examples=200, deadline=None)
@given(NUMBERS)
def test_points_counts_places_and_ranks_are_numpys_and_scipys(drawn: list[float]) -> None:
    values = np.array(drawn, dtype=float)
    found, missing = SortedSample.of(values), np.isnan(values)
    points, counts = np.unique(values[~missing], return_counts=True)
    np.testing.assert_array_equal(found.points, points)
    np.testing.assert_array_equal(found.counts, counts)
    np.testing.assert_array_equal(np.append(found.points, np.nan)[found.places], values)
    np.testing.assert_array_equal(found.midranks()[found.places[~missing]], rankdata(values[~missing]))
    assert found.whole == (not missing.any())
    for order, value in enumerate(np.sort(values[~missing])):
        assert found.at(order) == value


@settings(max_examples=100, deadline=None)
@given(NUMBERS, NUMBERS, st.integers(2, 12))
def test_bins_of_pooled_samples_are_those_of_all_values(left: list[float], right: list[float], bins: int) -> None:
    both = [np.array(each, dtype=float) for each in (left, right)]
    edges = edges_of(*pooled([SortedSample.of(each) for each in both]), bins)
    np.testing.assert_array_equal(edges, bin_edges(np.concatenate(both), bins))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-40, 40), min_size=1, max_size=200), st.integers(2, 12))
def test_shared_bins_end_at_numpys_quantiles(drawn: list[int], bins: int) -> None:
    values = np.array(drawn, dtype=float)
    distinct, counts = np.unique(values, return_counts=True)
    heaps = distinct[counts * bins >= len(values)]
    rest = values[~np.isin(values, heaps)]
    if len(distinct) > bins and len(rest):
        cuts = np.linspace(0, 1, max(2, bins - len(heaps) + 1))[1:-1]
        inner = np.quantile(rest, cuts, method="lower")
        assert np.isin(inner[inner < values.max()], bin_edges(values, bins)).all()
