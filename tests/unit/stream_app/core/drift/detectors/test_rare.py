"""Rare cells: tails are Poisson's, alarms come when a tail passes its height and seldom otherwise."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import poisson

from stream_app.core.drift.detectors import rare as rare_module
from stream_app.core.drift.detectors.rare import RareTests
from stream_app.core.drift.detectors.thresholds import WINDOWS, poisson_limit, poisson_tail

RATES = np.array([1e-4, 1e-3, 0.01])


def fed(cells: RareTests, block: "np.ndarray[Any, Any]", number: int) -> bool:
    """Take block ``number`` of 250 rows; whether it raises an alarm."""
    cells.update(block[None], np.array([250]), np.array([250 * number]))
    return cells.alarms()


def rare(clumping: Any = 1.0, alarms: float = 0.5) -> RareTests:
    return RareTests(RATES, np.full(3, clumping), 250, alarms)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 12), min_size=3, max_size=3), min_size=1, max_size=24))
def test_tails_are_the_rarest_over_the_windows(blocks: list[list[int]]) -> None:
    cells, counts = rare(), np.asarray(blocks)
    for number, block in enumerate(counts):
        alarm = fed(cells, block, number)
        tails, starts = cells.tails()
        expected = []
        for window in WINDOWS:
            seen = counts[max(0, number + 1 - window) : number + 1]
            mean = 250 * len(seen) * RATES
            expected.append(np.where(seen.sum(axis=0) > 0, -poisson.logsf(seen.sum(axis=0) - 1, mean) / np.log(10), 0))
        assert tails == pytest.approx(np.max(expected, axis=0), rel=1e-6, abs=1e-9)
        firsts = [250 * max(0, number + 1 - window) for window in WINDOWS]
        assert starts.tolist() == [firsts[place] for place in np.argmax(expected, axis=0)]
        assert alarm == bool((cells.strength() >= 1).any())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=1, max_size=20),
    st.sampled_from([1.0, 1.25, 1.5, 2.0, 3.75]),
)
def test_an_alarm_is_a_strength_of_one(blocks: list[list[int]], clumping: float) -> None:
    cells = rare(clumping)
    assert cells.strongest() == 0
    for number, block in enumerate(np.asarray(blocks)):
        assert fed(cells, block, number) == bool((cells.strength() >= 1).any())
        assert cells.strongest() == cells.strength().max()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.integers(100, 250)), min_size=1, max_size=40),
    st.lists(st.integers(1, 12), max_size=6),
)
# The fifth block brings no cell, but many rows without any leave the window of four.
@example([(0, 0, 250), (0, 6, 100), (0, 6, 100), (0, 6, 100), (0, 0, 100), (0, 0, 100)], [4])
def test_the_first_alarm_does_not_depend_on_how_blocks_are_cut(blocks: list[tuple[int, ...]], cuts: list[int]) -> None:
    """One block after the other says where the first alarm is; blocks together must stop there."""
    counts = np.array([[0, more // 2, less] for more, less, _ in blocks])
    rows, firsts = np.array([each[2] for each in blocks]), np.arange(len(blocks))
    one, expected = rare(), None
    for number in range(len(blocks)):
        one.update(counts[number : number + 1], rows[number : number + 1], firsts[number : number + 1])
        if one.alarms():
            expected = number + 1
            break
    some, at, found = rare(), 0, None
    for size in [*cuts, len(blocks)]:
        part = slice(at, at + size)
        taken, raised = some.first(counts[part], rows[part])
        part = slice(at, at + taken)
        some.update(counts[part], rows[part], firsts[part])
        at += taken
        assert raised == some.alarms()
        if raised:
            found = at
            break
        if at >= len(blocks):
            break
    assert found == expected


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=20), st.integers(0, 40), st.integers(0, 3))
def test_compiled_and_plain_tests_agree(before: list[tuple[int, int]], blocks: int, most: int) -> None:
    """Seed 43; counts that come near the limit, and past it."""
    found, counts = [], np.random.default_rng(43).integers(0, 1 + most, (blocks + 1, 3))
    with pytest.MonkeyPatch.context() as patch:
        for compiled in (rare_module.COMPILED, False):
            patch.setattr(rare_module, "COMPILED", compiled)
            cells = rare()
            for number, (more, less) in enumerate(before):
                cells.update(np.array([[0, more // 8, less]]), np.array([250]), np.array([250 * number]))
            found.append(cells.first(counts, np.full(len(counts), 250)))
    assert found[0] == found[1]


def test_a_tail_is_the_same_whenever_it_is_asked_for() -> None:
    """Seed 44; more numbers of rows than are kept."""
    random, cells, fresh = np.random.default_rng(44), rare(1.25), rare(1.25)
    for number in range(1_500):
        block = (random.integers(0, 4, (1, 3)), np.array([200 + number]), np.array([number]))
        cells.update(*block)
        cells.strength()
        fresh.update(*block)
    assert cells.strength().tolist() == fresh.strength().tolist()


@settings(max_examples=100, deadline=None)
@given(st.floats(0.5, 20), st.floats(1e-9, 1e4))
def test_the_limit_is_the_smallest_count_past_the_height(height: float, expected: float) -> None:
    limit = poisson_limit(height, np.array([expected]))
    assert poisson_tail(limit, np.array([expected]))[0] >= height
    assert poisson_tail(limit - 1, np.array([expected]))[0] < height


def test_clumped_cells_need_more() -> None:
    block = np.array([0, 8, 0])
    plain, clumped = rare(), rare(4.0)
    assert fed(plain, block, 0)
    assert not fed(clumped, block, 0)


def test_a_stationary_stream_alarms_within_its_budget() -> None:
    """Seed 41: 20,000 blocks of Poisson counts at 1,000 alarms a million rows: a fifth of them is for rare cells, so
    0.05 a block or 1,000 in all. Windows overlap and counts are whole, so there are fewer alarms than that, never more
    than 5 sigma above.
    """
    cells, random = rare(alarms=1_000), np.random.default_rng(41)
    alarms = 0
    for number, block in enumerate(random.poisson(250 * RATES, (20_000, 3))):
        if fed(cells, block, number):
            alarms += 1
            cells = rare(alarms=1_000)
    assert 50 < alarms < 1_000 + 5 * 32
