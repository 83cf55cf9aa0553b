"""Triples: found where only two columns together carry the target, left alone where pairs say all."""

import numpy as np
import pytest

from generators.marginals.tables import PairTable, Side
from generators.marginals.triples import measure_triples, without_interaction
from generators.private.meter import Meter
from schemas.mechanism import Gaussian

ROWS = 20_000


def world(interplay: float) -> tuple[dict[int, Side], list[PairTable]]:
    """A target (0) and three columns; its chance is moved by ``interplay`` where columns 1 and 2 agree."""
    rng = np.random.default_rng(5)
    codes = {column: rng.integers(0, 3, ROWS) for column in (1, 2, 3)}
    codes[0] = (rng.random(ROWS) < 0.5 + interplay * np.where(codes[1] == codes[2], 0.4, -0.2)).astype(np.int64)
    sides = {
        column: Side(column, code, np.bincount(code).astype(float), False) for column, code in sorted(codes.items())
    }
    tables = []
    for left in range(4):
        for right in range(left + 1, 4):
            joint = np.bincount(codes[left] * sides[right].cells + codes[right]).astype(float)
            masses = joint.reshape(sides[left].cells, sides[right].cells)
            tables.append(PairTable(left, right, False, False, masses, 5.0, 0.0))
    return sides, tables


def meter() -> Meter:
    return Meter((Gaussian(noise_multiplier=3.73),), b"k" * 32, 1)


def test_a_three_way_effect_is_found_and_counted() -> None:
    sides, tables = world(1.0)
    found = measure_triples(meter(), sides, tables, [], 0, 5_000.0)
    assert found[0].columns == (0, 1, 2)
    truth = np.zeros((2, 3, 3))
    np.add.at(truth, (sides[0].codes, sides[1].codes, sides[2].codes), 1)
    # noise of about 30 a cell; without the three-way term cells are off by several hundred
    assert np.abs(found[0].masses - truth).max() < 200


def test_where_pairs_say_all_nothing_is_counted_and_the_choice_is_paid_for() -> None:
    spent = meter()
    assert measure_triples(spent, *world(0.0), [], 0, 5_000.0) == []
    assert 0.99 < spent.left < 1


def test_declared_triples_are_counted_without_a_choice() -> None:
    spent = meter()
    found = measure_triples(spent, *world(0.0), [(1, 2, 3)], None, 5_000.0)
    assert [table.columns for table in found] == [(1, 2, 3)]
    assert [mechanism.count for mechanism in spent.recorded if isinstance(mechanism, Gaussian)] == [1]


def test_scarce_rows_choose_nothing() -> None:
    spent = meter()
    assert measure_triples(spent, *world(1.0), [], 0, 100.0) == []
    assert spent.left == 1


def test_a_table_without_interaction_has_the_pairs_as_margins() -> None:
    rng = np.random.default_rng(6)
    truth = rng.random((2, 3, 4)) * 100 + 20
    found = without_interaction(truth.sum(axis=2), truth.sum(axis=1), truth.sum(axis=0), rounds=30)
    assert found.sum(axis=2) == pytest.approx(truth.sum(axis=2), rel=1e-3)
    assert found.sum(axis=0) == pytest.approx(truth.sum(axis=0), rel=1e-3)


def test_seen_from_any_column_the_table_is_the_same() -> None:
    sides, tables = world(1.0)
    table = measure_triples(meter(), sides, tables, [(1, 0, 3)], None, 0.0)[0]
    for place, column in enumerate(table.columns):
        first, second, masses = table.seen_from(column)
        assert {first, second, column} == {0, 1, 3}
        assert masses.sum(axis=0) == pytest.approx(np.moveaxis(table.masses, place, -1).sum(axis=(0, 1)))
