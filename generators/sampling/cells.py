"""Rows by the values that a balance speaks of: each combination of listed values is a cell, and all others are a rest.

The columns are those of generated tables; listed values come from the contract, so cells are public.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from generators.arrays import Bools, Ints
from generators.domains.grid import grid_of
from schemas.cells import typed
from schemas.contract import Categories, Column, Contract, Scalar
from schemas.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

LARGEST = 100_000


@dataclass(frozen=True, slots=True)
class Axis:
    """A column and its listed values, typed; code i is the i-th of them, the last code is every other cell."""

    column: Column
    values: "pd.Series[Any]"

    @property
    def size(self) -> int:
        return len(self.values) + 1

    def codes(self, table: "pd.DataFrame") -> Ints:
        """(rows,) codes of a generated table."""
        import pandas as pd

        found = pd.Index(self.values).get_indexer(pd.Index(table[self.column.name])).astype(np.int64)
        return np.where(found < 0, len(self.values), found)

    def place(self, value: Scalar) -> int:
        """The code of a listed value as a contract writes it."""
        given = typed_values(self.column, [value])
        return int(np.flatnonzero((self.values == given.iloc[0]).fillna(False).to_numpy(dtype=bool))[0])

    def scalar(self, code: int) -> Scalar:
        """The listed value of a code, as ``where`` takes it."""
        value = self.values.iloc[code]
        if self.column.type in ("date", "timestamp"):
            return str(value)
        plain: Scalar = value.item() if hasattr(value, "item") else value
        return plain


@dataclass(frozen=True, slots=True)
class Cells:
    """The axes of a balance; the last axis runs fastest."""

    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(axis.size for axis in self.axes)

    @property
    def count(self) -> int:
        return int(np.prod(self.shape))

    def of(self, table: "pd.DataFrame") -> Ints:
        """(rows,) the cell of each row."""
        cells = np.zeros(len(table), dtype=np.int64)
        for axis in self.axes:
            cells = cells * axis.size + axis.codes(table)
        return cells

    def axis(self, name: str) -> int:
        """The place of a column among the axes."""
        return [axis.column.name for axis in self.axes].index(name)

    def codes(self, place: int) -> Ints:
        """(count,) the code on one axis of every cell."""
        found: Ints = np.indices(self.shape).reshape(len(self.shape), -1)[place].astype(np.int64)
        return found

    def having(self, place: int, code: int) -> Bools:
        """(count,) which cells have that code on that axis."""
        found: Bools = self.codes(place) == code
        return found


def cells_of(contract: Contract, listed: Mapping[str, Sequence[Scalar]]) -> Cells:
    """The cells of listed values by column; raises ``InputError`` on values outside a domain, or on too many cells."""
    axes = tuple(_axis(contract, name, values) for name, values in listed.items())
    cells = Cells(axes)
    if float(np.prod([float(size) for size in cells.shape])) > LARGEST:
        raise InputError(
            "the balance combines too many values: name fewer columns or values (at most "
            f"{LARGEST:,} combinations), or leave parity to one pair of columns"
        )
    return cells


def _axis(contract: Contract, name: str, values: Sequence[Scalar]) -> Axis:
    if name not in {column.name for column in contract.modelled}:
        raise InputError(f"cannot fix the share of {name}: it is no modelled column")
    column = contract.column(name)
    if column.domain is not None:
        grid = grid_of(column)
        if any(grid.position_of(value) is None for value in values):
            raise InputError(f"cannot fix the share of {name}: the value lies outside its domain")
    given = typed_values(column, values)
    if given.isna().any():
        raise InputError(f"cannot fix the share of {name}: the value is no {column.type}")
    return Axis(column, given.drop_duplicates().reset_index(drop=True))


def typed_values(column: Column, values: Sequence[Scalar]) -> "pd.Series[Any]":
    """Values as a contract writes them, in the column's own type."""
    import pandas as pd

    return typed(pd.Series(list(values), dtype=object), column.type)[0]


def categories(contract: Contract, name: str, purpose: str) -> tuple[Scalar, ...]:
    """The values that the domain of a column lists; raises ``InputError`` where it lists none."""
    column = contract.column(name)
    if isinstance(column.domain, Categories):
        return column.domain.values
    if column.type == "boolean":
        return (False, True)
    raise InputError(f"{purpose} of {name} needs a domain of categories in the contract: a range has too many values")
