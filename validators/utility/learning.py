"""One learning task, asked many questions: which rows are fitted and tested, and every model fitted once.

Models of real rows are kept by train and holdout alone, so they serve every candidate of a snapshot that has as many
rows; models of synthetic rows serve every measure of a certificate.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from schemas.contract import Column
from schemas.errors import InsufficientEvidence
from validators.protocol import Evidence
from validators.statistics import generator
from validators.utility.conditioning import compared
from validators.utility.learners import LEARNERS, Fitted
from validators.utility.target import Target, labels, target
from validators.verdicts import require

if TYPE_CHECKING:
    import pandas as pd

ROWS = 10_000
TEST_ROWS = 6_000
LEAST = 100
LEAST_OF_A_CLASS = 10
Indices = npt.NDArray[np.int64]


def as_compared(evidence: Evidence) -> tuple[Evidence, dict[str, Any]]:
    """The evidence with its tables as utility compares them (``conditioning``), and what was done to them."""
    tables = compared(evidence)
    changed = replace(evidence, synthetic=tables.synthetic, train=tables.train, holdout=tables.holdout)
    return changed, tables.detail


@dataclass(frozen=True, slots=True)
class Learning:
    """The task of one evidence. ``size`` rows are fitted on either side, so that none learns from more."""

    evidence: Evidence
    target: Target
    features: tuple[Column, ...]
    size: int
    detail: dict[str, Any]

    def rows(self, table: "pd.DataFrame", most: int) -> Indices:
        """At most ``most`` row numbers with a label, by seed."""
        known = np.flatnonzero(~np.isnan(self.labels(table)))
        return generator(self.evidence.seed, "learning").permutation(known)[:most]

    def labels(self, table: "pd.DataFrame") -> Reals:
        """All labels of ``table``, NaN where there is none."""
        return labels(self.evidence, table, self.target)

    def fitted(self, learner: str, table: "pd.DataFrame") -> Fitted:
        """The learner's model of ``table``, fitted once."""
        return self.evidence.memo.of(
            (*self._key, "fitted", learner), (*self._real, table), lambda: self._fit(learner, table)
        )

    def scores(self, learner: str, fitted_on: "pd.DataFrame", of: "pd.DataFrame") -> Reals:
        """Scores of the rows ``self.tested(of)`` by the model of ``fitted_on``, worked out once."""
        return self.evidence.memo.of(
            (*self._key, "scores", learner), (*self._real, fitted_on, of), lambda: self._score(learner, fitted_on, of)
        )

    def tested(self, table: "pd.DataFrame") -> Indices:
        """The row numbers that are scored."""
        return self.rows(table, TEST_ROWS)

    def truth(self, table: "pd.DataFrame") -> Reals:
        """The labels of the rows that are scored."""
        return self.labels(table)[self.tested(table)]

    def _fit(self, learner: str, table: "pd.DataFrame") -> Fitted:
        how, rows = LEARNERS[learner], self.rows(table, self.size)
        matrix = how.matrix(self.evidence, table, self.features)
        return how.fit(self.evidence, matrix[rows], self.labels(table)[rows], self.target, self.features)

    def _score(self, learner: str, fitted_on: "pd.DataFrame", of: "pd.DataFrame") -> Reals:
        matrix = LEARNERS[learner].matrix(self.evidence, of, self.features)
        return self.fitted(learner, fitted_on).scores(matrix[self.tested(of)])

    @property
    def _key(self) -> tuple[Any, ...]:
        return ("learning", self.evidence.seed, self.target.name, self.size)

    @property
    def _real(self) -> "tuple[pd.DataFrame, pd.DataFrame]":
        return self.evidence.train, self.evidence.holdout


def learning(evidence: Evidence) -> Learning | None:
    """The task of the contract's target; none without a target, without another column, or where the run asked for
    one value of the target only.

    Raises ``InsufficientEvidence`` for fewer than 100 rows with a target on any side, for a target that is constant
    in real rows, and where the holdout has fewer than 10 rows of all classes but one.
    """
    changed, detail = as_compared(evidence)
    found = target(changed)
    if found is None or _asked_for_one(changed, found):
        return None
    features = tuple(column for column in evidence.contract.modelled if column.name != found.column.name)
    if not features:
        return None
    known = {
        what: int((~np.isnan(labels(changed, table, found))).sum())
        for what, table in (("synthetic", changed.synthetic), ("training", changed.train), ("holdout", changed.holdout))
    }
    for what, count in known.items():
        require(count, LEAST, f"{what} rows with a target")
    task = Learning(changed, found, features, min(known["synthetic"], known["training"], ROWS), detail)
    _check(task)
    return task


def oddity(task: Learning) -> str | None:
    """What is odd about the synthetic target, if anything."""
    present = len(np.unique(task.truth(task.evidence.synthetic)))
    if present < 2:
        return "the synthetic target is constant"
    missing = task.target.classes - present
    return f"{missing} classes of the target do not occur in the synthetic table" if missing > 0 else None


def _asked_for_one(evidence: Evidence, found: Target) -> bool:
    name = found.column.name
    return name in evidence.conditioned and len(evidence.holdout) > 0 and evidence.holdout[name].nunique() < 2


def _check(task: Learning) -> None:
    real = [task.labels(table)[task.rows(table, most)] for table, most in (
        (task.evidence.train, task.size), (task.evidence.holdout, TEST_ROWS))]  # fmt: skip
    if any(len(np.unique(side)) < 2 for side in real):
        raise InsufficientEvidence("the target is constant in the real rows")
    if task.target.task == "classes" and np.sort(np.bincount(real[1].astype(np.int64)))[-2] < LEAST_OF_A_CLASS:
        raise InsufficientEvidence(f"the holdout has fewer than {LEAST_OF_A_CLASS} rows of all classes but one")
