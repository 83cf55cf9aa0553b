"""Noise taken out of a pair table, knowing how much there is. Post-processing of what was published.

Two estimates see different things. Singular values find what many cells say together. The prior of single cells, as
ratios to the product of the one-ways, finds what no table of low rank has: that most cells are empty, as where one
column all but determines the other. Their errors differ, so that their mean is better than either; a table in which one
column leaves little open of the other is read cell by cell alone.
"""

import math
from functools import cache

import numpy as np

from generators.arrays import Floats

DETERMINED = 0.4
"""Information over the smaller entropy of the two columns, from which on a table is read cell by cell."""
STEP = 0.185
RATIOS: Floats = np.append([0.0, 1.0], np.exp(STEP * np.arange(-25, 23)))
"""Zero, one, and .01 to 58; the first two as points, the others each as a normal of a relative width."""
WIDTHS: Floats = np.append([0.0, 0.0], np.full(48, STEP / 2))
EMPTY = (0.0, 0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95)
SPREADS = (0.09, 0.17, 0.3, 0.5, 0.8, 1.2, 1.8)
ROUNDS = 5
CLEAR = 2.5
"""Deviations from which on a group's mass says something."""


def denoised(residual: Floats, left: Floats, right: Floats, deviation: float, information: float) -> Floats:
    """Masses of the table with these margins from its noisy doubly centred part, without the margins' own product.

    ``deviation`` is that of a cell's noise before centring.
    """
    independent = np.outer(left, right) / max(float(left.sum()), 1e-9)
    if _too_faint(independent, deviation):
        return independent + residual
    freedom = (1 - 1 / left.size) * (1 - 1 / right.size)
    cells = _raked(posterior_means(independent + residual, independent, deviation, freedom), left, right)
    by_cells = centred(cells - independent)
    if determination(information, left, right) > DETERMINED:
        return independent + by_cells
    return independent + (by_cells + shrink_singular_values(residual, deviation)) / 2


def centred(table: Floats) -> Floats:
    """Without its row and column means: (I - 11'/d) x (I - 11'/d') of it."""
    found: Floats = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    return found


def determination(information: float, left: Floats, right: Floats) -> float:
    """How much of the less uncertain column the other one tells: 0 to about 1; above it only where cells are few."""
    return information / max(min(_entropy(left), _entropy(right)), 1e-9)


def posterior_means(noisy: Floats, independent: Floats, deviation: float, freedom: float) -> Floats:
    """Expected masses given noisy ones, cell by cell; as centred noise has it, with ``freedom`` of its variance.

    A cell is ``independent`` times a ratio that is zero with some chance and about log-normal otherwise, of mean one in
    all; or every ratio is one. Chance and spread are a table's own: each pair of a grid counts by its evidence, so
    nothing is fitted. The ratios' density is a mixture of normals a little wider than their distance, and each part has
    its posterior mean in closed form, however small the noise.
    """
    sigma = max(deviation * math.sqrt(freedom), 1e-9)
    product, observed = np.maximum(independent.reshape(-1, 1), 1e-9), noisy.reshape(-1, 1)
    centres, widths = product * RATIOS, product * (RATIOS * WIDTHS)
    variances = widths**2 + sigma**2
    gaps = observed - centres
    scores = -(gaps**2 / variances + np.log(variances)) / 2
    likelihood = np.exp(scores - scores.max(axis=1, keepdims=True))
    priors = _priors()
    chances = np.maximum(likelihood @ priors, 1e-300)
    evidence = freedom * np.log(chances).sum(axis=0)
    weights = np.exp(evidence - evidence.max())
    inside = np.maximum(centres + widths**2 / variances * gaps, 0.0)
    means = ((likelihood * inside) @ priors) / chances @ (weights / weights.sum())
    found: Floats = means.reshape(noisy.shape)
    return found


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


def _too_faint(independent: Floats, deviation: float) -> bool:
    """A rare group beside the rest, in cells below the noise: a prior would take away what little they say, and the fit
    has one of its own.
    """
    groups = independent if independent.shape[0] == 2 else independent.T
    return groups.shape[0] == 2 and float(groups.mean(axis=1).min()) < CLEAR * deviation


@cache
def _priors() -> Floats:
    """(ratios, hypotheses): a prior of the ratio in each column; the first says independence."""
    found = [_prior(empty, spread) for empty in EMPTY for spread in SPREADS]
    return np.array([np.eye(RATIOS.size)[1], *found]).T


def _prior(empty: float, spread: float) -> Floats:
    """``empty`` at zero, and a log-normal on the grid with the mean that makes it one in all."""
    logarithms, centre = np.log(RATIOS[2:]), -spread * spread / 2 - math.log(1 - empty)
    for _ in range(5):
        chances = np.exp(-(((logarithms - centre) / spread) ** 2) / 2)
        chances *= (1 - empty) / chances.sum()
        centre -= math.log(float(chances @ RATIOS[2:]))
    return np.append([empty, 0.0], chances)


def _raked(masses: Floats, left: Floats, right: Floats) -> Floats:
    """Non-negative masses brought to the margins, nearly (iterative proportional fitting)."""
    for _ in range(ROUNDS):
        masses = masses * (left / np.maximum(masses.sum(axis=1), 1e-9))[:, None]
        masses = masses * (right / np.maximum(masses.sum(axis=0), 1e-9))
    return masses


def _entropy(masses: Floats) -> float:
    """In nats, of masses as shares."""
    shares = np.maximum(masses, 1e-12) / max(float(np.maximum(masses, 1e-12).sum()), 1e-12)
    return float(-(shares * np.log(shares)).sum())
