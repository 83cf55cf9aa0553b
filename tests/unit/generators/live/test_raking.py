"""Raked tables have the wished margins and keep their interactions."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.live.raking import centred, on_margins, raked


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(2, 9), columns=st.integers(2, 9))
def test_margins_are_met_and_a_table_on_its_own_margins_stays(seed: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.ones(rows * columns)).reshape(rows, columns)
    left, right = rng.dirichlet(np.full(rows, 5.0)), rng.dirichlet(np.full(columns, 5.0))
    moved = raked(table, left, right)
    assert np.allclose(moved.sum(axis=1), left)
    assert np.allclose(moved.sum(axis=0), right)
    assert np.allclose(raked(table, table.sum(axis=1), table.sum(axis=0)), table, atol=1e-9)
    assert np.allclose(on_margins(centred(table), table.sum(axis=1), table.sum(axis=0)), table)


def test_odds_ratios_are_kept() -> None:
    table = np.array([[0.4, 0.1], [0.1, 0.4]])
    moved = raked(table, np.array([0.6, 0.4]), np.array([0.55, 0.45]))
    assert np.isclose(moved[0, 0] * moved[1, 1] / (moved[0, 1] * moved[1, 0]), 16, rtol=0.15)
