"""The profile of a snapshot: shape and marginals on the contract's own domains, with no value that is not public.

It is read off the data without noise, so it is for references of drift and for choices under empirical claims; under a
formal claim nothing that leaves the house may depend on it.
"""

from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Floats, Ints
from generators.domains.grid import Grid, grid_of
from schemas.contract import Column, Contract
from schemas.dependence import Layout, PairTables
from schemas.profile import ColumnProfile, Profile

if TYPE_CHECKING:
    import pandas as pd

BINS = 64
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MOST_SHARES = 200
CODES = 16
"""Codes of a column at most, for its dependence on the target; a missing cell is one of its own."""


def take_profile(table: "pd.DataFrame", contract: Contract) -> Profile:
    """The profile of a table typed by the contract."""
    told = _dependences(table, contract)
    columns = tuple(
        _column(table, column).model_copy(update={"type": column.type, "dependence": told.get(column.name)})
        for column in contract.modelled
    )
    return Profile(rows=len(table), columns=columns)


def _column(table: "pd.DataFrame", column: Column) -> ColumnProfile:
    values = table[column.name]
    missing = float(values.isna().mean()) if len(values) else 0.0
    most = values.value_counts(normalize=True)
    plain = ColumnProfile(
        name=column.name,
        missing=missing,
        distinct=int(values.nunique()),
        most_frequent=float(most.iloc[0]) if len(most) else None,
    )
    if column.domain is None:
        return plain
    grid = grid_of(column)
    positions = grid.positions(values)
    positions = positions[positions >= 0]
    seen = plain.model_copy(update={"distinct": int(np.unique(positions).size)})
    if grid.labels is not None:
        counts = np.bincount(positions, minlength=grid.size) / max(1, positions.size)
        shares = tuple(float(share) for share in counts) if grid.size <= MOST_SHARES else None
        return seen.model_copy(update={"shares": shares})
    if not positions.size:
        return seen
    quantiles = tuple(_edge(grid, float(position)) for position in np.quantile(positions, QUANTILES))
    return seen.model_copy(update={"quantiles": quantiles, "skew": skewness(positions), "heaping": heaping(positions)})


def _edge(grid: Grid, position: float) -> float:
    width = max(1, -(-grid.size // BINS))
    return float(grid.lower + position // width * width * grid.resolution)


def skewness(values: Ints) -> float:
    """The third standardised moment, 0 of a constant column; to three digits after the point."""
    centred: Floats = values - values.mean()
    spread = float(np.sqrt((centred**2).mean()))
    return round(float((centred**3).mean()) / spread**3, 3) if spread > 0 else 0.0


def heaping(positions: Ints) -> float:
    """How far positions prefer one rest when divided by 10 or by 5: 0 as the uniform, 1 they have no other."""
    if positions.size < 2 or int(np.ptp(positions)) < 20:
        return 0.0
    found = []
    for step in (5, 10):
        share = float(np.bincount(positions % step, minlength=step).max()) / positions.size
        found.append((share - 1 / step) / (1 - 1 / step))
    return round(min(1.0, max(0.0, *found)), 3)


def _dependences(table: "pd.DataFrame", contract: Contract) -> dict[str, float]:
    """By column but the target; none without a target or rows."""
    target = contract.policy.target
    others = [column for column in contract.modelled if column.name != target]
    if target is None or not others or len(table) < 2:
        return {}
    columns = [*others, contract.column(target)]
    codes = np.stack([_coded(table[column.name]) for column in columns], axis=1)
    sizes = tuple(int(size) + 1 for size in codes.max(axis=0))
    pairs = tuple((place, len(others)) for place in range(len(others)))
    strengths = PairTables.of(codes, Layout(sizes, pairs)).cramers_v()
    return {column.name: float(strength) for column, strength in zip(others, strengths, strict=True)}


def _coded(values: "pd.Series[float]") -> Ints:
    """Up to 16 codes: quantile bins of numbers and times, the most frequent categories and a rest; 0 is missing."""
    import pandas as pd

    if values.dtype.kind in "Ob":
        frequent = values.value_counts().index[: CODES - 2]
        found = pd.Index(frequent).get_indexer(pd.Index(values)).astype(np.int64)
        rest = np.where(found < 0, len(frequent) + 1, found + 1)
        return np.where(values.isna().to_numpy(dtype=bool), 0, rest)
    ranks = values.rank(method="average", pct=True).to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isnan(ranks), 0, np.minimum(np.nan_to_num(ranks) * (CODES - 1), CODES - 2).astype(np.int64) + 1)
