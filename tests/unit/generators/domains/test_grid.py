"""Positions and values are each other's inverse on the domain, and nothing off it stays."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.domains.grid import INVALID, MISSING, grid_of, observed_domain
from schemas.cells import typed
from schemas.contract import Categories, Column, LogicalType, Range
from schemas.errors import ContractError
from schemas.table import OTHER


def ranged(kind: LogicalType, lower: float, upper: float, resolution: float, required: bool = False) -> Column:
    return Column(name="x", type=kind, required=required, domain=Range(lower=lower, upper=upper, resolution=resolution))


GRIDS = [
    ranged("integer", -5, 90, 1),
    ranged("integer", 0, 1_000_000, 250),
    ranged("integer", 0.5, 9.5, 0.3),
    ranged("number", 0, 1, 0.1),
    ranged("number", -3, 7, 1 / 64),
    ranged("number", 2, 2, 1),
    ranged("date", 1_000_000, 90_000_000, 86_400),
    ranged("timestamp", 0, 1e9, 60),
    Column(name="x", type="string", domain=Categories(values=("b", "a", "c"), other=True)),
    Column(name="x", type="boolean", domain=Categories(values=(True, False))),
    Column(name="x", type="integer", domain=Categories(values=(7, 3, 5))),
]


@pytest.mark.parametrize("column", GRIDS, ids=range(len(GRIDS)))
def test_positions_of_values_are_the_positions(column: Column) -> None:
    grid = grid_of(column)
    positions = np.unique(np.linspace(0, grid.size - 1, 500).astype(np.int64))
    positions = np.append(positions, MISSING)
    values = grid.values(positions)
    assert (grid.positions(values) == positions).all()
    assert values.dtype == typed(pd.Series([None], dtype=object), column.type)[0].dtype


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(-1e12, 1e12)), min_size=1, max_size=20))
def test_numbers_are_clipped_to_the_range(numbers: list[float | None]) -> None:
    grid = grid_of(ranged("number", 0, 10, 0.5))
    series = pd.Series(numbers, dtype="float64")
    values = grid.values(grid.positions(series))
    assert (values.isna() == series.isna()).all()
    assert values.dropna().between(0, 10).all()
    assert ((values - series.clip(0, 10)).abs().dropna() <= 0.25).all()


def test_decimals_read_as_they_are_written() -> None:
    grid = grid_of(ranged("number", 0, 1, 0.1))
    assert list(grid.values(np.arange(11))) == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


def test_unknown_categories_become_other_or_missing_or_invalid() -> None:
    values = pd.Series(["a", "new", None], dtype=object)
    other = grid_of(Column(name="x", type="string", domain=Categories(values=("a",), other=True)))
    assert list(other.values(other.positions(values))) == ["a", OTHER, None]
    closed = grid_of(Column(name="x", type="string", domain=Categories(values=("a",))))
    assert list(closed.positions(values)) == [0, MISSING, MISSING]
    required = grid_of(Column(name="x", type="string", required=True, domain=Categories(values=("a",))))
    assert list(required.positions(values)) == [0, INVALID, INVALID]


@pytest.mark.parametrize(
    "column",
    [
        Column(name="x", type="string"),
        ranged("string", 0, 1, 1),
        ranged("boolean", 0, 1, 1),
        ranged("integer", 0.2, 0.8, 1),
        ranged("number", 0, 1e300, 1e-300),
        Column(name="x", type="integer", domain=Categories(values=("a",))),
        Column(name="x", type="string", domain=Categories(values=())),
    ],
)
def test_a_domain_that_fits_no_value_is_refused(column: Column) -> None:
    with pytest.raises(ContractError, match="x"):
        grid_of(column)


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        ("string", ["u", None, "v"]),
        ("boolean", [True, None]),
        ("integer", [3, 9, None]),
        ("number", [0.25, 8.5]),
        ("number", [4.0, 4.0]),
        ("date", ["2020-01-05", "2020-02-01"]),
        ("timestamp", ["2020-01-05T10:00:00"]),
        ("string", []),
        ("integer", [None]),
    ],
)
def test_an_observed_domain_holds_what_was_observed(kind: LogicalType, cells: list[object]) -> None:
    column = Column(name="x", type=kind)
    series = typed(pd.Series(cells, dtype=object), kind)[0]
    grid = grid_of(column.model_copy(update={"domain": observed_domain(series, column)}))
    assert (grid.positions(series) == MISSING).sum() == series.isna().sum()
    back = grid.values(grid.positions(series)).dropna()
    assert len(back) == series.notna().sum()


def test_position_of_a_scalar() -> None:
    grid = grid_of(ranged("integer", 0, 10, 5))
    assert [grid.position_of(value) for value in (0, 5, 10, 7, 20, "text")] == [0, 1, 2, None, None, None]
