"""Counting: compiled code, numpy and a plain loop give the same integers, and counts of disjoint rows add up."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.core.drift.counts import counting
from stream_app.core.drift.counts.counting import count
from tests.unit.stream_app.core.drift.drift_tables import any_codes, any_layout, plain_count

seeds = st.integers(0, 2**32)


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(1, 5), st.integers(0, 60))
def test_compiled_numpy_and_a_plain_loop_agree(seed: int, columns: int, number: int) -> None:
    random = np.random.default_rng(seed)
    layout = any_layout(random, columns)
    codes = any_codes(random, layout, number)
    ends = sorted({*random.integers(0, number + 1, 3).tolist(), number})
    expected = [plain_count(codes[:, start:stop], layout).tolist() for start, stop in pairwise([0, *ends])]
    with pytest.MonkeyPatch.context() as patch:
        for compiled in {False, counting.COMPILED}:
            patch.setattr(counting, "COMPILED", compiled)
            assert count(codes, layout, ends).tolist() == expected


@settings(max_examples=40, deadline=None)
@given(seeds, st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_counts_add_up_over_any_cut_and_any_order_of_rows(seed: int, sizes: list[int]) -> None:
    random = np.random.default_rng(seed)
    layout = any_layout(random, 4)
    codes = any_codes(random, layout, sum(sizes))
    whole = count(codes, layout, [sum(sizes)])[0]
    assert count(codes, layout, np.cumsum(sizes)).sum(axis=0).tolist() == whole.tolist()
    shuffled = np.ascontiguousarray(codes[:, random.permutation(sum(sizes))])
    assert count(shuffled, layout, [sum(sizes)])[0].tolist() == whole.tolist()


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 100))
def test_every_row_is_once_in_each_table(seed: int, number: int) -> None:
    random = np.random.default_rng(seed)
    layout = any_layout(random, 4)
    cells = count(any_codes(random, layout, number), layout, [number])[0]
    tables = [layout.column_cells(place) for place in range(4)]
    tables += [layout.pair_cells(pair) for pair in range(len(layout.pairs))]
    assert {int(cells[table].sum()) for table in tables} == {number}
    for subgroup in range(len(layout.subgroups)):
        groups = [int(cells[layout.group_cells(subgroup, group, 0)].sum()) for group in range(3)]
        assert sum(groups) == number


def test_numpy_counts_in_pieces_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    layout = any_layout(random, 5)
    codes = any_codes(random, layout, 1_000)
    expected = count(codes, layout, [400, 1_000]).tolist()
    monkeypatch.setattr(counting, "COMPILED", False)
    monkeypatch.setattr(counting, "_PIECE", 64)
    assert count(codes, layout, [400, 1_000]).tolist() == expected


def test_nothing_gives_nothing() -> None:
    layout = any_layout(np.random.default_rng(4), 3)
    empty = np.zeros((3, 0), dtype=np.uint8)
    assert count(empty, layout, []).shape == (0, layout.cells)
    assert not count(empty, layout, [0, 0]).any()
