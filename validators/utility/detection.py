"""How well a boosted classifier tells synthetic rows from rows that no generator saw."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from schemas.finding import Finding, Gate
from validators.influence import Influenced, auc_of
from validators.models.boosting import margins
from validators.models.design import design_matrix
from validators.models.linear import logistic
from validators.protocol import Evidence
from validators.statistics import auc_interval, generator
from validators.utility.learning import Indices, as_compared
from validators.verdicts import hold, require
from validators.views import tree_coder, tree_matrix

if TYPE_CHECKING:
    import pandas as pd

ROWS = 5_000
BASELINE_ROWS = 2_000
FOLDS = 3
LEAST = 150


@dataclass(frozen=True, slots=True)
class ToldApart:
    """Out-of-fold scores of ``size`` rows of either side; above are those of ``left``, its row numbers in the table."""

    left: Indices
    right: Indices
    left_scores: Reals
    right_scores: Reals

    @property
    def auc(self) -> Influenced:
        """P(a row of the left scores above one of the right); influences are those of the left rows, then the right."""
        return auc_of(np.concatenate([self.left_scores, self.right_scores]), self.is_left)

    @property
    def is_left(self) -> npt.NDArray[np.bool_]:
        return np.repeat([True, False], [len(self.left), len(self.right)])


@dataclass(frozen=True, slots=True)
class DetectionAuc:
    """AUC of gradient boosting, cross-fitted in 3 folds, on as many synthetic as holdout rows (at most 5,000 of each,
    by seed).

    Rows are coded by real tables alone: categories that those lack share one code, and numbers lie on the contract's
    lattice, so that storage gives nothing away. DeLong interval over the rows left out. The baseline tells train from
    holdout rows, up to 2,000 of each. A logistic regression's AUC stands in the detail.
    """

    metric: str = "detection_auc"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` below 150 synthetic or holdout rows."""
        changed, detail = as_compared(evidence)
        apart = detected(changed)
        found = auc_interval(apart.left_scores, apart.right_scores)
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                found.value,
                interval=found.interval,
                baseline=baseline(changed),
                support=len(apart.left) + len(apart.right),
                samples={"synthetic": len(apart.left), "holdout": len(apart.right)},
                detail=detail
                | {
                    "rows_on_each_side": len(apart.left),
                    "model": "histogram gradient boosting",
                    "folds": FOLDS,
                    "auc_logistic": told_apart(changed, "linear", changed.synthetic, ROWS).auc.value,
                },
            ),
        )


def detected(evidence: Evidence) -> ToldApart:
    """Synthetic rows told from the holdout by boosting, worked out once; ``evidence`` as utility compares it.

    Raises ``InsufficientEvidence`` below 150 rows of either.
    """
    require(len(evidence.synthetic), LEAST, "synthetic rows")
    require(len(evidence.holdout), LEAST, "holdout rows")
    return told_apart(evidence, "boosting", evidence.synthetic, ROWS)


def baseline(evidence: Evidence) -> float | None:
    """The AUC between train and holdout rows: 1/2 but for noise; none for too few train rows."""
    if len(evidence.train) < LEAST:
        return None
    return told_apart(evidence, "boosting", evidence.train, BASELINE_ROWS).auc.value


def told_apart(
    evidence: Evidence, learner: Literal["boosting", "linear"], table: "pd.DataFrame", most: int
) -> ToldApart:
    """``table`` told from the holdout by ``learner``, on at most ``most`` rows of either."""
    key = ("told apart", learner, evidence.seed, most)
    tables = (evidence.train, evidence.holdout, table)
    return evidence.memo.of(key, tables, lambda: _told_apart(evidence, learner, table, most))


def _told_apart(
    evidence: Evidence, learner: Literal["boosting", "linear"], table: "pd.DataFrame", most: int
) -> ToldApart:
    """Rows are drawn by seed, and every third of either side is one fold."""
    size = min(len(table), len(evidence.holdout), most)
    rng, columns = generator(evidence.seed, "detection_auc"), evidence.contract.modelled
    left, right = (rng.permutation(len(each))[:size] for each in (table, evidence.holdout))
    matrix = tree_matrix if learner == "boosting" else design_matrix
    rows = np.concatenate([matrix(evidence, table, columns)[left], matrix(evidence, evidence.holdout, columns)[right]])
    label: npt.NDArray[np.int64] = np.repeat([1, 0], size)
    fold = np.tile(np.arange(size) % FOLDS, 2)
    scores = np.empty(len(rows))
    for k in range(FOLDS):
        seen, unseen = rows[fold != k], rows[fold == k]
        if learner == "linear":
            scores[fold == k] = logistic(seen, label[fold != k]).margins(unseen)
        else:
            categorical = tree_coder(evidence, columns).categorical
            scores[fold == k] = margins(seen, label[fold != k], unseen, categorical, evidence.seed)
    return ToldApart(left, right, scores[:size], scores[size:])
