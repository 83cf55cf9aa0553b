"""Pair tables: measured doubly centred, put back on their margins, denoised, and read for mutual information."""

import math
from dataclasses import dataclass

import numpy as np

from generators.arrays import Floats, Ints, sums
from generators.private.meter import Meter


@dataclass(frozen=True, slots=True)
class Side:
    """One column as a table sees it: codes per row, noisy one-way masses per cell, whether cells are the fine ones."""

    column: int
    codes: Ints
    masses: Floats
    fine: bool

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
    """The joint table from its doubly centred part P(x + z), P = (I - 11'/d) x (I - 11'/d'), and the one-ways.

    Its squared sensitivity to a row is (1 - 1/d)(1 - 1/d') (residual queries: ResidualPlanner, Xiao et al. 2023).
    """
    cells = left.cells * right.cells
    counts = np.bincount(left.codes * right.cells + right.codes, minlength=cells).reshape(left.cells, right.cells)
    sensitivity = math.sqrt((1 - 1 / left.cells) * (1 - 1 / right.cells))
    label = f"pair/{left.column}/{right.column}/{int(left.fine)}{int(right.fine)}"
    noisy, deviation = meter.measure(label, counts, share, sensitivity)
    residual = noisy - noisy.mean(axis=0) - noisy.mean(axis=1, keepdims=True) + noisy.mean()
    total = float(left.masses.sum())
    information = _information(residual, left.masses, right.masses, deviation)
    residual = shrink_singular_values(residual, deviation)
    masses = residual + left.masses[:, None] / right.cells + right.masses / left.cells - total / cells
    return PairTable(left.column, right.column, left.fine, right.fine, masses, deviation, information)


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


def shrink_singular_values(residual: Floats, deviation: float) -> Floats:
    """Gavish and Donoho 2017: the shrinker that is optimal in Frobenius loss under white noise."""
    rows, columns = min(residual.shape) - 1, max(residual.shape) - 1
    if rows < 2:
        return residual
    beta = rows / columns
    left, values, right = np.linalg.svd(residual, full_matrices=False)
    scaled = values / (deviation * math.sqrt(columns))
    inside = np.maximum((scaled**2 - beta - 1) ** 2 - 4 * beta, 0.0)
    kept = np.where(scaled > 1 + math.sqrt(beta), np.sqrt(inside) / np.maximum(scaled, 1e-12), 0.0)
    result: Floats = (left * (kept * deviation * math.sqrt(columns))) @ right
    return result


def _information(residual: Floats, left: Floats, right: Floats, deviation: float) -> float:
    """Mutual information in nats (chi-squared approximation), less what noise alone would give; may be negative."""
    total = max(float(left.sum()), 1.0)
    expected = np.outer(np.maximum(left, 0), np.maximum(right, 0)) / total + deviation
    freedom = (1 - 1 / left.size) * (1 - 1 / right.size)
    return float(((residual**2 - deviation**2 * freedom) / expected).sum() / (2 * total))
