"""The recent past: pieces add up to what was added, are finer the nearer, and never grow beyond a bound."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ContractError
from stream_app.core.drift.counts.recent import Recent


def filled(sizes: list[int]) -> Recent:
    recent, first = Recent(), 0
    for number, rows in enumerate(sizes):
        recent.add(np.array([[rows, number]]), np.array([rows]), np.array([first]), np.array([float(number)]))
        first += rows
    return recent


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=200))
def test_pieces_add_up_and_follow_each_other(sizes: list[int]) -> None:
    recent = filled(sizes)
    pieces = recent.pieces
    assert [piece.first for piece in pieces] == np.cumsum([0, *(piece.rows for piece in pieces)])[:-1].tolist()
    assert np.sum([piece.counts for piece in pieces], axis=0).tolist() == [sum(sizes), sum(range(len(sizes)))]
    assert [piece.size for piece in pieces] == sorted((piece.size for piece in pieces), reverse=True)
    assert all(int(piece.counts[0]) == piece.rows for piece in pieces)
    assert len(pieces) <= 4 * (1 + int(np.log2(len(sizes))))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=80), st.integers(0, 700))
def test_counts_since_a_row_are_those_of_the_pieces_that_begin_there_or_later(sizes: list[int], row: int) -> None:
    recent = filled(sizes)
    later = [piece for piece in recent.pieces if piece.first >= row] or recent.pieces[-1:]
    found = recent.since(row)
    assert found is not None
    assert found[0] == sum(piece.rows for piece in later)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(1, 255), max_size=60), max_size=8), st.booleans())
def test_blocks_together_make_the_pieces_of_one_block_after_the_other(calls: list[list[int]], looks: bool) -> None:
    one, together, first = Recent(), Recent(), 0
    for sizes in calls:
        counts = np.array([[rows, 255 - rows] for rows in sizes], dtype=np.uint8).reshape(-1, 2)
        rows = np.asarray(sizes, dtype=np.int64)
        firsts = first + np.cumsum(rows) - rows
        times = np.where(firsts % 2, np.nan, firsts)
        for place in range(len(sizes)):
            own = slice(place, place + 1)
            one.add(counts[own], rows[own], firsts[own], times[own])
            assert one.pieces[-1].counts.tolist() == counts[place].tolist()
        together.add(counts, rows, firsts, times)
        counts[:] = 0
        assert not looks or together.document() == one.document()
        first += sum(sizes)
    assert together.document() == one.document()
    assert all(piece.counts.dtype == np.int64 for piece in together.pieces)


def test_the_oldest_are_dropped_in_the_end_and_the_state_stays_bounded() -> None:
    recent = Recent()
    for number in range(12_000):
        recent.add(np.ones((1, 1), dtype=np.int64), np.array([1]), np.array([number]), np.array([np.nan]))
    assert len(recent.pieces) <= 4 * 11
    assert recent.pieces[0].first > 0
    total = recent.since(0)
    assert total is not None
    assert total[0] == 12_000 - recent.pieces[0].first


def test_a_time_is_that_of_the_piece() -> None:
    recent = filled([10, 10, 10])
    assert [recent.time(row) for row in (0, 9, 10, 29, 30)] == [0.0, 0.0, 1.0, 2.0, None]
    assert Recent().since(0) is None


def test_it_is_read_back_and_damage_is_an_error() -> None:
    recent = filled(list(range(1, 30)))
    again = Recent.from_document(json.loads(json.dumps(recent.document())))
    assert again.document() == recent.document()
    for each in (recent, again):
        each.add(np.array([[1, 2]]), np.array([1]), np.array([435]), np.array([np.nan]))
    assert again.document() == recent.document()
    with pytest.raises((ContractError, TypeError, ValueError)):
        Recent.from_document([[0, 1, 0, None, {"dtype": "int64"}]])
