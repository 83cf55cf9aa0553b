"""Bins and levels that follow from a contract alone: nobody's rows decide what is counted.

A numeric column has a bin for each value of a small range, else bins of equal width and, where the range is of numbers,
bins that widen away from zero (or from its lower end), because amounts are mostly small. Levels are unions of
neighbouring bins: tables of pairs are counted on these.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from schemas.cells import typed
from schemas.column_bins import ColumnBins, as_numbers, as_texts
from schemas.contract import Categories, Column, Range
from schemas.errors import ContractError

Integers = npt.NDArray[np.int64]

DAY = 86_400
MOST_BINS = 240
MOST_LEVELS = 16
MOST_CATEGORY_LEVELS = 32
"""Values of a category that are told apart in tables of pairs; of more, neighbours in the contract share a level."""
OTHER = "other"


@dataclass(frozen=True, slots=True)
class PublicColumn:
    """The bins of a column, and (codes,) the level of each code: 0 is missing, and new where no value stands for it."""

    bins: ColumnBins
    levels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Lattice:
    """The values of a range: ``lower + i * resolution`` for ``size`` positions i."""

    lower: float
    resolution: float
    size: int

    def edge(self, position: int) -> float:
        """A number between the values at ``position - 1`` and ``position``."""
        return self.lower + (position - 0.5) * self.resolution


def lattice_of(column: Column, domain: Range) -> Lattice:
    """The lattice of a column's range: whole numbers for integers, whole days for dates; size 0 where it has none."""
    lower, resolution = domain.lower, domain.resolution
    if column.type == "integer":
        lower, resolution = math.ceil(lower), max(1, round(resolution))
    if column.type == "date":
        lower, resolution = math.ceil(lower / DAY) * DAY, max(1, round(resolution / DAY)) * DAY
    steps = (domain.upper - lower) / resolution + 1e-9
    return Lattice(lower, resolution, math.floor(steps) + 1 if math.isfinite(steps) and steps >= 0 else 0)


@cache
def public_column(column: Column) -> PublicColumn:
    """The bins and levels of a column with a domain; raises ``ContractError`` where it has none."""
    if column.domain is None:
        raise ContractError(
            f"column {column.name} has no domain, and counts are to be on public bins: state its domain in the contract"
        )
    if isinstance(column.domain, Range):
        return _of_range(column, column.domain)
    return _of_values(column, column.domain)


def _of_range(column: Column, domain: Range) -> PublicColumn:
    lattice = lattice_of(column, domain)
    if lattice.size < 1 or column.type in ("string", "boolean"):
        raise ContractError(f"the range of column {column.name} has no value of its type")
    widening = column.type in ("integer", "number") and lattice.size > MOST_BINS
    starts = _starts(lattice, MOST_BINS, widening)
    # Numbers outside the range have bins of their own at either end, so that a watcher sees them arrive.
    edges = tuple(lattice.edge(int(start)) for start in (*starts, lattice.size))
    coarse = _starts(lattice, MOST_LEVELS, widening)
    level = np.searchsorted(coarse, starts, side="right")
    levels = (0, 0, int(level[0]), *level.tolist(), int(level[-1]))
    return PublicColumn(ColumnBins(column.name, column.type, "numeric", edges=edges), levels)


def _starts(lattice: Lattice, most: int, widening: bool) -> Integers:
    """Positions at which parts begin, the first being 0; half of them widen away from zero where asked for."""
    even = np.floor(np.arange(most) * (lattice.size / most)).astype(np.int64)
    if lattice.size <= most:
        return np.arange(lattice.size)
    if not widening:
        return np.unique(even)
    zero = min(max(round(-lattice.lower / lattice.resolution), 0), lattice.size - 1)
    sides = [side for side in (zero, lattice.size - 1 - zero) if side > 0]
    steps = [
        np.unique(np.round(np.geomspace(1, side, max(2, most // (2 * len(sides)) - 1))).astype(np.int64))
        for side in sides
    ]
    below, above = steps if len(steps) == 2 else [steps[0][:0], steps[0]] if zero == 0 else [steps[0], steps[0][:0]]
    found = np.unique(np.concatenate([[0, zero], even[::2], zero - below, zero + above]))
    return found[(found >= 0) & (found < lattice.size)][:MOST_BINS]


def _of_values(column: Column, domain: Categories) -> PublicColumn:
    import pandas as pd

    given = [*domain.values]
    open_ended = domain.other and column.type == "string"
    if open_ended and OTHER not in given:
        given.append(OTHER)
    values = typed(pd.Series(given, dtype=object), column.type)[0].dropna().drop_duplicates()
    if values.empty:
        raise ContractError(f"the domain of column {column.name} has no value of its type")
    if column.type not in ("string", "boolean"):
        return _of_numbers(column, np.sort(as_numbers(values, column.type)))
    texts = tuple(str(text) for text in as_texts(values.reset_index(drop=True), column.type))
    kept = texts if len(texts) <= MOST_BINS else texts[: MOST_BINS - 1]
    bins = ColumnBins(column.name, column.type, "categorical", values=kept, rest=texts[len(kept) :])
    count = bins.size - 2
    level = 1 + np.arange(count) * min(count, MOST_CATEGORY_LEVELS) // count
    new = int(level[min(texts.index(OTHER), count - 1)]) if open_ended else 0
    return PublicColumn(bins, (0, new, *level.tolist()))


def _of_numbers(column: Column, numbers: npt.NDArray[np.float64]) -> PublicColumn:
    """Listed numbers: the bin of each reaches half way to its neighbours."""
    starts = np.unique(np.arange(min(MOST_BINS, len(numbers))) * len(numbers) // min(MOST_BINS, len(numbers)))[1:]
    edges = tuple(float(edge) for edge in (numbers[starts] + numbers[starts - 1]) / 2)
    count = len(edges) + 1
    level = 1 + np.arange(count) * min(count, MOST_LEVELS) // count
    return PublicColumn(ColumnBins(column.name, column.type, "numeric", edges=edges), (0, 0, *level.tolist()))
