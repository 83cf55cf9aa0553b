"""Counts of groups against one count for each pair."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.two_way import MOST_CELLS, _groups, two_way


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=9), st.integers(0, 3_000), st.integers(0, 2**31), st.data())
def test_counts_are_those_of_one_pass_for_each_pair(
    sizes: list[int], rows: int, seed: int, data: st.DataObject
) -> None:
    every = list(combinations(range(len(sizes)), 2))
    pairs = tuple(data.draw(st.lists(st.sampled_from(every), unique=True))) if every else ()
    rng = np.random.default_rng(seed)
    columns = [rng.integers(0, size, rows).astype(np.uint8) for size in sizes]
    found = two_way(columns, tuple(sizes), pairs)
    for i, j in pairs:
        expected = np.zeros((sizes[i], sizes[j]), dtype=int)
        np.add.at(expected, (columns[i], columns[j]), 1)
        np.testing.assert_array_equal(found.joint[i, j], expected)
    for j, size in enumerate(sizes):
        np.testing.assert_array_equal(found.single[j], np.bincount(columns[j], minlength=size))


@pytest.mark.parametrize("sizes", [(300, 400, 3), (1, 65_536, 2), (65_535, 1, 1), (256, 256, 256)])
def test_tables_beyond_sixteen_bits_are_counted_alike(sizes: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(0)
    columns = [rng.integers(0, size, 5_000).astype(np.min_scalar_type(size - 1)) for size in sizes]
    found = two_way(columns, sizes, ((0, 1), (1, 2)))
    for i, j in ((0, 1), (1, 2)):
        keys = columns[i].astype(np.int64) * sizes[j] + columns[j]
        np.testing.assert_array_equal(found.joint[i, j].ravel(), np.bincount(keys, minlength=sizes[i] * sizes[j]))


def test_every_pair_is_in_a_group_and_groups_are_far_fewer_than_pairs() -> None:
    sizes = (21, 10, 21, 18, 17, 9, 16, 8, 7, 4, 18, 18, 22, 42, 4)
    pairs = tuple(combinations(range(len(sizes)), 2))
    groups = _groups(sizes, pairs, MOST_CELLS)
    assert {pair for group in groups for pair in combinations(group, 2)} == set(pairs)
    assert all(np.prod([sizes[j] for j in group]) <= MOST_CELLS for group in groups)
    assert len(groups) < len(pairs) / 3
