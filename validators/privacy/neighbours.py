"""Whether synthetic rows lie nearer to the rows that were fitted than to rows that were not."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from schemas.bins import Reals
from schemas.finding import Finding, Gate
from validators.gower import Points, nearest, points
from validators.protocol import Evidence
from validators.statistics import Interval, clopper_pearson, generator
from validators.verdicts import hold, require

ROWS = 10_000
REAL_ROWS = 32_768
LEAST = 100
LOT = 1e-9
"""Far below the distance between two values of any column, far above float64's error."""


@dataclass(frozen=True, slots=True)
class NearestNeighbourShare:
    """Share of synthetic rows nearer to train than to an equally large holdout: 0.5 without a leak.

    Sides of unequal size are not cut down: a row's nearest neighbour is a train row with odds n_train / n_holdout
    under the null, and the share is corrected for these. Of rows equally near one is drawn, so that the null holds on a
    lattice too, where the larger side would else win ties by its size. Gower distances, exact;
    drawn by seed are at most 10,000 synthetic rows, and 32,768 of either side. The baseline is the same share for the
    attacker's reference rows. Clopper-Pearson interval over synthetic rows.
    """

    metric: str = "nearest_neighbour_share"
    gate: Gate = "privacy"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` below 100 rows on any of the three sides."""
        require(len(evidence.synthetic), LEAST, "synthetic rows")
        require(len(evidence.train), LEAST, "training rows")
        require(len(evidence.holdout), LEAST, "holdout rows")
        rng = generator(evidence.seed, self.metric)
        tables = [evidence.train, evidence.holdout, evidence.synthetic, evidence.reference]
        train, holdout, synthetic, reference = (
            part.take(rng.permutation(len(part))[:most])
            for part, most in zip(
                points(tables, evidence.contract.modelled, fitted_on=2),
                (REAL_ROWS, REAL_ROWS, ROWS, ROWS // 2),
                strict=True,
            )
        )
        train, holdout, synthetic, reference = (
            _with_lots(part, rng.random(len(part))) for part in (train, holdout, synthetic, reference)
        )
        odds = len(train) / len(holdout)
        wins = _wins(synthetic, train, holdout)
        baseline = (
            _corrected(_wins(reference, train, holdout) / len(reference), odds) if len(reference) >= LEAST else None
        )
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                _corrected(wins / len(synthetic), odds),
                rule="cautious",
                support=len(synthetic),
                interval=_interval(wins, len(synthetic), odds),
                baseline=baseline,
                detail={
                    "synthetic_rows_used": len(synthetic),
                    "training_rows_used": len(train),
                    "holdout_rows_used": len(holdout),
                },
            ),
        )


def _with_lots(part: Points, lots: Reals) -> Points:
    """The points with one more coordinate, drawn at random and too small to change any order but that of ties."""
    return Points(np.column_stack([part.scaled, LOT * lots]), part.codes)


def _wins(queries: Points, train: Points, holdout: Points) -> int:
    """How many queries are nearer to train."""
    return int((nearest(queries, train) < nearest(queries, holdout)).sum())


def _interval(wins: int, rows: int, odds: float) -> Interval:
    low, high = clopper_pearson(wins, rows)
    return _corrected(low, odds), _corrected(high, odds)


def _corrected(share: float, odds: float) -> float:
    """The share that equal sides would have shown."""
    return share / (share + (1 - share) * odds) if share > 0 else 0.0
