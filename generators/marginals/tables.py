"""Pair tables: measured doubly centred, put back on their margins, denoised, and read for mutual information."""

import math
from dataclasses import dataclass

import numpy as np

from generators.arrays import Floats, Ints, sums
from generators.marginals.denoising import CLEAR, centred, denoised
from generators.private.meter import Meter


@dataclass(frozen=True, slots=True)
class Side:
    """One column as a table sees it: codes per row, noisy one-way masses per cell, whether cells are the fine ones.

    ``apart`` says that rare categories have cells of their own.
    """

    column: int
    codes: Ints
    masses: Floats
    fine: bool
    apart: bool = False

    @property
    def cells(self) -> int:
        return int(self.masses.size)


@dataclass(frozen=True, slots=True)
class PairTable:
    """Noisy joint masses of two columns (left cells x right cells) and the noise's standard deviation per cell."""

    left: int
    right: int
    left_fine: bool
    right_fine: bool
    masses: Floats
    deviation: float
    information: float

    def seen_from(self, column: int) -> tuple[int, bool, bool, Floats]:
        """The other column, whether its cells and ``column``'s are fine, and the masses, the other column in rows."""
        if column == self.right:
            return self.left, self.left_fine, self.right_fine, self.masses
        return self.right, self.right_fine, self.left_fine, self.masses.T


def measure_pair(meter: Meter, left: Side, right: Side, share: float) -> PairTable:
    """``measure_joint`` of the sides' rows.

    Groups of fewer rows than the noise's largest singular value would vanish with it: a table with such cells apart is
    left to the fit's own prior.
    """
    cells = left.cells * right.cells
    counts = np.bincount(left.codes * right.cells + right.codes, minlength=cells).reshape(left.cells, right.cells)
    deviation = meter.deviation(share, _sensitivity(left, right))
    noise = deviation * (math.sqrt(left.cells - 1) + math.sqrt(right.cells - 1))
    groups = np.concatenate([side.masses for side in (left, right) if side.apart] or [np.zeros(0)])
    hidden = bool(((groups > CLEAR * deviation) & (groups < noise)).any())
    return measure_joint(meter, left, right, counts, share, without_noise=not hidden)


def measure_joint(
    meter: Meter, left: Side, right: Side, counts: Ints, share: float, without_noise: bool = True
) -> PairTable:
    """The joint table from its doubly centred part P(x + z), P = (I - 11'/d) x (I - 11'/d'), and the one-ways.

    Its squared sensitivity to a row is (1 - 1/d)(1 - 1/d') (residual queries: ResidualPlanner, Xiao et al. 2023). The
    one-ways' product is taken out before it is read: what uneven margins explain is neither noise nor information.
    ``counts`` (left cells x right cells); the sides' codes are not looked at. Unless ``without_noise`` the noise
    stays white, as a filter wants it.
    """
    sensitivity = _sensitivity(left, right)
    label = f"pair/{left.column}/{right.column}/{int(left.fine)}{int(right.fine)}"
    noisy, deviation = meter.measure(label, counts, share, sensitivity)
    independent = np.outer(left.masses, right.masses) / max(float(left.masses.sum()), 1e-9)
    residual = centred(noisy - independent)
    information = mutual_information(residual, left.masses, right.masses, deviation)
    masses = independent + residual
    if without_noise:
        masses = denoised(residual, left.masses, right.masses, deviation, information)
    return PairTable(left.column, right.column, left.fine, right.fine, masses, deviation, information)


def _sensitivity(left: Side, right: Side) -> float:
    """How far a row moves the doubly centred counts, in L2."""
    return math.sqrt((1 - 1 / left.cells) * (1 - 1 / right.cells))


def refine(fine: PairTable, coarse: PairTable, left_map: Ints, right_map: Ints) -> PairTable:
    """The fine table, moved by blocks towards the coarse one in proportion to their variances."""
    shape = coarse.masses.shape
    block = left_map[:, None] * shape[1] + right_map
    held = sums(block.ravel(), fine.masses.ravel(), coarse.masses.size)
    cells = np.bincount(block.ravel(), minlength=coarse.masses.size)
    gap = coarse.masses.ravel() - held
    step = gap * fine.deviation**2 / (cells * fine.deviation**2 + coarse.deviation**2)
    return PairTable(
        fine.left,
        fine.right,
        True,
        True,
        fine.masses + step[block],
        fine.deviation,
        max(fine.information, coarse.information),
    )


def mutual_information(residual: Floats, left: Floats, right: Floats, deviation: float) -> float:
    """Mutual information in nats (chi-squared approximation), less what noise and chance alone give."""
    total = max(float(left.sum()), 1.0)
    expected = np.outer(np.maximum(left, 0), np.maximum(right, 0)) / total + deviation
    freedom = (1 - 1 / left.size) * (1 - 1 / right.size)
    by_chance = (deviation**2 + np.maximum(expected - deviation, 0)) * freedom
    return float(((residual**2 - by_chance) / expected).sum() / (2 * total))
