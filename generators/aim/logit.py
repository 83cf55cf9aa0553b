"""One column given the earlier ones, where every table has a prior of its own: see ``generators.marginals.logit``.

A table of three columns has many cells and small effects; under the pairs' wide prior its noise would be fitted.
Everything here is post-processing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generators.arrays import Bools, Floats, Ints
from generators.marginals.logit import LARGEST, NEVER, PASSES, PRIOR_ONE_WAY, Single


@dataclass(frozen=True, slots=True)
class Factor:
    """A table as the column sees it: each synthetic row's cell of the earlier columns, noisy masses (those cells x the
    column's), for each fine cell of the column the table's own, and the effects' standard deviation in logits.
    """

    codes: Ints
    masses: Floats
    deviation: float
    cells: Ints
    prior: float


def fit_column(
    one_way: Floats, deviation: Floats, factors: Sequence[Factor], allowed: Sequence[Bools], scale: float, rows: int
) -> tuple[Floats, list[Floats], Single]:
    """theta_0, one theta a factor (its cells x the table's), and each synthetic row's probabilities.

    ``scale`` is noisy rows per synthetic row; ``allowed`` are (rows, cells) masks. Gauss-Seidel over the tables,
    damped Newton steps on the diagonal.
    """
    base = np.maximum(np.log(np.maximum(one_way, 1e-9) / max(float(one_way.sum()), 1e-9)), NEVER)
    chances = np.tile(np.exp(base).astype(np.float32), (rows, 1))
    for mask in allowed:
        chances *= mask
    _renormalise(chances)
    thetas = [np.zeros(factor.masses.shape) for factor in factors]
    shift = np.zeros(one_way.size)
    orders = [np.argsort(factor.codes, kind="stable") for factor in factors]
    for _ in range(PASSES):
        step = _step(one_way, chances.sum(axis=0, dtype=np.float64) * scale, deviation, shift, PRIOR_ONE_WAY)
        shift += step
        chances *= np.exp(step).astype(np.float32)
        _renormalise(chances)
        for factor, theta, order in zip(factors, thetas, orders, strict=True):
            step = _step(
                factor.masses, _expected(factor, order, chances) * scale, factor.deviation, theta, factor.prior
            )
            theta += step
            chances *= np.exp(step).astype(np.float32)[:, factor.cells][factor.codes]
            _renormalise(chances)
    return base + shift, thetas, chances


def _expected(factor: Factor, order: Ints, chances: Single) -> Floats:
    """The chances summed over the rows of each earlier cell and over the fine cells of each of the table's."""
    groups = np.zeros((chances.shape[1], factor.masses.shape[1]), dtype=np.float32)
    groups[np.arange(chances.shape[1]), factor.cells] = 1.0
    codes = factor.codes[order]
    starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
    summed = np.zeros(factor.masses.shape)
    summed[codes[starts]] = np.add.reduceat((chances @ groups)[order], starts, axis=0)
    return summed


def _step(wanted: Floats, expected: Floats, deviation: Floats | float, theta: Floats, prior: float) -> Floats:
    trust = (expected + 0.5) / (deviation**2 + expected + 0.5)
    raw = (trust * (wanted - expected) - theta / prior**2) / (trust * (expected + 0.5) + 1 / prior**2)
    result: Floats = np.clip(theta + np.clip(raw, -1, 1), -LARGEST, LARGEST) - theta
    return result


def _renormalise(chances: Single) -> None:
    total = chances.sum(axis=1, keepdims=True)
    empty = total[:, 0] <= 0
    if empty.any():
        chances[empty] = 1.0
        total = chances.sum(axis=1, keepdims=True)
    chances /= total
