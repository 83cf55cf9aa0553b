"""How much more often something succeeds for members than for others, with an interval over their units."""

import numpy as np

from schemas.bins import Reals
from validators.privacy.pool import Integers
from validators.statistics import Estimate


def by_unit(success: Reals, unit: Integers) -> Reals:
    """(n_units,) mean success of each unit's rows."""
    _, place = np.unique(unit, return_inverse=True)
    return np.asarray(np.bincount(place, success) / np.bincount(place), dtype=np.float64)


def excess(members: Reals, others: Reals, confidence: float = 0.95) -> Estimate:
    """Difference of the two means of successes in [0, 1], two-sided at ``confidence``.

    Each variance counts one success and one failure more than were seen (Agresti and Caffo 2000), so that a side that
    always succeeds is not taken to be certain.
    """
    value = float(members.mean() - others.mean())
    half = _quantile(confidence) * float(np.sqrt(_variance(members) + _variance(others)))
    return Estimate(value, max(-1.0, value - half), min(1.0, value + half))


def paired(differences: Reals, confidence: float = 0.95) -> Estimate:
    """Mean of independent differences in [-1, 1], two-sided, 0 of none; one of 1 and one of -1 more are counted for
    the variance.
    """
    value = float(differences.mean()) if len(differences) else 0.0
    padded = np.concatenate([differences, [-1.0, 1.0]])
    half = _quantile(confidence) * float(padded.std() / np.sqrt(len(padded)))
    return Estimate(value, max(-1.0, value - half), min(1.0, value + half))


def _variance(success: Reals) -> float:
    padded = np.concatenate([success, [0.0, 1.0]])
    return float(padded.var() / len(padded))


def _quantile(confidence: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + confidence) / 2))
