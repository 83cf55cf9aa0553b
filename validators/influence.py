"""Measures with the influence of each row, so that one pass gives a value, its error, and those of any contrast.

``rows`` holds, for each row of a table, the derivative of the value by that row's weight over the number of rows. The
variance of the value over samples is about the sum of their squares (the infinitesimal jackknife: Jaeckel 1972,
Efron 1982), and a difference of two measures on the same rows has the difference of their influences. For an AUC that
is DeLong's variance (DeLong et al. 1988).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from validators.statistics import placements

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Influenced:
    """A value, and what each row of one table contributes to its error; NaN where it is not defined."""

    value: float
    rows: Reals

    @property
    def deviation(self) -> float:
        """Its standard error."""
        return float(np.sqrt((self.rows**2).sum()))

    def over(self, other: "Influenced") -> "Influenced":
        """The ratio of two values on the same rows; ``other`` must not be 0."""
        ratio = self.value / other.value
        return Influenced(ratio, (self.rows - ratio * other.rows) / other.value)

    def less(self, other: "Influenced") -> "Influenced":
        """The difference of two values on the same rows."""
        return Influenced(self.value - other.value, self.rows - other.rows)

    def shifted(self, by: float) -> "Influenced":
        """The value plus a constant."""
        return Influenced(self.value + by, self.rows)


def auc_of(scores: Reals, positive: Mask) -> Influenced:
    """P(score of a positive > score of a negative) + half of the ties; NaN where one side is empty."""
    m, n = int(positive.sum()), int((~positive).sum())
    if not m or not n:
        return Influenced(float("nan"), np.zeros(len(scores)))
    above, below = placements(scores[positive], scores[~positive])
    value, rows = float(above.mean()), np.empty(len(scores))
    rows[positive], rows[~positive] = (above - value) / m, (below - value) / n
    return Influenced(value, rows)


def mean_of(each: list[Influenced]) -> Influenced:
    """The mean of values on the same rows."""
    return Influenced(float(np.mean([one.value for one in each])), np.mean([one.rows for one in each], axis=0))


def gain_of(predicted: Reals, truth: Reals) -> Influenced:
    """R squared: the share of the mean's squared error that the prediction takes away; NaN where truth is constant."""
    error, spread = (truth - predicted) ** 2, (truth - truth.mean()) ** 2
    if not spread.sum() > 0:
        return Influenced(float("nan"), np.zeros(len(truth)))
    lost = float(error.sum() / spread.sum())
    return Influenced(1 - lost, -(error - lost * spread) / float(spread.sum()))
