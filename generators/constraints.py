"""Row constraints on synthetic tables: which rows keep them, and moving a row so that it does. All post-processing."""

import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from generators.arrays import Bools
from generators.grid import Grid
from schemas.contract import Constraint
from schemas.errors import ContractError

if TYPE_CHECKING:
    import pandas as pd

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, "==": operator.eq, ">=": operator.ge, ">": operator.gt}


def satisfied(table: "pd.DataFrame", constraints: tuple[Constraint, ...]) -> Bools:
    """For each row whether it keeps every constraint; one with a missing side is kept, as in SQL. Constraints
    that name columns outside the table are not judged."""
    kept = np.ones(len(table), dtype=bool)
    for constraint in constraints:
        if not {constraint.left, constraint.right} - {None} <= set(table.columns):
            continue
        left, missing = _comparable(table[constraint.left])
        right: Any = constraint.constant
        if constraint.right is not None:
            right, also = _comparable(table[constraint.right])
            missing = missing | also
        try:
            kept &= np.asarray(COMPARE[constraint.operator](left, right), dtype=bool) | missing
        except TypeError:
            raise ContractError(f"a constraint compares {constraint.left} with something of another kind") from None
    return kept


def repaired(table: "pd.DataFrame", constraints: tuple[Constraint, ...], grids: Mapping[str, Grid],
             fixed: frozenset[str]) -> "pd.DataFrame":
    """The table with rows moved towards keeping each constraint, within their grids; ``fixed`` columns are not touched.

    May fail for some rows: ask ``satisfied`` again. Only numbers and times can be moved.
    """
    table = table.copy()
    for constraint in constraints:
        broken = ~satisfied(table, (constraint,))
        movable = [name for name in (constraint.left, constraint.right) if name in grids and name not in fixed and _is_range(grids[name])]
        if not broken.any() or not movable or (constraint.right is not None and constraint.right not in table.columns):
            continue
        name = movable[0]
        other = constraint.constant if constraint.right is None else None
        partner = constraint.right if name == constraint.left else constraint.left
        bound = np.full(len(table), other) if other is not None else _seconds(table[partner]) if partner is not None else None
        if bound is not None:
            table.loc[broken, name] = _moved(grids[name], bound, constraint.operator, name == constraint.left)[broken].to_numpy()
    return table


def _moved(grid: Grid, bound: "np.ndarray[Any, Any]", sign: str, is_left: bool) -> "pd.Series[Any]":
    """The grid value nearest to the bound on the right side of it."""
    scaled = (np.nan_to_num(bound) - grid.lower) / grid.resolution
    up = (sign in (">", ">=")) == is_left
    if sign == "==":
        positions = np.rint(scaled)
    elif up:
        positions = np.floor(scaled) + 1 if sign == ">" else np.ceil(scaled) if is_left or sign != "<" else np.floor(scaled) + 1
    else:
        positions = np.ceil(scaled) - 1 if sign in ("<", ">") else np.floor(scaled)
    return grid.values(np.clip(positions, 0, grid.size - 1).astype(np.int64))


def _is_range(grid: Grid) -> bool:
    return grid.labels is None


def _comparable(values: "pd.Series[Any]") -> "tuple[Any, Bools]":
    """Plain numbers (times in seconds since 1970) or text, and where they are missing."""
    missing = values.isna().to_numpy(dtype=bool)
    if values.dtype == object:
        return values.where(~missing, "").to_numpy(), missing
    return _seconds(values), missing


def _seconds(values: "pd.Series[Any]") -> "np.ndarray[Any, Any]":
    if values.dtype.kind == "M":
        return np.where(values.isna(), np.nan, values.to_numpy(dtype="datetime64[us]").astype(np.int64) / 1e6)
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
