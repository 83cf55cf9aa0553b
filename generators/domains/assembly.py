"""From grid positions of the modelled columns to a typed table: dependents filled in, unique columns made unique."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Bools, Ints
from generators.domains.dependencies import Support, supports
from generators.domains.grid import INVALID, MISSING, Grid, grid_of
from generators.domains.uniqueness import made_unique
from schemas.contract import Contract

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Assembly:
    """The grids of all modelled columns in contract order, the supports, and the ``free`` columns, which no dependency
    derives.
    """

    grids: Mapping[str, Grid]
    supports: tuple[Support, ...]
    free: tuple[str, ...]

    def valid(self, table: "pd.DataFrame") -> Bools:
        """Rows whose free columns all have a position: what breaks the contract is not modelled."""
        valid = np.ones(len(table), dtype=bool)
        for name in self.free:
            valid &= self.grids[name].positions(table[name]) != INVALID
        return valid

    def positions(self, table: "pd.DataFrame") -> list[Ints]:
        """Positions of each free column of valid rows; missing is the grid's size."""
        found = [self.grids[name].positions(table[name]) for name in self.free]
        return [
            np.where(column < 0, self.grids[name].size, column) for name, column in zip(self.free, found, strict=True)
        ]

    def table(self, positions: Ints) -> "pd.DataFrame":
        """The typed table of (rows, free columns) positions."""
        import pandas as pd

        columns = {name: positions[:, place] for place, name in enumerate(self.free)}
        for support in self.supports:
            known = np.stack([columns[name] for name in support.determinants], axis=1)
            derived = support.dependents_of(known)
            columns.update({name: derived[:, part] for part, name in enumerate(support.dependents)})
        return pd.DataFrame(
            {
                name: grid.values(np.where(columns[name] >= grid.size, MISSING, columns[name]))
                for name, grid in self.grids.items()
            },
            copy=False,
        )

    def finished(self, table: "pd.DataFrame", rng: np.random.Generator) -> "pd.DataFrame":
        """The table with repeated values of unique columns moved to free places of their grids."""
        bound = {name for support in self.supports for name in (*support.determinants, *support.dependents)}
        for name, grid in self.grids.items():
            if grid.column.unique and name not in bound:
                table[name] = made_unique(table[name], grid, rng)
        return table


def assembly_of(contract: Contract) -> Assembly:
    """The assembly of a contract whose modelled columns all have domains; raises ``ContractError``."""
    needed = {
        name
        for item in contract.policy.dependencies
        if contract.column(item.dependent).required
        for name in item.determinants
    }
    grids = {column.name: grid_of(column, False if column.name in needed else None) for column in contract.modelled}
    found = supports(contract, grids)
    derived = {name for support in found for name in support.dependents}
    return Assembly(grids, found, tuple(name for name in grids if name not in derived))
