"""Whether one column gives the synthetic target away as no column does in real rows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from schemas.bins import Reals
from schemas.finding import Finding, Gate
from validators.encoding import Codes
from validators.influence import Influenced, Mask
from validators.protocol import Evidence
from validators.statistics import generator, normal_interval
from validators.utility.learning import Learning, learning
from validators.utility.skill import quality
from validators.utility.target import in_classes
from validators.utility.tstr import described
from validators.verdicts import hold
from validators.views import codebook, codes

if TYPE_CHECKING:
    import pandas as pd

ROWS = 10_000
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much one column's AUC is higher in synthetic rows than in the better one of train and holdout."""

    column: str
    value: float
    deviation: float


@dataclass(frozen=True, slots=True)
class LabelLeakage:
    """The largest amount by which one column alone predicts the synthetic target better than the real one, as AUC.

    A column predicts by the target's shares in each of its bins (20, or 40 categories), learnt on one half of up to
    10,000 rows and scored on the other, both ways; several classes one against the rest, a number by its quarters. The
    real figure is the better one of train and holdout. Only an interval above the limit fails.
    """

    metric: str = "label_leakage"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding or none; raises ``InsufficientEvidence`` as ``learning`` does."""
        task = learning(evidence)
        if task is None:
            return ()
        task = replace(task, target=in_classes(task.evidence, task.target))
        found = sorted(gains(task), key=lambda one: -one.value)
        most = found[0] if found else Gain("", 0.0, 0.0)
        tables = {"synthetic": task.evidence.synthetic, "train": task.evidence.train, "holdout": task.evidence.holdout}
        samples = {what: len(task.rows(table, ROWS)) for what, table in tables.items()}
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                most.value,
                interval=normal_interval(most.value, most.deviation, low=-1.0),
                rule="confident",
                baseline=0.0,
                support=samples["synthetic"],
                samples=samples,
                reason=None if found else "the synthetic target is constant",
                detail=described(task) | {"largest": {one.column: one.value for one in found[:SHOWN]}},
            ),
        )


def gains(task: Learning) -> Iterator[Gain]:
    """Of every feature whose AUC is defined on all sides."""
    source = task.evidence
    synthetic, train, holdout = (alone(task, each) for each in (source.synthetic, source.train, source.holdout))
    for name, found in synthetic.items():
        real = max((train[name], holdout[name]), key=lambda one: one.value)
        value = found.value - real.value
        if np.isfinite(value):
            yield Gain(name, value, float(np.hypot(found.deviation, real.deviation)))


def alone(task: Learning, table: "pd.DataFrame") -> dict[str, Influenced]:
    """What each feature by itself says of the target of ``table``, worked out once."""
    source = task.evidence
    key = ("single columns", source.seed, task.target.name)
    return source.memo.of(key, (source.train, source.holdout, table), lambda: _alone(task, table))


def _alone(task: Learning, table: "pd.DataFrame") -> dict[str, Influenced]:
    coded, sizes = codes(task.evidence, table), codebook(task.evidence).sizes
    rows, names = task.rows(table, ROWS), [column.name for column in task.evidence.contract.modelled]
    truth, half = task.labels(table)[rows], generator(task.evidence.seed, "halves").random(len(rows)) < 0.5
    aims = (truth[:, None] == np.arange(task.target.classes)).astype(np.float64)
    return {
        name: quality(_means(coded[rows, j], aims, half, sizes[j]), truth, task.target)
        for j, name in enumerate(names)
        if name != task.target.column.name
    }


def _means(code: Codes, aims: Reals, half: Mask, size: int) -> Reals:
    """Each row's mean aim in its bin among the other half's rows, shrunk by one row towards that half's mean."""
    scores = np.empty_like(aims)
    for side in (half, ~half):
        learnt = aims[~side]
        overall = learnt.mean(axis=0) if len(learnt) else np.zeros(aims.shape[1])
        counts = np.bincount(code[~side], minlength=size)
        for k in range(aims.shape[1]):
            sums = np.bincount(code[~side], learnt[:, k], minlength=size)
            scores[side, k] = ((sums + overall[k]) / (counts + 1))[code[side]]
    return scores
