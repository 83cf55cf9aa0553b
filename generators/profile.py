"""The profile of a snapshot: shape and marginals on the contract's own domains, with no value that is not public.

It is read off the data without noise, so it is for references of drift and for choices under empirical claims; under a
formal claim nothing that leaves the house may depend on it.
"""

from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from generators.domains.grid import Grid, grid_of
from schemas.contract import Column, Contract
from schemas.model import Model

if TYPE_CHECKING:
    import pandas as pd

BINS = 64
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MOST_SHARES = 200
Share = Annotated[float, Field(ge=0, le=1)]


class ColumnProfile(Model):
    """One modelled column. ``shares`` follows the domain's own order of categories; ``quantiles`` (5, 25, 50, 75, 95 %)
    are lower edges of ``BINS`` equal bins of the public range, in the column's unit. Both are absent where there is no
    domain to read them on.
    """

    name: str
    missing: Share
    distinct: Annotated[int, Field(ge=0)]
    shares: tuple[Share, ...] | None = None
    quantiles: tuple[float, ...] | None = None


class Profile(Model):
    """The modelled columns of one table."""

    rows: Annotated[int, Field(ge=0)]
    columns: tuple[ColumnProfile, ...]

    @property
    def numeric_share(self) -> float:
        """The share of columns that lie on a range."""
        return sum(column.quantiles is not None for column in self.columns) / max(1, len(self.columns))


def take_profile(table: "pd.DataFrame", contract: Contract) -> Profile:
    """The profile of a table typed by the contract."""
    return Profile(rows=len(table), columns=tuple(_column(table, column) for column in contract.modelled))


def _column(table: "pd.DataFrame", column: Column) -> ColumnProfile:
    values = table[column.name]
    missing = float(values.isna().mean()) if len(values) else 0.0
    if column.domain is None:
        return ColumnProfile(name=column.name, missing=missing, distinct=int(values.nunique()))
    grid = grid_of(column)
    positions = grid.positions(values)
    positions = positions[positions >= 0]
    distinct = int(np.unique(positions).size)
    if grid.labels is not None:
        counts = np.bincount(positions, minlength=grid.size) / max(1, positions.size)
        shares = tuple(float(share) for share in counts) if grid.size <= MOST_SHARES else None
        return ColumnProfile(name=column.name, missing=missing, distinct=distinct, shares=shares)
    quantiles = (
        tuple(_edge(grid, float(position)) for position in np.quantile(positions, QUANTILES))
        if positions.size
        else None
    )
    return ColumnProfile(name=column.name, missing=missing, distinct=distinct, quantiles=quantiles)


def _edge(grid: Grid, position: float) -> float:
    width = max(1, -(-grid.size // BINS))
    return float(grid.lower + position // width * width * grid.resolution)
