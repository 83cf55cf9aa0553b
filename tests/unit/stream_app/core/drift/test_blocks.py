"""Blocks: whatever is cut into them, they add up to the rows, in order, and are read back exactly."""

import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.drift import DriftPolicy
from schemas.errors import ContractError
from stream_app.core.drift.blocks import NO_ERRORS, Block, Blocks, counted
from stream_app.core.drift.concept.concept import Errors
from stream_app.core.drift.counts.counting import count
from stream_app.core.drift.reference import Reference, build_reference
from tests.unit.stream_app.core.drift.drift_tables import CONTRACT, rows

HOUR = 3_600.0


@pytest.fixture(scope="module")
def reference() -> Reference:
    """With a time column, and a period for each weekday."""
    timed = CONTRACT.model_copy(
        update={"columns": (*CONTRACT.columns, CONTRACT.columns[0].model_copy(update={"name": "at", "role": "time"}))}
    )
    table = rows(6_000, 1).assign(at=np.arange(6_000) * HOUR / 4)
    found = build_reference(table, timed.model_copy(), DriftPolicy(season="weekday"))
    assert len(found.periods) == 7
    return found


def test_blocks_add_up_and_know_their_period_and_first_time(reference: Reference) -> None:
    codes = reference.encode(rows(2_000, 2))
    seconds = np.where(np.arange(2_000) < 1_500, np.arange(2_000) * HOUR / 4, np.nan)
    blocks = counted(codes, seconds, reference)
    assert sum(block.rows for block in blocks) == 2_000
    assert (
        np.sum([block.counts for block in blocks], axis=0).tolist()
        == count(codes, reference.layout, [2_000])[0].tolist()
    )
    at = 0
    for block in blocks:
        assert block.rows <= reference.block_rows
        assert int(block.counts[reference.layout.column_cells(0)].sum()) == block.rows
        assert block.period == int(reference.periods_of(seconds[at : at + 1])[0])
        assert block.time == (seconds[at] if at < 1_500 else None)
        assert block.errors == NO_ERRORS
        at += block.rows


def block(rows_: int, time: float | None = None, errors: Errors = NO_ERRORS) -> Block:
    return Block(3, rows_, np.arange(4) * rows_, time, errors)


def test_joined_blocks_are_one_with_the_time_of_the_first_that_has_one() -> None:
    both = block(5, None, Errors(5, 1, 70)).joined(block(7, 9.5, Errors(2, 2, 30)))
    assert (both.period, both.rows, both.time, both.errors) == (3, 12, 9.5, Errors(7, 3, 100))
    assert both.counts.tolist() == [0, 12, 24, 36]
    assert block(5, 1.0).joined(block(7, 9.5)).time == 1.0


def test_a_sum_is_as_narrow_as_it_fits() -> None:
    for most, dtype in ((100, np.uint8), (200, np.int16), (40_000, np.int64)):
        counts = np.array([1, most], dtype=np.uint8 if most < 256 else np.uint16)
        both = Block(0, 9, counts).joined(Block(0, 9, counts))
        assert both.counts.dtype == dtype
        assert both.counts.tolist() == [2, 2 * most]


@st.composite
def some_blocks(draw: st.DrawFn) -> list[Block]:
    numbers, times = st.integers(0, 2**40), st.none() | st.floats(allow_nan=False, allow_infinity=False)
    errors = st.builds(Errors, st.integers(0, 9), st.integers(-1, 9), st.integers(0, 9 << 16))
    dtype = draw(st.sampled_from([np.uint8, np.int16, np.int64]))
    return [
        Block(draw(st.integers(0, 6)), draw(numbers), np.array([place, 7], dtype=dtype), draw(times), draw(errors))
        for place in range(draw(st.integers(0, 5)))
    ]


def plain(blocks: Sequence[Block]) -> list[list[object]]:
    return [[each.period, each.rows, each.counts.tolist(), each.time, each.errors] for each in blocks]


@settings(max_examples=80, deadline=None)
@given(some_blocks(), some_blocks(), st.integers(0, 4), st.integers(0, 5))
def test_blocks_side_by_side_are_those_one_after_the_other(
    blocks: list[Block], others: list[Block], start: int, stop: int
) -> None:
    together = Blocks.of(blocks)
    assert Blocks.of(together) is together
    assert plain(together) == plain(blocks)
    assert plain(together[start:stop]) == plain(blocks[start:stop])
    assert together.possible == all(each.errors.possible for each in blocks)
    places = np.flatnonzero(np.arange(len(blocks)) != start)
    instead = {int(place): other for place, other in zip(places[1:], others, strict=False)}
    expected = [instead.get(place, each) for place, each in enumerate(blocks) if place != start]
    assert plain(together.replaced(places, instead)) == plain(expected)
    assert plain(together) == plain(blocks)


