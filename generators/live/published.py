"""What has been published of a stream so far: every noisy table as shares with its variance, filtered over releases.

All of it is post-processing of noisy counts, so it may be kept, shown and used again at no cost. It is the prior of the
next release: bins stay as they were first paid for.
"""

from dataclasses import dataclass

import numpy as np

from generators.arrays import Floats, sums
from generators.live.raking import centred
from generators.marginals.coding import Coding
from generators.marginals.measurement import Measured
from generators.marginals.tables import PairTable, mutual_information, shrink_singular_values


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


@dataclass(frozen=True)
class Published:
    """Codings, one-ways and joint tables of the free columns, the noisy number of rows, and what moves how fast."""

    codings: tuple[Coding, ...]
    one_ways: tuple[OneWay, ...]
    joints: tuple[Joint, ...]
    rows: float
    releases: int = 1
    margins: Wander = Wander(5e-4, 1.0)
    pairs: Wander = Wander(0.0, 0.0)

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
        )

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
        masses = independent + (shrink_singular_values(part, deviation) if joint.white else part)
        return PairTable(
            joint.left, joint.right, joint.left_fine, joint.right_fine, masses, deviation, known
        )  # fmt: skip


def published_of(measured: Measured, white: bool = True) -> Published:
    """The state after a first release; ``white`` where its tables still have all their noise."""
    rows = measured.rows
    return Published(
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
