"""Row constraints on synthetic tables: which rows keep them, and moving a row so that it does. All post-processing."""

import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from generators.arrays import Bools
from generators.domains.grid import Grid
from schemas.contract import Constraint
from schemas.errors import ContractError

if TYPE_CHECKING:
    import pandas as pd

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


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


def repaired(
    table: "pd.DataFrame", constraints: tuple[Constraint, ...], grids: Mapping[str, Grid], fixed: frozenset[str]
) -> "pd.DataFrame":
    """The table with rows moved towards keeping each constraint, within their grids; ``fixed`` columns are not touched.

    May fail for some rows: ask ``satisfied`` again. Only numbers and times can be moved.
    """
    import pandas as pd

    table = table.copy()
    for constraint in constraints:
        broken = ~satisfied(table, (constraint,))
        name = _movable(constraint, table, grids, fixed) if broken.any() else None
        if name is not None:
            other = constraint.right if name == constraint.left else constraint.left
            bound = (
                np.full(len(table), constraint.constant) if constraint.right is None else _seconds(table[str(other)])
            )
            moved = _moved(grids[name], bound, constraint.operator, name == constraint.left)
            table[name] = table[name].where(~pd.Series(broken, index=table.index), moved.set_axis(table.index))
    return table


def _movable(
    constraint: Constraint, table: "pd.DataFrame", grids: Mapping[str, Grid], fixed: frozenset[str]
) -> str | None:
    """The side that may be moved, or none; both must be numbers or times."""
    sides = [name for name in (constraint.left, constraint.right) if name is not None]
    if any(name not in table.columns or table[name].dtype == object for name in sides):
        return None
    return next((name for name in sides if name not in fixed and grids[name].labels is None), None)


def _moved(grid: Grid, bound: "np.ndarray[Any, Any]", sign: str, is_left: bool) -> "pd.Series[Any]":
    """The grid value nearest to the bound on the right side of it."""
    scaled = (np.nan_to_num(bound) - grid.lower) / grid.resolution
    up = (sign in (">", ">=")) == is_left
    strict = sign in ("<", ">")
    if sign == "==":
        positions = np.rint(scaled)
    elif up:
        positions = np.floor(scaled) + 1 if strict else np.ceil(scaled)
    else:
        positions = np.ceil(scaled) - 1 if strict else np.floor(scaled)
    return grid.values(np.clip(positions, 0, grid.size - 1).astype(np.int64))


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
