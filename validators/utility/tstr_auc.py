"""Train on synthetic, test on real: the AUC itself, where real rows can reach it."""

from dataclasses import dataclass
from typing import Literal

from schemas.finding import Finding, Gate
from validators.protocol import Evidence
from validators.statistics import normal_interval
from validators.utility.learning import learning
from validators.utility.tstr import described, outcomes, sizes
from validators.verdicts import hold


@dataclass(frozen=True, slots=True)
class TstrAuc:
    """The lowest AUC on the holdout of the learners that surely reach the limit when fitted on train rows.

    Surely: with the lower end of their interval, as few tested rows may lift a model over the limit by luck. Where none
    of them does, the limit does not apply: the finding passes and says so, as no synthetic table can be
    better than the rows it stands for. No finding for a target that is a number.
    """

    metric: str = "tstr_auc"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding or none; raises ``InsufficientEvidence`` as ``learning`` does."""
        task = learning(evidence)
        if task is None or task.target.task == "number":
            return ()
        limit, found = evidence.contract.policy.limit(self.metric), outcomes(task)
        able = [one for one in found if normal_interval(one.real.value, one.real.deviation)[0] >= limit]
        worst = min(able or found, key=lambda one: one.synthetic.value)
        held = hold(
            evidence.contract,
            self.metric,
            self.gate,
            worst.synthetic.value,
            interval=normal_interval(worst.synthetic.value, worst.synthetic.deviation),
            baseline=worst.real.value,
            support=len(worst.synthetic.rows),
            samples=sizes(task),
            detail=described(task) | {"worst": worst.learner, "applies": bool(able)},
        )
        if able or held.verdict == "INVALID":
            return (held,)
        reason = f"the limit does not apply: models of real rows, at {worst.real.value:.3f}, do not surely reach it"
        return (held.model_copy(update={"verdict": "PASS", "reason": reason}),)
