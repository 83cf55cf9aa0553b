"""Layouts: no two things share a cell, levels are even, groups are large enough, and a digest tells layouts apart."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.counts import MOST_PAIRED
from stream_app.core.drift.coding.bins import ColumnBins
from stream_app.core.drift.counts.layout import LEVELS, MOST_GROUPS, Layout, lay_out
from stream_app.core.drift.reference import Reference, build_reference
from tests.unit.stream_app.core.drift.drift_tables import CONTRACT, any_layout, rows


def numbers(name: str, bins: int) -> ColumnBins:
    return ColumnBins(name, "number", "numeric", edges=tuple(float(edge) for edge in range(bins - 1)))


def words(name: str, values: int) -> ColumnBins:
    return ColumnBins(name, "string", "categorical", values=tuple(f"v{place}" for place in range(values)))


@pytest.fixture(scope="module")
def reference() -> Reference:
    return build_reference(rows(4_000, 1), CONTRACT)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5))
def test_the_sections_follow_each_other_and_fill_the_vector(seed: int, columns: int) -> None:
    layout = any_layout(np.random.default_rng(seed), columns)
    seen = np.zeros(layout.cells, dtype=np.int64)
    for place in range(columns):
        seen[layout.column_cells(place)] += 1
    for pair in range(len(layout.pairs)):
        seen[layout.pair_cells(pair)] += 1
    seen[layout.cubes[0] : layout.cubes[-1]] += 1
    for number, subgroup in enumerate(layout.subgroups):
        for group in range(subgroup.number + 1):
            for place in range(columns):
                seen[layout.group_cells(number, group, place)] += 1
    assert (seen == 1).all()


def test_levels_of_numbers_have_about_equal_shares_and_keep_the_order() -> None:
    counts = np.array([50, 10, *np.random.default_rng(2).integers(10, 30, 40)])
    layout = lay_out([counts], (numbers("v", 40),), ())
    levels = layout.coarse[0, 2:42].astype(int)
    assert (np.diff(levels) >= 0).all()
    assert layout.coarse[0, :2].tolist() == [0, 0]
    shares = np.bincount(levels, counts[2:])[1:] / counts[2:].sum()
    assert len(shares) == LEVELS
    assert np.abs(shares - 1 / LEVELS).max() < 0.05


def test_frequent_categories_have_levels_of_their_own_and_the_rest_share_one() -> None:
    layout = lay_out([np.array([0, 0, 50, 30, 15, 3, 2])], (words("v", 5),), ())
    levels = layout.coarse[0, 2:7].tolist()
    assert len(set(levels[:3])) == 3
    assert levels[3] == levels[4] not in levels[:3]


def test_of_many_columns_the_target_and_the_subgroups_are_paired_first() -> None:
    bins = tuple(words(f"c{place}", 3) for place in range(40))
    counts = [np.array([0, 0, 500, 300, 200])] * 40
    layout = lay_out(counts, bins, (39,), (), (38,))
    assert len(layout.pairs) == MOST_PAIRED * (MOST_PAIRED - 1) // 2
    paired = {place for pair in layout.pairs for place in pair}
    assert {38, 39} < paired
    assert max(paired - {38, 39}) == MOST_PAIRED - 3


def test_only_values_with_enough_rows_are_groups_and_not_more_than_the_most() -> None:
    few = lay_out([np.array([0, 0, 900, 199, 200])], (words("g", 3),), (0,)).subgroups[0]
    assert few.number == 2
    assert few.groups[:5].tolist() == [0, 0, 1, 0, 2]
    many = lay_out([np.array([0, 0, *range(1_200, 1_000, -1)])], (words("g", 200),), (0,)).subgroups[0]
    assert many.number == MOST_GROUPS
    assert many.groups[2:202].tolist() == [*range(1, MOST_GROUPS + 1), *[0] * (200 - MOST_GROUPS)]


def test_digests_tell_layouts_apart(reference: Reference) -> None:
    layout: Layout = reference.layout
    coarse, groups = layout.coarse.copy(), layout.subgroups[0].groups.copy()
    coarse[0, 5], groups[2] = 9, 0
    others = [
        replace(layout, pairs=layout.pairs[1:]),
        replace(layout, triples=()),
        replace(layout, coarse=coarse),
        replace(layout, subgroups=(replace(layout.subgroups[0], groups=groups),)),
        replace(layout, sizes=(*layout.sizes[:-1], layout.sizes[-1] + 1)),
    ]
    assert len({layout.digest, *(other.digest for other in others)}) == 6
    assert replace(layout).digest == layout.digest
