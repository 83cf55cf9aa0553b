"""Counting by bits gives the integers of counting row by row, of blocks and of classes, and declines what it cannot."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.core.drift.counts import counting
from stream_app.core.drift.counts.counting import count, count_apart, count_tables
from stream_app.core.drift.counts.lanes import lanes_of
from stream_app.core.drift.counts.layout import Layout, Subgroup
from tests.unit.stream_app.core.drift.drift_tables import any_codes, any_layout, plain_count

seeds = st.integers(0, 2**32)


def plainly(codes: Any, layout: Layout, ends: list[int], classes: Any) -> list[Any]:
    """What ``count_apart`` gives as lists."""
    counts, *apart = count_apart(codes, layout, ends, classes)
    return [counts.whole().tolist(), *(each.tolist() for each in apart)]


def paired(random: np.random.Generator, columns: int, levels: int) -> Layout:
    """Columns of up to so many coarse levels, most of them pairs, and a subgroup or two."""
    sizes = tuple(int(size) for size in random.integers(2, 40, columns))
    coarse = np.zeros((columns, 256), dtype=np.uint8)
    for place, size in enumerate(sizes):
        coarse[place, 2:size] = random.integers(1, levels, size - 2)
    pairs = [(left, right) for left in range(columns) for right in range(left + 1, columns) if random.random() < 0.9]
    groups = random.integers(0, 3, (2, 256)).astype(np.uint8)
    subgroups = tuple(Subgroup(place, 2, groups[place]) for place in range(int(random.integers(0, 3))))
    coarse_sizes = tuple(int(row.max()) + 1 for row in coarse)
    return Layout(sizes, coarse, coarse_sizes, tuple(pairs), (), subgroups)


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(3, 7), st.sampled_from([3, 7, 14]), st.integers(200, 900), st.integers(1, 3))
def test_blocks_and_classes_are_those_of_a_plain_loop(
    seed: int, columns: int, levels: int, number: int, classes: int
) -> None:
    random = np.random.default_rng(seed)
    layout = paired(random, columns, levels)
    codes, ends = any_codes(random, layout, number), [150, 150, number]
    own = random.integers(0, classes, number).astype(np.int8)
    expected = [plain_count(codes[:, start:stop], layout).tolist() for start, stop in pairwise([0, *ends])]
    totals = [plain_count(codes[:, own == each], layout).tolist() for each in (0, 1)]
    with pytest.MonkeyPatch.context() as patch:
        for compiled in {False, counting.COMPILED}:
            patch.setattr(counting, "COMPILED", compiled)
            counts, first, second = count_apart(codes, layout, ends, own)
            assert counts.whole().tolist() == expected
            assert [first.tolist(), second.tolist()] == totals
            assert count(codes, layout, ends).tolist() == expected


@pytest.mark.skipif(not counting.COMPILED, reason="numba is not installed")
@pytest.mark.parametrize("number", [1, 63, 64, 65, 2_047, 2_048, 2_049, 40_000])
def test_any_number_of_rows_is_counted_alike(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(number)
    layout = paired(random, 4, 7)
    codes, classes = any_codes(random, layout, number), random.integers(0, 3, number).astype(np.int8)
    monkeypatch.setattr(counting, "_FEWEST_BY_LANES", 0)
    by_lanes = plainly(codes, layout, [number], classes)
    monkeypatch.setattr(counting, "_by_lanes", lambda *_: False)
    assert by_lanes == plainly(codes, layout, [number], classes)
    monkeypatch.setattr(counting, "COMPILED", False)
    assert by_lanes == plainly(codes, layout, [number], classes)


def test_the_last_cells_of_a_layout_are_no_room_for_empty_lanes() -> None:
    random = np.random.default_rng(5)
    layout = replace(paired(random, 3, 3), subgroups=())
    codes = any_codes(random, layout, 500)
    assert count(codes, layout, [500])[0].tolist() == plain_count(codes, layout).tolist()


def test_layouts_that_lanes_do_not_serve_are_left_to_rows() -> None:
    random = np.random.default_rng(6)
    layout = replace(paired(random, 4, 7), subgroups=())
    assert lanes_of(layout) is not None
    assert lanes_of(replace(layout, pairs=())) is None
    assert lanes_of(replace(layout, pairs=((1, 0),))) is None
    assert lanes_of(replace(layout, triples=((0, 1, 2),))) is None
    assert lanes_of(replace(layout, coarse_sizes=(17, *layout.coarse_sizes[1:]))) is None
    many = Subgroup(0, 100, np.zeros(256, dtype=np.uint8))
    assert lanes_of(replace(layout, subgroups=(many,))) is None
    wide = replace(layout, sizes=layout.sizes * 40, coarse=np.tile(layout.coarse, (40, 1)))
    wide = replace(wide, coarse_sizes=layout.coarse_sizes * 40)
    some = Subgroup(0, 2, np.zeros(256, dtype=np.uint8))
    assert lanes_of(wide) is not None
    assert lanes_of(replace(wide, subgroups=(some,))) is None


def test_large_blocks_of_two_classes_do_not_overflow() -> None:
    layout = any_layout(np.random.default_rng(7), 2)
    codes = np.zeros((2, 40_000), dtype=np.uint8)
    counts, first, second = count_apart(codes, layout, [40_000], (np.arange(40_000) % 2).astype(np.int8))
    assert (counts.often[0, 0], first[0], second[0]) == (40_000, 20_000, 20_000)


def test_many_narrow_blocks_of_two_classes_do_not_overflow() -> None:
    layout = replace(any_layout(np.random.default_rng(7), 2), pairs=((0, 1),), triples=(), subgroups=())
    codes, ends = np.zeros((2, 600 * 255), dtype=np.uint8), [*range(255, 600 * 255 + 1, 255)]
    counts, first, second = count_apart(codes, layout, ends, np.zeros(600 * 255, dtype=np.int8))
    assert counts.often.dtype == counts.seldom.dtype == np.uint8
    assert (counts.often[:, 0] == 255).all()
    assert (first[0], second[0]) == (600 * 255, 0)


@pytest.mark.parametrize("number", [255, 256])
def test_blocks_are_as_narrow_as_they_may_be(number: int) -> None:
    random = np.random.default_rng(number)
    layout = paired(random, 4, 7)
    codes = np.repeat(any_codes(random, layout, 1), 2 * number, axis=1)
    counts, first, second = count_apart(codes, layout, [number, 2 * number], np.zeros(2 * number, dtype=np.int8))
    expected = plain_count(codes[:, :number], layout)
    assert counts.often.dtype == counts.seldom.dtype == (np.uint8 if number < 256 else np.int16)
    assert counts.whole().tolist() == [expected.tolist()] * 2
    assert first.tolist() == (2 * expected).tolist()
    assert not second.any()


def test_groups_of_columns_that_are_in_no_pair_are_counted_by_lanes_too() -> None:
    random = np.random.default_rng(8)
    layout = paired(random, 5, 14)
    groups = np.arange(256).astype(np.uint8) % 9
    layout = replace(layout, pairs=((0, 1),), subgroups=(Subgroup(4, 8, groups),))
    assert lanes_of(layout) is not None
    codes, own = any_codes(random, layout, 300), random.integers(0, 3, 300).astype(np.int8)
    counts, first, second = count_apart(codes, layout, [100, 300], own)
    assert counts.row(0).tolist() == plain_count(codes[:, :100], layout).tolist()
    assert counts.row(1).tolist() == plain_count(codes[:, 100:], layout).tolist()
    assert first.tolist() == plain_count(codes[:, own == 0], layout).tolist()
    assert second.tolist() == plain_count(codes[:, own == 1], layout).tolist()


@pytest.mark.parametrize("levels", [3, 7, 14])
def test_steps_fill_their_cells_in_order(levels: int) -> None:
    layout = paired(np.random.default_rng(levels), 6, levels)
    lanes = lanes_of(layout)
    assert lanes is not None
    steps = np.concatenate([lanes.of_pairs, lanes.of_groups])
    cells = [int(at + number * width) for _, _, _, at, width, many in steps for number in range(many)]
    assert cells == sorted(set(cells))
    assert np.diff([layout.fine[-1], *cells, layout.cells]).max() <= 8


def together(counts: "np.ndarray[Any, Any]", layout: Layout, paired: list[bool]) -> "np.ndarray[Any, Any]":
    """Pairs' counts of the blocks up to each that is paired, which they stand in, by a plain loop."""
    found, cells = counts.astype(np.int64), slice(layout.paired.first, layout.paired.stop)
    waiting = np.zeros(cells.stop - cells.start, dtype=np.int64)
    for place, is_paired in enumerate(paired):
        waiting = waiting + found[place, cells]
        found[place, cells] = waiting if is_paired else 0
        waiting = np.zeros_like(waiting) if is_paired else waiting
    return found


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(3, 7), st.sampled_from([3, 7, 14]), st.integers(1, 3), st.data())
def test_pairs_of_several_blocks_stand_in_the_last_of_them(
    seed: int, columns: int, levels: int, classes: int, data: st.DataObject
) -> None:
    random = np.random.default_rng(seed)
    layout = paired(random, columns, levels)
    sizes = data.draw(st.lists(st.sampled_from([0, 1, 64, 80, 100, 100, 100, 128, 255]), min_size=1, max_size=40))
    flags = [*(data.draw(st.booleans()) for _ in sizes[1:]), True]
    number, ends = sum(sizes), np.cumsum(sizes)
    codes, own = any_codes(random, layout, number), random.integers(0, classes, number).astype(np.int8)
    if data.draw(st.booleans()):
        # Most rows are alike, so that a cell has more of several blocks than a byte holds.
        codes = np.where(random.random(number) < 0.95, codes[:, :1], codes) if number else codes
    expected = together(
        np.stack([plain_count(each, layout) for each in np.split(codes, ends[:-1], axis=1)]), layout, flags
    )
    totals = [plain_count(codes[:, own == each], layout).tolist() for each in (0, 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_FEWEST_BY_LANES", 0)
        for compiled in {False, counting.COMPILED}:
            patch.setattr(counting, "COMPILED", compiled)
            counts, first, second = count_apart(codes, layout, ends, own, np.asarray(flags))
            assert counts.whole().tolist() == expected.tolist()
            assert [first.tolist(), second.tolist()] == totals
            assert count_tables(codes, layout, ends, np.asarray(flags)).whole().tolist() == expected.tolist()


def test_pairs_of_blocks_that_are_too_many_for_words_are_counted_row_by_row() -> None:
    random = np.random.default_rng(9)
    layout = paired(random, 4, 7)
    codes, ends = any_codes(random, layout, 9_000), [3_000, 6_000, 9_000]
    flags = np.array([False, False, True])
    expected = together(count(codes, layout, ends), layout, flags.tolist())
    assert count_tables(codes, layout, ends, flags).whole().tolist() == expected.tolist()
