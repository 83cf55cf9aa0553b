"""Tables of three columns: what is measured beyond pairs, and how rows become cells of any table."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generators.arrays import Floats, Ints
from generators.marginals.coding import Coding


@dataclass(frozen=True, slots=True)
class Clique:
    """Columns of one table, in rising order, each by its fine or its coarse cells."""

    columns: tuple[int, ...]
    fine: tuple[bool, ...]

    def shape(self, codings: Sequence[Coding]) -> tuple[int, ...]:
        """How many cells each column has."""
        return tuple(
            codings[column].fine_cells if fine else codings[column].coarse_cells
            for column, fine in zip(self.columns, self.fine, strict=True)
        )

    def cells(self, rows: Ints, codings: Sequence[Coding]) -> Ints:
        """The flat cell of each row; ``rows`` are (rows, columns) fine cells of all columns."""
        return flat(rows, self.columns, self.fine, codings)

    def counts(self, rows: Ints, codings: Sequence[Coding]) -> Ints:
        """How many rows each cell has, flat."""
        size = int(np.prod(self.shape(codings)))
        counted: Ints = np.bincount(self.cells(rows, codings), minlength=size).astype(np.int64)
        return counted


@dataclass(frozen=True, slots=True)
class Joint:
    """Noisy masses of a clique of three (in its shape), the noise's standard deviation per cell, and that of the
    effects in logits as far as the noise lets them be seen.
    """

    clique: Clique
    masses: Floats
    deviation: float
    prior: float

    def seen_from(self, column: int) -> tuple[tuple[int, ...], tuple[bool, ...], bool, Floats]:
        """The other columns, whether their cells and ``column``'s are fine, and masses (their cells x ``column``'s)."""
        place = self.clique.columns.index(column)
        others = tuple(index for index in range(len(self.clique.columns)) if index != place)
        masses = np.moveaxis(self.masses, place, -1).reshape(-1, self.masses.shape[place])
        return (
            tuple(self.clique.columns[index] for index in others),
            tuple(self.clique.fine[index] for index in others),
            self.clique.fine[place],
            masses,
        )


def flat(rows: Ints, columns: Sequence[int], fine: Sequence[bool], codings: Sequence[Coding]) -> Ints:
    """One number for each row's cells of these columns, the last column's running fastest."""
    key = np.zeros(rows.shape[0], dtype=np.int64)
    for column, own in zip(columns, fine, strict=True):
        coding = codings[column]
        codes = rows[:, column] if own else coding.coarse[rows[:, column]]
        key = key * (coding.fine_cells if own else coding.coarse_cells) + codes
    return key
