"""Public grids: each column's domain as whole numbers, and back to typed values.

Position i of a range is ``lower + i * resolution``; of categories, the i-th value (``other`` comes last). Missing
is -1. Rows that break the domain in a way that has no position are marked -2: dropping them looks at one row at a
time, so it is part of the row's own contribution.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from generators.arrays import Ints
from schemas.cells import typed
from schemas.contract import Categories, Column, Domain, Range
from schemas.errors import ContractError
from schemas.public_bins import DAY, lattice_of
from schemas.table import OTHER

if TYPE_CHECKING:
    import pandas as pd

MISSING = -1
INVALID = -2
LARGEST = 2**53
FARTHEST = {"integer": 2.0**62, "number": 1e300, "date": 2.5e11, "timestamp": 2.5e11}
"""How far from zero a range may reach, so that its values fit int64, float64 and datetime64[us]."""


@dataclass(frozen=True, slots=True)
class Grid:
    """One column's public domain: ``size`` positions, ordered where they are numbers or times."""

    column: Column
    size: int
    ordered: bool
    nullable: bool
    labels: "pd.Series[Any] | None"
    lower: float = 0.0
    resolution: float = 1.0

    def positions(self, values: "pd.Series[Any]") -> Ints:
        """int64 positions of a typed column; numbers outside the range are clipped to its ends."""
        missing = values.isna().to_numpy(dtype=bool)
        found = self._labelled(values) if self.labels is not None else self._measured(values)
        found[missing] = MISSING if self.nullable else INVALID
        return found

    def values(self, positions: Ints) -> "pd.Series[Any]":
        """The typed column at these positions; negative ones are missing."""
        import pandas as pd

        missing = positions < 0
        safe = np.where(missing, 0, positions)
        labels = self.labels
        series = self._range_values(safe) if labels is None else labels.iloc[safe].reset_index(drop=True)
        return (
            series.mask(pd.Series(missing), None if self.column.type == "string" else pd.NA)
            if missing.any()
            else series
        )

    def position_of(self, scalar: object) -> int | None:
        """The position of one value of the domain as a contract writes it, or none."""
        import pandas as pd

        values, _ = typed(pd.Series([scalar], dtype=object), self.column.type)
        if values.isna().iloc[0]:
            return None
        if self.labels is not None and not bool(values.isin(self.labels).iloc[0]):
            return None
        position = int(self.positions(values)[0])
        return (
            position if self.labels is not None or bool((self.values(np.array([position])) == values).iloc[0]) else None
        )

    def _labelled(self, values: "pd.Series[Any]") -> Ints:
        import pandas as pd

        assert self.labels is not None
        found = pd.Index(self.labels).get_indexer(pd.Index(values)).astype(np.int64)
        outside = MISSING if self.nullable else INVALID
        domain = self.column.domain
        if isinstance(domain, Categories) and domain.other and self.column.type == "string":
            outside = int(np.flatnonzero((self.labels == OTHER).to_numpy(dtype=bool))[0])
        return np.where(found < 0, outside, found)

    def _measured(self, values: "pd.Series[Any]") -> Ints:
        if self.column.type in ("date", "timestamp"):
            numbers = values.to_numpy(dtype="datetime64[us]").astype(np.int64) / 1e6
        else:
            numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        with np.errstate(invalid="ignore"):
            scaled = np.rint((np.nan_to_num(numbers, posinf=1e300, neginf=-1e300) - self.lower) / self.resolution)
        return np.clip(scaled, 0, self.size - 1).astype(np.int64)

    def _range_values(self, positions: Ints) -> "pd.Series[Any]":
        import pandas as pd

        if self.column.type == "integer":
            return pd.Series(pd.array(int(self.lower) + positions * int(self.resolution), dtype="Int64"))
        numbers = self.lower + positions * self.resolution
        if self.column.type == "number":
            return pd.Series(np.round(numbers, _decimals(self.lower, self.resolution)))
        return pd.Series(np.rint(numbers * 1e6).astype(np.int64).astype("datetime64[us]"))


def grid_of(column: Column, nullable: bool | None = None) -> Grid:
    """The grid of a column with a domain; raises ``ContractError`` where its domain cannot be one."""
    nullable = not column.required if nullable is None else nullable
    if column.domain is None:
        raise ContractError(f"column {column.name} has no domain: state one in the contract")
    if isinstance(column.domain, Categories):
        return _labelled_grid(column, column.domain, nullable)
    return _range_grid(column, column.domain, nullable)


def observed_domain(values: "pd.Series[Any]", column: Column) -> Domain:
    """A domain read off the data, for empirical claims only: it forfeits any formal one."""
    import pandas as pd

    present = values.dropna()
    if column.type in ("string", "boolean") or present.empty:
        found = (
            sorted({str(value) if column.type == "string" else bool(value) for value in present})
            if len(present)
            else []
        )
        return Categories(values=tuple(found) or (("none",) if column.type == "string" else (False,)))
    if column.type in ("date", "timestamp"):
        seconds = present.to_numpy(dtype="datetime64[us]").astype(np.int64) // 1_000_000
        return Range(
            lower=float(seconds.min()), upper=float(seconds.max()), resolution=DAY if column.type == "date" else 1
        )
    numbers = present.to_numpy(dtype=np.float64)
    whole = column.type == "integer" or bool((numbers == np.floor(numbers)).all())
    width = float(numbers.max() - numbers.min())
    step = 1.0 if whole else 10.0 ** math.floor(math.log10(width / 10_000)) if width > 0 else 1.0
    return Range(lower=float(pd.Series(numbers).min()), upper=float(numbers.max()), resolution=step)


def _labelled_grid(column: Column, domain: Categories, nullable: bool) -> Grid:
    import pandas as pd

    values = [*domain.values]
    if domain.other and column.type == "string" and OTHER not in values:
        values.append(OTHER)
    labels = typed(pd.Series(values, dtype=object), column.type)[0].dropna().drop_duplicates()
    if labels.empty:
        raise ContractError(f"the domain of column {column.name} has no value of its type")
    numeric = column.type not in ("string", "boolean")
    labels = (labels.sort_values() if numeric else labels).reset_index(drop=True)
    return Grid(column, len(labels), numeric, nullable, labels)


def _range_grid(column: Column, domain: Range, nullable: bool) -> Grid:
    if column.type in ("string", "boolean"):
        raise ContractError(f"column {column.name} is a {column.type}: a range is no domain for it")
    lattice = lattice_of(column, domain)
    if not 1 <= lattice.size <= LARGEST or max(abs(lattice.lower), abs(domain.upper)) > FARTHEST[column.type]:
        raise ContractError(
            f"the range of column {column.name} has no value of its type, or too many at its resolution"
        )
    return Grid(column, lattice.size, True, nullable, None, lattice.lower, lattice.resolution)


def _decimals(lower: float, resolution: float) -> int:
    """Decimal places that hold every lattice value, so that 0.1 * 3 reads 0.3."""
    exponents = [Decimal(repr(float(number))).normalize().as_tuple().exponent for number in (lower, resolution)]
    return min(15, max(0, *(-int(exponent) for exponent in exponents)))
