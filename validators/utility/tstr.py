"""Train on synthetic, test on real: how much of a model's skill survives."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from schemas.bins import Reals
from schemas.errors import InsufficientEvidence
from schemas.finding import Finding, Gate
from validators.encoding import trees
from validators.protocol import Evidence
from validators.statistics import bootstrap, generator, normal_interval
from validators.utility.conditioning import Compared, compared
from validators.utility.skill import Target, fitted_scores, skill, target_of
from validators.verdicts import hold, require

ROWS = 10_000
TEST_ROWS = 6_000
LEAST = 100
LEAST_OF_A_CLASS = 10
REGULARISER = 0.02
"""Added to both skills: where a target cannot be predicted from real rows either, nothing was lost."""


@dataclass(frozen=True, slots=True)
class TstrRatio:
    """Skill on the holdout of gradient boosting fitted on synthetic rows, over that of one fitted on train rows.

    Skill is AUC - 1/2, macro one against the rest for several classes, R2 for numbers. At most 10,000 rows are fitted
    and 6,000 tested, by seed. The interval resamples test rows. There is no finding without a target, nor
    where the run asked for one value of the target only.
    """

    metric: str = "tstr_ratio"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding or none; raises ``InsufficientEvidence`` for too few rows or a target constant in real rows."""
        name, columns = evidence.contract.policy.target, evidence.contract.modelled
        features = tuple(column for column in columns if column.name != name)
        if name is None or not features:
            return ()
        tables = compared(evidence)
        if name in evidence.conditioned and len(tables.holdout) and tables.holdout[name].nunique() < 2:
            return ()
        task = _Task.of(tables, evidence, name)
        real, fake = task.scores(1, evidence.seed), task.scores(0, evidence.seed)
        test = task.truth
        measured = {"skill_real": skill(real, test, task.target), "skill_synthetic": skill(fake, test, task.target)}
        value = _ratio(measured["skill_synthetic"], measured["skill_real"])
        deviation = bootstrap(
            lambda rows: _ratio(skill(fake, test, task.target, rows), skill(real, test, task.target, rows)),
            len(test),
            generator(evidence.seed, "tstr bootstrap"),
            rounds=100,
        )
        detail = (
            tables.detail
            | measured
            | {"rows_fitted": task.size, "task": task.target.task, "classes": task.target.classes}
        )
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                value,
                interval=normal_interval(value, min(deviation, 10.0), high=10.0),
                baseline=1.0,
                support=len(test),
                reason=task.reason(),
                detail=detail,
            ),
        )


def _ratio(synthetic: float, real: float) -> float:
    return (synthetic + REGULARISER) / (real + REGULARISER)


@dataclass(frozen=True, slots=True)
class _Task:
    """Feature rows and labels of synthetic, train and holdout, rows without a label left out."""

    rows: tuple[Reals, ...]
    labels: tuple[Reals, ...]
    target: Target
    categorical: tuple[bool, ...]
    size: int

    @classmethod
    def of(cls, tables: Compared, evidence: Evidence, name: str) -> "_Task":
        features = tuple(column for column in evidence.contract.modelled if column.name != name)
        frames = [tables.train, tables.holdout, tables.synthetic]
        target = target_of(frames, evidence.contract.column(name), fitted_on=2)
        matrix = trees(frames, features)
        rng = generator(evidence.seed, "tstr_ratio")
        kept = [rng.permutation(np.flatnonzero(~np.isnan(labels))) for labels in target.labels]
        order, limits = (2, 0, 1), (ROWS, ROWS, TEST_ROWS)
        rows = tuple(matrix.matrix(frames[k])[kept[k][:most]] for k, most in zip(order, limits, strict=True))
        labels = tuple(target.labels[k][kept[k][:most]] for k, most in zip(order, limits, strict=True))
        for count, what in zip(
            map(len, rows),
            ("synthetic rows with a target", "training rows with a target", "holdout rows with a target"),
            strict=True,
        ):
            require(count, LEAST, what)
        _check(labels, target)
        return cls(rows, labels, target, matrix.categorical, min(len(rows[0]), len(rows[1])))

    @property
    def truth(self) -> Any:
        return self.labels[2]

    def scores(self, side: int, seed: int) -> Reals:
        return fitted_scores(
            self.rows[side][: self.size],
            self.labels[side][: self.size],
            self.rows[2],
            self.target,
            self.categorical,
            seed,
        )

    def reason(self) -> str | None:
        """What is odd about the synthetic target, if anything."""
        present = len(np.unique(self.labels[0]))
        if present < 2:
            return "the synthetic target is constant"
        missing = self.target.classes - present
        return f"{missing} classes of the target do not occur in the synthetic table" if missing > 0 else None


def _check(labels: tuple[Reals, ...], target: Target) -> None:
    if any(len(np.unique(side)) < 2 for side in labels[1:]):
        raise InsufficientEvidence("the target is constant in the real rows")
    if target.task == "classes" and np.sort(np.bincount(labels[2].astype(np.int64)))[-2] < LEAST_OF_A_CLASS:
        raise InsufficientEvidence(f"the holdout has fewer than {LEAST_OF_A_CLASS} rows of all classes but one")