@st.composite
def some_paired_blocks(draw: st.DrawFn) -> list[Block]:
    """Of cells of which the second and the third are pairs'."""
    found = list[Block]()
    for _ in range(draw(st.integers(1, 6))):
        paired = draw(st.sampled_from([0, 7, 400]))
        dtype, most = draw(st.sampled_from([(np.uint8, 255), (np.int16, 32_000), (np.int64, 2**40)]))
        counts = np.array(draw(st.lists(st.integers(0, most), min_size=4, max_size=4)), dtype=dtype)
        counts[1:3] *= paired > 0
        found.append(Block(draw(st.integers(0, 2)), 100, counts, pair_rows=paired))
    return found


def told(blocks: Sequence[Block]) -> list[object]:
    return [[*each.head, each.counts.tolist()] for each in blocks]


@settings(max_examples=120, deadline=None)
@given(some_paired_blocks(), some_paired_blocks(), st.data())
def test_some_blocks_are_replaced_whether_they_have_pairs_or_not(
    blocks: list[Block], others: list[Block], data: st.DataObject
) -> None:
    together = Blocks.of(blocks, (1, 3))
    kept = sorted(data.draw(st.sets(st.integers(0, len(blocks) - 1), min_size=1)))
    places = data.draw(st.lists(st.sampled_from(kept), unique=True))
    instead = dict(zip(places, others, strict=False))
    found = together.replaced(np.asarray(kept), instead)
    assert told(found) == told([instead.get(place, blocks[place]) for place in kept])
    assert found.tables.paired.tolist() == [each.head[-1] > 0 for each in found]
    assert told(together) == told(blocks)


@settings(max_examples=120, deadline=None)
@given(some_paired_blocks(), st.data())
def test_pairs_of_some_blocks_are_taken_away_or_become_more(blocks: list[Block], data: st.DataObject) -> None:
    together = Blocks.of(blocks, (1, 3))
    had = together.tables.paired
    rows = np.asarray([data.draw(st.sampled_from([0, 9]), label="rows") * int(each) for each in had])
    of_some = st.dictionaries(st.sampled_from([*np.flatnonzero(rows).tolist()] or [-1]), st.integers(0, 2**41))
    more = {place: np.array([most, 3]) for place, most in data.draw(of_some).items() if place >= 0}
    found = together.repaired(rows, more)
    for place, (before, after) in enumerate(zip(blocks, found, strict=True)):
        pairs = more.get(place, before.counts[1:3]) if rows[place] else np.zeros(2)
        assert after.counts.tolist() == [before.counts[0], *pairs, before.counts[3]]
        assert after.head == (*before.head[:-1], rows[place])
    assert told(together) == told(blocks)


def test_pairs_stay_as_narrow_as_they_fit() -> None:
    together = Blocks.of([Block(0, 100, np.array([1, 2, 3, 4], dtype=np.uint8)) for _ in range(2)], (1, 3))
    for most, dtype in ((255, np.uint8), (256, np.uint16), (65_536, np.int64)):
        found = together.repaired(np.array([100, 100]), {1: np.array([most, 0])}).tables
        assert (found.often.dtype, found.seldom.dtype) == (np.uint8, dtype)


def test_blocks_of_several_layouts_are_refused() -> None:
    with pytest.raises(ContractError):
        Blocks.of([Block(0, 1, np.zeros(3, dtype=np.uint8)), Block(0, 1, np.zeros(4, dtype=np.uint8))])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**40), st.none() | st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 2**40))
def test_a_block_is_read_back_exactly(number: int, time: float | None, wrong: int) -> None:
    given_block = block(number, time, Errors(wrong, wrong, 0))
    again = Block.from_document(json.loads(json.dumps(given_block.document())))
    assert again.document() == given_block.document()
    assert again.counts.tolist() == given_block.counts.tolist()


@pytest.mark.parametrize("damaged", [[], [0, 1, None, [0, 0, 0]], [0, 1, None, [0], {}], [0, "x", None, [0, 0, 0], {}]])
def test_damage_is_an_error(damaged: list[object]) -> None:
    with pytest.raises((ContractError, TypeError, ValueError)):
        Block.from_document(damaged)
