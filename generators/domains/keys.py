"""Synthetic keys: distinct values of a key's column that stand for nobody of the source."""

from typing import TYPE_CHECKING, Any

import numpy as np

from generators.arrays import Ints
from generators.domains.grid import Grid, grid_of
from schemas.cells import typed
from schemas.contract import Categories, Column
from schemas.errors import ContractError, InputError

if TYPE_CHECKING:
    import pandas as pd

KEYED = ("integer", "number", "string")


def synthetic_keys(column: Column, count: int, rng: np.random.Generator) -> "pd.Series[Any]":
    """``count`` distinct typed keys: drawn from the column's domain, or counted up where the contract states none.

    Values of a public domain may be those of real keys; what they are attached to is synthetic. Raises ``InputError``
    where the domain has fewer, ``ContractError`` for a type that cannot be a key.
    """
    import pandas as pd

    if column.domain is not None:
        grid = grid_of(column, nullable=False)
        return grid.values(_chosen(column, grid, count, rng))
    if column.type not in KEYED:
        raise ContractError(f"column {column.name} is a {column.type}: keys are numbers or text")
    numbers = np.arange(1, count + 1)
    cells = [f"k{number:07d}" for number in numbers] if column.type == "string" else numbers
    return typed(pd.Series(cells, dtype=object), column.type)[0]


def _chosen(column: Column, grid: Grid, count: int, rng: np.random.Generator) -> Ints:
    size = grid.size
    if isinstance(column.domain, Categories) and grid.labels is not None:
        size = min(size, len(column.domain.values))  # "other" is no key
    if count > size:
        raise InputError(
            f"{count} keys are needed, and the domain of {column.name} has {size} values: ask for fewer rows, "
            "or widen the domain"
        )
    return rng.choice(size, count, replace=False).astype(np.int64)
