"""Train on real, test on synthetic: whether what holds in real rows holds in the synthetic ones."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from schemas.finding import Finding, Gate
from validators.influence import Influenced
from validators.protocol import Evidence
from validators.statistics import normal_interval
from validators.utility.learning import Learning, learning
from validators.utility.skill import kept, quality
from validators.utility.tstr import described, outcomes
from validators.verdicts import hold


@dataclass(frozen=True, slots=True)
class TrtsRatio:
    """The worst learner's AUC on synthetic rows over its AUC on holdout rows, fitted on the same train rows.

    For numbers, the share of the gain over the mean. Up to 6,000 rows are tested on either side, by seed; the two are
    independent, so their errors add up in the interval. A target that is constant in the synthetic rows is worth
    guessing: 1/2 or no gain. Above 1 the synthetic rows are easier than real ones.
    """

    metric: str = "trts_ratio"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding or none; raises ``InsufficientEvidence`` as ``learning`` does."""
        task = learning(evidence)
        if task is None:
            return ()
        each = {one.learner: (_on_synthetic(task, one.learner), one.real) for one in outcomes(task)}
        ratios = {learner: ratio(synthetic, real, task) for learner, (synthetic, real) in each.items()}
        worst = min(ratios, key=lambda learner: ratios[learner].value)
        value = ratios[worst]
        samples = {"synthetic": len(each[worst][0].rows), "holdout": len(each[worst][1].rows), "train": task.size}
        figures = {k: {"synthetic": fake.value, "holdout": real.value} for k, (fake, real) in each.items()}
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                value.value,
                interval=normal_interval(value.value, value.deviation, high=100.0),
                rule="value" if task.target.task == "classes" else "confident",
                baseline=1.0,
                support=min(samples["synthetic"], samples["holdout"]),
                samples=samples,
                detail=described(task) | {"worst": worst, "learners": figures},
            ),
        )


def ratio(synthetic: Influenced, real: Influenced, task: Learning) -> Influenced:
    """The share kept, of two measures on independent rows: the rows of one, then those of the other."""
    left = Influenced(synthetic.value, np.concatenate([synthetic.rows, np.zeros(len(real.rows))]))
    right = Influenced(real.value, np.concatenate([np.zeros(len(synthetic.rows)), real.rows]))
    return kept(left, right, task.target)


def _on_synthetic(task: Learning, learner: str) -> Influenced:
    evidence = task.evidence
    scores = task.scores(learner, evidence.train, evidence.synthetic)
    found = quality(scores, task.truth(evidence.synthetic), task.target)
    if np.isfinite(found.value):
        return found
    return Influenced(0.5 if task.target.task == "classes" else 0.0, found.rows)
