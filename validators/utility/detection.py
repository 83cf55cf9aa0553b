"""How well a boosted classifier tells synthetic rows from rows that no generator saw."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from schemas.finding import Finding, Gate
from validators.boosting import margins
from validators.encoding import trees
from validators.protocol import Evidence
from validators.statistics import Estimate, auc_interval, generator
from validators.utility.conditioning import compared
from validators.verdicts import hold, require

ROWS = 5_000
BASELINE_ROWS = 2_000
FOLDS = 3
LEAST = 150


@dataclass(frozen=True, slots=True)
class DetectionAuc:
    """AUC of gradient boosting, cross-validated in 3 folds, on as many synthetic as holdout rows (at most 5,000 of
    each, by seed).

    Missing values, categories and rare categories are encoded from both sides alike, and numbers on the contract's
    lattice, so that storage gives nothing away. DeLong interval over the rows left out. The baseline tells train from
    holdout rows, up to 2,000 of each.
    """

    metric: str = "detection_auc"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` below 150 synthetic or holdout rows."""
        tables, columns = compared(evidence), evidence.contract.modelled
        require(len(tables.synthetic), LEAST, "synthetic rows")
        require(len(tables.holdout), LEAST, "holdout rows")
        rng = generator(evidence.seed, self.metric)
        parts = (tables.train, tables.holdout, tables.synthetic)
        matrix = trees(parts, columns)
        train, holdout, fake = (rows[rng.permutation(len(rows))] for rows in map(matrix.matrix, parts))
        found = _told_apart(fake, holdout, ROWS, matrix.categorical, evidence.seed)
        baseline = (
            _told_apart(train, holdout, BASELINE_ROWS, matrix.categorical, evidence.seed).value
            if len(train) >= LEAST
            else None
        )
        used = min(len(fake), len(holdout), ROWS)
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                found.value,
                interval=found.interval,
                baseline=baseline,
                support=2 * used,
                detail=tables.detail
                | {"rows_on_each_side": used, "model": "histogram gradient boosting", "folds": FOLDS},
            ),
        )


def _told_apart(left: Reals, right: Reals, most: int, categorical: tuple[bool, ...], seed: int) -> Estimate:
    """AUC over out-of-fold scores; rows come shuffled, and every third of either side is one fold."""
    size = min(len(left), len(right), most)
    rows: Reals = np.concatenate([left[:size], right[:size]])
    label: npt.NDArray[np.int64] = np.repeat([1, 0], size)
    fold = np.tile(np.arange(size) % FOLDS, 2)
    scores = np.empty(len(rows))
    for k in range(FOLDS):
        scores[fold == k] = margins(rows[fold != k], label[fold != k], rows[fold == k], categorical, seed)
    return auc_interval(scores[label == 1], scores[label == 0])
