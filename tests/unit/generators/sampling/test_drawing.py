"""Constraints are kept, shares are exact, and what cannot be had is said."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.domains.constraints import repaired, satisfied
from generators.domains.grid import Grid, grid_of
from generators.sampling.drawing import drawn
from schemas.contract import Categories, Column, Constraint, Contract, Policy, Privacy, Range
from schemas.errors import ContractError, InputError

COLUMNS = (
    Column(name="low", type="integer", domain=Range(lower=0, upper=20, resolution=1)),
    Column(name="high", type="number", domain=Range(lower=0, upper=30, resolution=0.5)),
    Column(name="flag", type="integer", domain=Categories(values=(0, 1))),
    Column(name="city", type="string", domain=Categories(values=("a", "b"))),
)
GRIDS: dict[str, Grid] = {column.name: grid_of(column) for column in COLUMNS}


def contract(*constraints: Constraint) -> Contract:
    return Contract(
        dataset="test", columns=COLUMNS, policy=Policy(privacy=Privacy(scope="test"), constraints=constraints)
    )


def draw(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    low = pd.array(rng.integers(0, 21, rows), dtype="Int64")
    low[rng.random(rows) < 0.1] = pd.NA
    return pd.DataFrame(
        {
            "low": low,
            "high": rng.integers(0, 61, rows) / 2,
            "flag": pd.array(rng.random(rows) < 0.1, dtype="Int64"),
            "city": rng.choice(["a", "b"], rows),
        }
    )


@settings(deadline=None, max_examples=40)
@given(
    operator=st.sampled_from(["<", "<=", "==", ">=", ">"]),
    constant=st.one_of(st.none(), st.integers(1, 19)),
    rows=st.integers(0, 60),
)
def test_every_row_keeps_a_satisfiable_constraint(operator: str, constant: int | None, rows: int) -> None:
    right = {"right": "high"} if constant is None else {"constant": float(constant)}
    one = Constraint(left="low", operator=operator, **right)  # type: ignore[arg-type]
    table = drawn(draw, rows, np.random.default_rng(3), contract(one), GRIDS)
    assert len(table) == rows
    assert satisfied(table, (one,)).all()


@pytest.mark.parametrize("operator", ["<", "<=", "==", ">=", ">"])
@pytest.mark.parametrize("left", ["low", "high"])
def test_repair_moves_rows_just_far_enough(operator: str, left: str) -> None:
    one = Constraint(left=left, operator=operator, right="high" if left == "low" else "low")  # type: ignore[arg-type]
    table = draw(500, np.random.default_rng(5))
    mended = repaired(table, (one,), GRIDS, frozenset())
    kept = satisfied(table, (one,))
    pd.testing.assert_frame_equal(mended[kept], table[kept])
    # a bound beyond the other column's range, or between its grid points, cannot be met by moving one column
    assert satisfied(mended, (one,)).mean() > max(0.4, kept.mean())
    other = mended.drop(columns=left)
    pd.testing.assert_frame_equal(other, table.drop(columns=left))


def test_shares_are_exact_alone_and_together() -> None:
    for where in ({"flag": (1, 0.5)}, {"flag": (1, 0.3), "city": ("a", 0.9)}, {"flag": (1, 0.0)}, {"flag": (0, 0.0)}):
        table = drawn(draw, 1_000, np.random.default_rng(1), contract(), GRIDS, where)
        assert len(table) == 1_000
        for name, (value, share) in where.items():
            assert abs((table[name] == value).mean() - share) <= 0.0011


def test_what_excludes_itself_is_refused() -> None:
    never = contract(Constraint(left="flag", operator="==", constant=0.0))
    with pytest.raises(InputError, match="exclude"):
        drawn(draw, 10, np.random.default_rng(1), never, GRIDS, {"flag": (1, 0.5)})


def test_a_comparison_of_text_with_numbers_is_a_fault_of_the_contract() -> None:
    with pytest.raises(ContractError, match="city"):
        drawn(draw, 10, np.random.default_rng(1), contract(Constraint(left="city", operator="<", constant=1.0)), GRIDS)
