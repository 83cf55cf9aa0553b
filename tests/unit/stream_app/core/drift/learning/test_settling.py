"""Settling: all rows of every period are gathered, the second half tells how much blocks vary, and it is read back."""

import json
from typing import Any

import numpy as np
import pytest

from schemas.errors import ContractError
from stream_app.core.drift.counts.counting import count
from stream_app.core.drift.learning.settling import Settling
from stream_app.core.drift.reference import Reference, build_reference
from tests.unit.stream_app.core.drift.drift_tables import CONTRACT, rows


@pytest.fixture(scope="module")
def reference() -> Reference:
    return build_reference(rows(20_000, 1), CONTRACT)


def begun(reference: Reference, seen: int = 0) -> Settling:
    """After a sign to which the first rare cell led, or none."""
    rare = np.zeros((2, len(reference.rare)), dtype=np.int64)
    rare[1, 0] = seen
    return Settling.begun(reference.counts.shape, len(reference.channels), rare)


def blocks(reference: Reference, number: int, seed: int, **change: float) -> "np.ndarray[Any, Any]":
    frame = rows(250 * number, seed, **change)
    return count(reference.encode(frame), reference.layout, 250 * np.arange(1, number + 1))


def add(one: Settling, reference: Reference, counts: "np.ndarray[Any, Any]") -> None:
    for each in counts:
        one.add(0, 250, each, reference.rare.count(each))


def test_all_rows_are_gathered(reference: Reference) -> None:
    one, counts = begun(reference), blocks(reference, 8, 2)
    add(one, reference, counts)
    assert (one.rows, one.blocks) == (2_000, 8)
    assert one.counts[0].tolist() == counts.sum(axis=0).tolist()


def test_rare_values_of_the_change_itself_are_muted_and_later_ones_are_not(reference: Reference) -> None:
    one, counts = begun(reference, seen=3), blocks(reference, 6, 3)
    late = int(reference.rare.cells[reference.rare.firsts[2]])
    assert one.muted.tolist() == [True] + [False] * (len(reference.rare) - 1)
    assert not one.listening
    add(one, reference, counts[:5])
    assert one.listening
    counts[5, late] += 5
    add(one, reference, counts[5:])
    assert not one.muted[2]


def test_the_spread_grows_where_blocks_vary_more_and_never_falls(reference: Reference) -> None:
    """Seeds 4 to 6: forty blocks of independent rows, and twenty of them before twenty with a shift."""
    known = np.full(len(reference.channels), 1.5)
    plain, wild = begun(reference), begun(reference)
    for one in (plain, wild):
        one.picture = reference.scorings
    counts = blocks(reference, 40, 4)
    add(plain, reference, counts)
    add(wild, reference, np.concatenate([blocks(reference, 20, 5), blocks(reference, 20, 6, shift=2.0)]))
    assert (plain.spread(known) >= known).all()
    assert (wild.spread(known) >= known).all()
    assert float(plain.spread(known).max()) < 2
    assert float(wild.spread(known).max()) > 5
    assert begun(reference).spread(known).tolist() == known.tolist()


def test_it_is_read_back_and_damage_is_an_error(reference: Reference) -> None:
    one = begun(reference, seen=1)
    add(one, reference, blocks(reference, 3, 7))
    one.half = one.counts.copy()
    again = Settling.from_document(json.loads(json.dumps(one.document())))
    assert again.document() == one.document()
    for damaged in ([], one.document()[:-1], [1, 2, 3, 4, 5], [*one.document()[:3], "x", None]):
        with pytest.raises((ContractError, TypeError, ValueError)):
            Settling.from_document(damaged)
