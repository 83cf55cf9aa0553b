"""What has been published of a stream so far: every noisy table as shares with its variance, filtered over releases.

All of it is post-processing of noisy counts, so it may be kept, shown and used again at no cost. It is the prior of the
next release: bins stay as they were first paid for.
"""

from dataclasses import dataclass, replace

import numpy as np

from generators.arrays import Floats, sums
from generators.live.raking import centred
from generators.marginals.coding import Coding
from generators.marginals.denoising import denoised
from generators.marginals.measurement import Measured, coarsened
from generators.marginals.tables import PairTable, mutual_information
from generators.marginals.triples import Triple, TripleTable, by_pair, triply_centred, without_interaction


@dataclass(frozen=True, slots=True)
class Wander:
    """How a kind of table has moved between releases, learnt from innovations.

    ``moved``: the sum of squared innovations beyond what noise explains, ``scale``: the sum of what they are relative
    to; their ratio is the process variance. Both fade, so that a quiet stream becomes trusted again.
    """

    moved: float
    scale: float

    @property
    def rate(self) -> float:
        return max(self.moved, 0.0) / self.scale if self.scale > 0 else 0.0

    def seen(self, moved: float, scale: float, memory: float) -> "Wander":
        """After one more release."""
        return Wander(memory * self.moved + moved, memory * self.scale + scale)


@dataclass(frozen=True, slots=True)
class OneWay:
    """A column's fine cells: shares, and the variance of each."""

    shares: Floats
    variance: Floats


@dataclass(frozen=True, slots=True)
class Joint:
    """A pair of columns: shares (left cells x right cells), and the variance of a cell of its doubly centred part.

    ``white``: its noise has not been taken out yet.
    """

    left: int
    right: int
    left_fine: bool
    right_fine: bool
    shares: Floats
    variance: float
    white: bool = True


@dataclass(frozen=True, slots=True)
class Interaction:
    """Three columns: the triply centred ``part`` of their shares (coarse cells of each) that their pairs do not account
    for, and the variance of a cell of it.
    """

    columns: Triple
    part: Floats
    variance: float


@dataclass(frozen=True)
class Published:
    """Codings, one-ways, joint tables and interactions of the free columns, the noisy number of rows, and what moves
    how fast.
    """

    codings: tuple[Coding, ...]
    one_ways: tuple[OneWay, ...]
    joints: tuple[Joint, ...]
    rows: float
    releases: int = 1
    margins: Wander = Wander(5e-4, 1.0)
    pairs: Wander = Wander(0.0, 0.0)
    interactions: tuple[Interaction, ...] = ()
    triples: Wander = Wander(0.0, 0.0)

    def cells_of(self, column: int, fine: bool) -> Floats:
        """The shares of a column's cells."""
        coding, shares = self.codings[column], self.one_ways[column].shares
        return shares if fine else sums(coding.coarse, shares, coding.coarse_cells)

    def measured(self) -> Measured:
        """As the fit wants it, in rows."""
        rows = self.rows
        return Measured(
            list(self.codings),
            [one.shares * rows for one in self.one_ways],
            [np.sqrt(one.variance) * rows for one in self.one_ways],
            [self._in_rows(joint) for joint in self.joints],
            rows,
            tuple(self._table_of(each) for each in self.interactions),
        )

    def account(self, columns: Triple) -> Floats:
        """(coarse cells of each) masses of three columns as far as their pairs explain them; all three are joints."""
        own = [joint for joint in self.joints if {joint.left, joint.right} <= set(columns)]
        pairs = by_pair([coarsened(self._in_rows(joint), list(self.codings)) for joint in own])
        a, b, c = columns
        return without_interaction(pairs[a, b], pairs[a, c], pairs[b, c])

    def _table_of(self, each: Interaction) -> TripleTable:
        masses = np.maximum(self.account(each.columns) + each.part * self.rows, 0.0)
        return TripleTable(each.columns, masses, each.variance**0.5 * self.rows)

    def _in_rows(self, joint: Joint) -> PairTable:
        """The table with its noise taken out as far as may be; the filter itself keeps it, for it counts on it."""
        left, right = (
            self.cells_of(column, fine) * self.rows
            for column, fine in ((joint.left, joint.left_fine), (joint.right, joint.right_fine))
        )
        deviation = joint.variance**0.5 * self.rows
        independent = np.outer(left, right) / self.rows
        part = centred(joint.shares * self.rows - independent)
        known = mutual_information(part, left, right, deviation)
        masses = denoised(part, left, right, deviation, known) if joint.white else independent + part
        return PairTable(
            joint.left, joint.right, joint.left_fine, joint.right_fine, masses, deviation, known
        )  # fmt: skip


def published_of(measured: Measured, white: bool = True) -> Published:
    """The state after a first release; ``white`` where its tables still have all their noise."""
    rows = measured.rows
    found = Published(
        tuple(measured.codings),
        tuple(
            OneWay(mass / rows, (deviation / rows) ** 2)
            for mass, deviation in zip(measured.one_ways, measured.deviations, strict=True)
        ),
        tuple(
            Joint(
                table.left, table.right, table.left_fine, table.right_fine, table.masses / rows,
                (table.deviation / rows) ** 2, white,
            )
            for table in measured.tables
        ),
        rows,
    )  # fmt: skip
    interactions = tuple(
        Interaction(
            table.columns,
            triply_centred(table.masses - found.account(table.columns)) / rows,
            (table.deviation / rows) ** 2,
        )
        for table in measured.triples
    )
    return replace(found, interactions=interactions)
