"""Tables as SDV sees them: numbered columns of grid positions, no names, labels or keys of the source.

Ordered columns are numbers (a position, NaN where missing), others are categories (``p3``; a missing cell is a category
of its own). Columns that never vary are left out, and filled in again: SDV fails on some of them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.domains.grid import Grid
from generators.sampling.sampled import listed

if TYPE_CHECKING:
    import pandas as pd

FEW = 20
"""Listed numbers up to so many are categories to SDV."""


@dataclass(frozen=True, slots=True)
class Plain:
    """How the free columns of an assembly look to SDV: ``constant`` holds the position of each column that does not
    vary, -1 for the others.
    """

    assembly: Assembly
    constant: tuple[int, ...]

    @property
    def varying(self) -> tuple[int, ...]:
        """The places (among the free columns) that SDV sees."""
        return tuple(place for place, position in enumerate(self.constant) if position < 0)

    def kind(self, place: int) -> str:
        """SDV's type of a column."""
        return "numerical" if _measured(self.grid(place)) else "categorical"

    def grid(self, place: int) -> Grid:
        return self.assembly.grids[self.assembly.free[place]]

    def frame(self, positions: Ints) -> "pd.DataFrame":
        """(rows, free columns) positions as a frame for SDV."""
        import pandas as pd

        return pd.DataFrame({named(place): self._cells(positions[:, place], place) for place in self.varying})

    def declare(self, metadata: Any, table: str) -> None:
        """The columns in SDV's metadata."""
        for place in self.varying:
            metadata.add_column(named(place), table, sdtype=self.kind(place))

    def positions(self, frame: "pd.DataFrame", rows: int) -> Ints:
        """The positions of a frame that SDV drew; off the grid is moved onto it, unlisted combinations to listed."""
        found = np.tile(np.array(self.constant, dtype=np.int64), (rows, 1))
        for place in self.varying:
            found[:, place] = self._read(frame[named(place)], place)
        return listed(found, self.assembly)

    def _cells(self, positions: Ints, place: int) -> Any:
        if self.kind(place) == "categorical":
            return np.array([f"p{position}" for position in range(self.grid(place).size + 1)], dtype=object)[positions]
        return np.where(positions >= self.grid(place).size, np.nan, positions.astype(np.float64))

    def _read(self, cells: "pd.Series[Any]", place: int) -> Ints:
        grid = self.grid(place)
        if self.kind(place) == "categorical":
            cells = cells.astype(object).where(cells.notna(), f"p{grid.size if grid.nullable else 0}").str[1:]
        numbers = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        missing = np.isnan(numbers) | (numbers >= grid.size if self.kind(place) == "categorical" else False)
        inside = np.clip(np.rint(np.where(missing, 0, numbers)), 0, grid.size - 1)
        return np.where(missing, grid.size if grid.nullable else 0, inside).astype(np.int64)


def named(place: int) -> str:
    """What SDV calls a column."""
    return f"c{place}"


def plain_of(positions: Ints, assembly: Assembly) -> Plain:
    """The plain form of these rows; at least one row."""
    steady = (positions == positions[:1]).all(axis=0)
    return Plain(assembly, tuple(int(p) if same else -1 for p, same in zip(positions[0], steady, strict=True)))


def _measured(grid: Grid) -> bool:
    return grid.labels is None or (grid.ordered and grid.size > FEW)
