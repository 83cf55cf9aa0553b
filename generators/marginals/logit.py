"""One column given the earlier ones: a multinomial logit whose expected pair counts match the noisy tables.

P(x | earlier) is proportional to exp(theta_0[x] + sum_j theta_j[x_j, x]), fitted over synthetic rows that were sampled
from the columns before, so that each column also corrects what went wrong earlier. There is no graphical inference and
no limit on treewidth. Everything here is post-processing.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generators.arrays import Bools, Floats, Ints

Single = npt.NDArray[np.float32]
PASSES = 8
PRIOR_PAIR = 1.5
PRIOR_DETERMINED = 10.0
"""Of the tables in which one column tells much of the other: there logits are large."""
PRIOR_ONE_WAY = 100.0
LARGEST = 8.0
NEVER = -60.0


@dataclass(frozen=True, slots=True)
class Parent:
    """An earlier column as one table sees it: synthetic codes, noisy masses (its cells x this column's), and how cells
    map.
    """

    codes: Ints
    masses: Floats
    deviation: float
    cells: Ints
    """for each fine cell of this column the table's own cell"""
    prior: float = PRIOR_PAIR
    """the standard deviation of logits"""


def fit_column(
    one_way: Floats, deviation: Floats, parents: list[Parent], allowed: list[Bools], scale: float, rows: int
) -> tuple[Floats, list[Floats], Single]:
    """theta_0, one theta per parent (its cells x the table's cells), and each synthetic row's probabilities.

    ``scale`` is noisy rows per synthetic row; ``allowed`` are (rows, cells) masks.
    Gauss-Seidel over the tables, damped Newton steps on the diagonal.
    """
    base = np.maximum(np.log(np.maximum(one_way, 1e-9) / max(float(one_way.sum()), 1e-9)), NEVER)
    probabilities = np.tile(np.exp(base).astype(np.float32), (rows, 1))
    for mask in allowed:
        probabilities *= mask
    _renormalise(probabilities)
    thetas = [np.zeros(parent.masses.shape) for parent in parents]
    shift = np.zeros(one_way.size)
    indicators = [_one_hot(parent.codes, parent.masses.shape[0]) for parent in parents]
    groups = [_one_hot(parent.cells, parent.masses.shape[1]) for parent in parents]
    for _ in range(PASSES):
        expected = probabilities.sum(axis=0, dtype=np.float64) * scale
        step = _step(one_way, expected, deviation, shift, PRIOR_ONE_WAY)
        shift += step
        probabilities *= np.exp(step).astype(np.float32)
        _renormalise(probabilities)
        for parent, theta, indicator, group in zip(parents, thetas, indicators, groups, strict=True):
            expected = ((indicator.T @ probabilities) @ group).astype(np.float64) * scale
            step = _step(parent.masses, expected, parent.deviation, theta, parent.prior)
            theta += step
            probabilities *= np.exp(step).astype(np.float32)[:, parent.cells][parent.codes]
            _renormalise(probabilities)
    return base + shift, thetas, probabilities


def draw(probabilities: Single, rng: np.random.Generator) -> Ints:
    """One cell a row."""
    ends = np.cumsum(probabilities, axis=1)
    uniform = rng.random(ends.shape[0], dtype=np.float32) * ends[:, -1]
    cells: Ints = np.minimum((ends <= uniform[:, None]).sum(axis=1), ends.shape[1] - 1).astype(np.int64)
    return cells


def _step(wanted: Floats, expected: Floats, deviation: Floats | float, theta: Floats, prior: float) -> Floats:
    trust = (expected + 0.5) / (deviation**2 + expected + 0.5)
    raw = (trust * (wanted - expected) - theta / prior**2) / (trust * (expected + 0.5) + 1 / prior**2)
    result: Floats = np.clip(theta + np.clip(raw, -1, 1), -LARGEST, LARGEST) - theta
    return result


def _renormalise(probabilities: Single) -> None:
    ones = np.ones(probabilities.shape[1], dtype=np.float32)
    total = probabilities @ ones
    empty = total <= 0
    if empty.any():
        probabilities[empty] = 1.0
        total = probabilities @ ones
    probabilities *= (1 / total)[:, None]


def _one_hot(codes: Ints, cells: int) -> Single:
    hot = np.zeros((codes.size, cells), dtype=np.float32)
    hot[np.arange(codes.size), codes] = 1.0
    return hot
