"""Coarser values that still lie in a column's domain: steps of a grid, or the category that stands for all others."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Bools, Ints
from generators.domains.grid import MISSING, Grid, grid_of
from schemas.contract import Contract
from schemas.factorized import factorized
from schemas.table import OTHER

if TYPE_CHECKING:
    import pandas as pd

MOST_BLOCKS = 64


@dataclass(slots=True)
class Coarse:
    """One quasi-identifier as integer codes that may be coarsened row by row; -1 is missing.

    Level 0 is the value as drawn. An ordered grid has levels of 64, 32, ..., 1 blocks at most, each told by the
    position in its middle; labels without an order have one, in which all are ``other``; without that, none.
    """

    name: str
    codes: Ints
    grid: Grid | None
    other: int | None

    @property
    def levels(self) -> int:
        if self.grid is None or (self.other is None and not self.grid.ordered):
            return 0
        if not self.grid.ordered:
            return 1
        return max(1, (-(-self.grid.size // self._least) - 1).bit_length())

    @property
    def _least(self) -> int:
        """Half the width of the finest blocks; each level has blocks of twice the width of the one before."""
        return 1 if self.grid is None else -(-self.grid.size // (2 * MOST_BLOCKS))

    def coarsen(self, rows: Bools, level: int) -> None:
        """Move the present cells of these rows to ``level``."""
        held = rows & (self.codes >= 0)
        if self.grid is None or not self.grid.ordered:
            self.codes = np.where(held, self.other if self.other is not None else self.codes, self.codes)
            return
        width = self._least * 2**level
        middle = np.minimum(self.codes // width * width + width // 2, self.grid.size - 1)
        self.codes = np.where(held, middle, self.codes)

    def write(self, table: "pd.DataFrame", rows: Bools) -> None:
        """Put the codes of these rows into the table."""
        if self.grid is None or not rows.any():
            return
        values = self.grid.values(np.where(self.codes[rows] < 0, MISSING, self.codes[rows]))
        column = table[self.name].copy()
        column.loc[rows] = values.to_numpy() if column.dtype == object else values.array
        table[self.name] = column


def coarse_of(table: "pd.DataFrame", contract: Contract, name: str) -> Coarse:
    """A column of a generated table; one that a dependency binds, or without a stated domain, has level 0 only."""

    column = contract.column(name)
    bound = {each for item in contract.policy.dependencies for each in (*item.determinants, item.dependent)}
    grid = None if column.domain is None else grid_of(column, nullable=True)
    if grid is None or name in bound:
        codes, _ = factorized(table[name])
        return Coarse(name, codes.astype(np.int64), None, None)
    codes = grid.positions(table[name])
    labels = grid.labels
    other = None
    if labels is not None and not grid.ordered and (labels == OTHER).any() and getattr(column.domain, "other", False):
        other = int(np.flatnonzero((labels == OTHER).to_numpy(dtype=bool))[0])
    return Coarse(name, np.maximum(codes, MISSING), grid, other)
