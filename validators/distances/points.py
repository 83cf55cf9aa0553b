"""Rows ready to be measured, under one of three distances that share one form."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals

Metric = Literal["gower", "euclidean", "mahalanobis"]
METRICS: tuple[Metric, ...] = ("gower", "euclidean", "mahalanobis")
Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Points:
    """(n, p) float64 scaled numbers and (n, q) int32 codes from 0 of what is compared for equality.

    A pair's cost is the sum over numbers of the absolute (``gower``) or squared difference, plus 1 (``gower``) or 2 for
    each unequal code: 2 is the squared distance of two categories coded one-hot. The distance is the cost over
    ``columns``, or its root. ``columns`` is the number of the table's columns, by default all that count.
    """

    scaled: Reals
    codes: Codes
    metric: Metric = "gower"
    columns: int = 0

    def __len__(self) -> int:
        return len(self.scaled)

    def take(self, rows: Any) -> "Points":
        """Those rows, in that order."""
        return Points(self.scaled[rows], self.codes[rows], self.metric, self.columns)

    @property
    def width(self) -> int:
        """The table's columns."""
        return self.columns or int(self.scaled.shape[1] + self.codes.shape[1])

    @property
    def squared(self) -> bool:
        """Whether differences are squared."""
        return self.metric != "gower"

    @property
    def weight(self) -> float:
        """The cost of one mismatch."""
        return 2.0 if self.squared else 1.0

    def distances(self, cost: Reals) -> Reals:
        """From costs to distances."""
        return np.sqrt(cost) if self.squared else cost / max(1, self.width)
