"""Train on synthetic, test on real: how much of a model's quality survives with the learner that loses most."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from schemas.bins import Reals
from schemas.errors import InsufficientEvidence
from schemas.finding import Finding, Gate
from validators.influence import Influenced
from validators.protocol import Evidence
from validators.statistics import normal_interval
from validators.utility.learners import LEARNERS
from validators.utility.learning import Learning, learning, oddity
from validators.utility.skill import kept, macro_f1, quality, skill
from validators.verdicts import hold


@dataclass(frozen=True, slots=True)
class Outcome:
    """One learner's quality on the tested rows, fitted on synthetic and on real rows, and the share that is kept."""

    learner: str
    synthetic: Influenced
    real: Influenced
    kept: Influenced
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class TstrRatio:
    """The worst learner's AUC on the holdout when fitted on synthetic rows, over its AUC when fitted on train rows.

    Macro one against the rest for several classes; for numbers, the share of the real model's gain over the mean. At
    most 10,000 rows are fitted, as many on either side, and 6,000 tested, by seed. The interval is that of the
    tested rows; where the target is a number, only an interval beyond the limit fails. There is no finding without a
    target, nor where the run asked for one value of the target only.
    """

    metric: str = "tstr_ratio"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding or none; raises ``InsufficientEvidence`` as ``learning`` does."""
        task = learning(evidence)
        if task is None:
            return ()
        found = outcomes(task)
        worst = min(found, key=lambda one: one.kept.value)
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                worst.kept.value,
                interval=normal_interval(worst.kept.value, worst.kept.deviation, high=10.0),
                rule="value" if task.target.task == "classes" else "confident",
                baseline=1.0,
                support=len(worst.kept.rows),
                samples=sizes(task),
                reason=oddity(task),
                detail=described(task)
                | {"worst": worst.learner, "learners": {one.learner: one.figures for one in found}},
            ),
        )


def outcomes(task: Learning) -> tuple[Outcome, ...]:
    """Every learner's outcome on the holdout, worked out once a certificate."""
    evidence = task.evidence
    tables = (evidence.train, evidence.holdout, evidence.synthetic)
    return evidence.memo.of(
        ("tstr", evidence.seed, task.target.name),
        tables,
        lambda: tuple(_outcome(task, learner) for learner in LEARNERS),
    )


def _outcome(task: Learning, learner: str) -> Outcome:
    holdout = task.evidence.holdout
    scores = [task.scores(learner, table, holdout) for table in (task.evidence.synthetic, task.evidence.train)]
    truth = task.truth(holdout)
    synthetic, real = (quality(each, truth, task.target) for each in scores)
    if not np.isfinite(real.value):
        raise InsufficientEvidence("the real model's quality is not defined on the holdout")
    return Outcome(
        learner, synthetic, real, kept(synthetic, real, task.target), _figures(task, scores, truth, synthetic, real)
    )


def _figures(
    task: Learning, scores: list[Reals], truth: Reals, synthetic: Influenced, real: Influenced
) -> dict[str, float]:
    named = "auc" if task.target.task == "classes" else "gain"
    lost, had = skill(synthetic, task.target), skill(real, task.target)
    figures = {
        f"{named}_synthetic": synthetic.value,
        f"{named}_real": real.value,
        "skill_synthetic": lost,
        "skill_real": had,
        "skill_ratio": (lost + 0.02) / (had + 0.02),
    }
    if task.target.task == "classes":
        figures |= {
            f"f1_{side}": macro_f1(each, truth, task.target)
            for side, each in zip(("synthetic", "real"), scores, strict=True)
        }
    return figures


def described(task: Learning) -> dict[str, Any]:
    """What every finding about the task says of it."""
    return task.detail | {"rows_fitted": task.size, "task": task.target.task, "classes": task.target.classes}


def sizes(task: Learning) -> dict[str, int]:
    """Rows fitted on either side, and rows tested."""
    return {"synthetic": task.size, "train": task.size, "holdout": len(task.tested(task.evidence.holdout))}
