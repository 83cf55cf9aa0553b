"""Channels with their contrasts in the making: sparse rows over the cells of a layout."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from schemas.drift import Kind
from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.layout import Integers

Measures = Literal["location", "spread", "skewness", "share", "exchange", "shape", "correlation", "association"]


@dataclass(frozen=True, slots=True)
class Channel:
    """What one score looks at. ``signed``: whether it can also fall. ``group`` counts a subgroup's groups from 1."""

    kind: Kind
    columns: tuple[int, ...]
    signed: bool
    measures: Measures
    group: int = 0


@dataclass(slots=True)
class Rows:
    """Sparse rows in the making: how many cells each has, and the cells and weights of one or more at a time."""

    lengths: list[int] = field(default_factory=list)
    cells: list[Integers] = field(default_factory=list)
    weights: list[Floats] = field(default_factory=list)

    def add(self, cells: Integers, weights: Floats) -> None:
        """One row."""
        self.add_many([len(cells)], cells, weights)

    def add_many(self, lengths: list[int], cells: Integers, weights: Floats) -> None:
        """Rows of these lengths, whose cells and weights follow each other."""
        self.lengths += lengths
        self.cells.append(cells)
        self.weights.append(weights)

    def matrix(self, cells: int) -> Any:
        """(rows, cells) CSR."""
        from scipy.sparse import csr_array

        flat = np.concatenate([*self.cells, np.zeros(0, dtype=np.int64)]).astype(np.int32)
        weights = np.concatenate([*self.weights, np.zeros(0)])
        return csr_array((weights, flat, np.cumsum([0, *self.lengths])), shape=(len(self.lengths), cells))


@dataclass(slots=True)
class Contrasts:
    """Channels with their contrasts, and the cells that each counts its rows in (its base)."""

    linear: list[Channel] = field(default_factory=list)
    squared: list[Channel] = field(default_factory=list)
    rows: Rows = field(default_factory=Rows)
    bases: Rows = field(default_factory=Rows)
    base_of: list[int] = field(default_factory=list)
    scales: list[tuple[float, float]] = field(default_factory=list)
    squared_base: list[int] = field(default_factory=list)
    squared_cells: list[tuple[int, Floats]] = field(default_factory=list)

    def base(self, first: int, member: npt.NDArray[Any]) -> int:
        """The cells of a table, which begins at ``first``, that a channel's rows are counted in."""
        inside = np.flatnonzero(member)
        self.bases.add(first + inside, np.ones(len(inside)))
        return len(self.bases.lengths) - 1

    def add(
        self, channel: Channel, base: int, first: int, weights: Floats | None, scale: float = 1.0, before: float = 0.0
    ) -> None:
        """A linear channel; one whose contrast is flat never moves. A mean score of 1 a row is ``scale`` in the unit
        that it measures, where the baseline stands at ``before``.
        """
        self.linear.append(channel)
        weights = np.zeros(0) if weights is None else weights
        self.rows.add(first + np.arange(len(weights)), weights)
        self.base_of.append(base)
        self.scales.append((scale, before))

    def add_squared(self, channel: Channel, base: int, first: int, shares: Floats) -> None:
        """A chi-squared channel over cells with these shares; NaN marks cells that are not of the base."""
        self.squared.append(channel)
        self.squared_base.append(base)
        self.squared_cells.append((first, shares))
