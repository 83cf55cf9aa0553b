"""Train and holdout as sides of a comparison: which of them synthetic rows are nearer to, ties and sizes accounted for.

Where the synthetic table says nothing about who was drawn for training, the nearest of all real rows is a training row
with the odds of the sizes; of rows equally near each is as likely. Sides of one size can also be compared by anything
that is worked out on each alone. The real side is drawn, indexed and compared with the reference once a snapshot.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from validators.distances.index import Index, index
from validators.distances.points import Metric, Points
from validators.distances.views import points
from validators.protocol import Evidence
from validators.statistics import Interval, Reals, clopper_pearson, generator

REAL_ROWS = 32_768
"""Rows of either side, drawn by seed where there are more."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of ``rows`` were nearer to train, where ``odds`` to one would be by chance."""

    wins: int
    rows: int
    odds: float

    @property
    def value(self) -> float:
        """The share that sides of one size would have shown: 0.5 by chance."""
        return self._even(self.wins / self.rows)

    @property
    def interval(self) -> Interval:
        """Clopper and Pearson's, at 95 %, over rows."""
        low, high = clopper_pearson(self.wins, self.rows)
        return self._even(low), self._even(high)

    def _even(self, share: float) -> float:
        return share / (share + (1 - share) * self.odds) if share > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Sides:
    """As many rows of train as of holdout, and those that the larger side has beyond them."""

    train: Index
    holdout: Index
    rest: Index
    train_rows: int
    holdout_rows: int

    def compare(self, queries: Points, rng: np.random.Generator) -> "Compared":
        """Both shares of ``queries``, at least one; ties are drawn by ``rng``."""
        near, far = self.train.search(queries, 2), self.holdout.search(queries, 2)
        rest = self.rest.search(queries)
        odds, larger = self.train_rows / self.holdout_rows, self.train_rows > self.holdout_rows
        # Of all rows as near as the nearest, how many are of which side.
        least = np.minimum(np.minimum(near.distance[:, 0], far.distance[:, 0]), rest.distance[:, 0])
        tied = [np.where(found.distance[:, 0] == least, found.ties, 0) for found in (near, far, rest)]
        members = tied[0] + (tied[2] if larger else 0)
        wins = rng.random(len(queries)) * sum(tied) < members
        ratios = _ratios(near.distance), _ratios(far.distance)
        lots = rng.random(len(queries)) < 0.5
        nearer = (ratios[0] < ratios[1]) | ((ratios[0] == ratios[1]) & lots)
        return Compared(
            Share(int(wins.sum()), len(queries), odds),
            Share(int(nearer.sum()), len(queries), 1.0),
            near.distance[:, 0],
            far.distance[:, 0],
        )


@dataclass(frozen=True, slots=True)
class Compared:
    """Shares by distance (DCR) and by distance over the second nearest's (NNDR), and (n_queries,) distances to as many
    rows of either side.
    """

    dcr: Share
    nndr: Share
    to_train: Reals
    to_holdout: Reals


def sides(evidence: Evidence, metric: Metric) -> Sides:
    """Drawn by seed, the same rows for each metric."""
    tables = (evidence.train, evidence.holdout, evidence.reference)
    return evidence.memo.of(("sides", metric, evidence.seed), tables, lambda: _sides(evidence, metric))


def _sides(evidence: Evidence, metric: Metric) -> Sides:
    rng = generator(evidence.seed, "sides")
    train, holdout = (
        _drawn(points(evidence, table, metric), REAL_ROWS, rng) for table in (evidence.train, evidence.holdout)
    )
    even = min(len(train), len(holdout))
    rest = (train if len(train) > even else holdout).take(slice(even, None))
    return Sides(
        index(train.take(slice(0, even))), index(holdout.take(slice(0, even))), index(rest), len(train), len(holdout)
    )


def drawn(part: Points, most: int, seed: int, purpose: str) -> Points:
    """At most that many of the rows, in random order."""
    return _drawn(part, most, generator(seed, purpose))


def _drawn(part: Points, most: int, rng: np.random.Generator) -> Points:
    return part.take(rng.permutation(len(part))[:most])


def _ratios(distance: Reals) -> npt.NDArray[np.float64]:
    """Nearest over second nearest; 1 where both are as near, copies of two rows included."""
    nearest, second = distance[:, 0], distance[:, 1]
    return np.where(nearest == second, 1.0, nearest / np.where(nearest == second, 1.0, second))
