"""Whether synthetic rows help or hurt a model of a rare class when they are added to the real ones."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from schemas.bins import Reals
from schemas.finding import Finding, Gate
from validators.influence import Influenced, Mask
from validators.protocol import Evidence
from validators.statistics import generator, normal_interval
from validators.utility.learners import LEARNERS
from validators.utility.learning import Indices, Learning, learning
from validators.utility.tstr import described
from validators.verdicts import hold, require

if TYPE_CHECKING:
    import pandas as pd

RARE = 0.2
ROWS = 8_000
TEST_ROWS = 20_000
LEAST = 30
"""Rare rows needed in train and in the holdout."""


@dataclass(frozen=True, slots=True)
class MinorityRecall:
    """Recall of a rare class by boosting on train and synthetic rows, over that on train rows alone.

    Both alert on as many holdout rows as are of the class. Up to 8,000 rows a side are fitted, rare ones first (at
    most a quarter). The class is the rarest with 30 rows in train and in the holdout; there is no finding where all
    hold 20 % of the train rows or more. The interval is that of the tested rows, and only an interval below the limit
    fails.
    """

    metric: str = "minority_recall"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding or none; raises ``InsufficientEvidence`` below 30 rare rows in train or holdout."""
        task = learning(evidence)
        if task is None or task.target.task == "number":
            return ()
        real, test = (task.labels(table) for table in (task.evidence.train, task.evidence.holdout))
        shares = [float((real == k).sum() / (~np.isnan(real)).sum()) for k in range(task.target.classes)]
        least = {k: min(int((side == k).sum()) for side in (real, test)) for k, s in enumerate(shares) if s < RARE}
        if not least:
            return ()
        require(max(least.values()), LEAST, "training or holdout rows of a rare class")
        rare = min((k for k, rows in least.items() if rows >= LEAST), key=lambda k: shares[k])
        alone, both, positive = self._recalls(task, rare)
        value = both.over(alone) if alone.value > 0 else Influenced(1.0, np.zeros(len(positive)))
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                value.value,
                interval=normal_interval(value.value, value.deviation, high=100.0),
                rule="confident",
                baseline=1.0,
                support=int(positive.sum()),
                samples={"holdout": len(positive)},
                detail=described(task)
                | {
                    "recall_real": alone.value,
                    "recall_both": both.value,
                    "alert_rate": float(positive.mean()),
                    "class": rare,
                    "share": shares[rare],
                },
            ),
        )

    def _recalls(self, task: Learning, rare: int) -> tuple[Influenced, Influenced, Mask]:
        evidence = task.evidence
        tested = task.rows(evidence.holdout, TEST_ROWS)
        positive = task.labels(evidence.holdout)[tested] == rare
        alone = evidence.memo.of(
            ("minority", rare, evidence.seed, task.target.name),
            (evidence.train, evidence.holdout),
            lambda: _scores(task, (evidence.train,), rare, tested),
        )
        both = _scores(task, (evidence.train, evidence.synthetic), rare, tested)
        order = generator(evidence.seed, self.metric).random(len(tested))
        return recall(alone, positive, order), recall(both, positive, order), positive


def recall(scores: Reals, positive: Mask, lot: Reals) -> Influenced:
    """Share of the positives found by as many alerts as there are positives; ties by lot, the threshold as if fixed."""
    alerts = np.zeros(len(scores), dtype=bool)
    alerts[np.lexsort((lot, -scores))[: int(positive.sum())]] = True
    value = float(alerts[positive].mean())
    return Influenced(value, np.where(positive, (alerts - value) / max(1, int(positive.sum())), 0.0))


def _scores(task: Learning, tables: "tuple[pd.DataFrame, ...]", rare: int, tested: Indices) -> Reals:
    boosting = LEARNERS["boosting"]
    parts = [
        (boosting.matrix(task.evidence, table, task.features), task.labels(table), _rows(task, table, rare))
        for table in tables
    ]
    rows = np.concatenate([matrix[chosen] for matrix, _, chosen in parts])
    labels = np.concatenate([known[chosen] for _, known, chosen in parts])
    model = boosting.fit(task.evidence, rows, labels, task.target, task.features)
    return model.scores(boosting.matrix(task.evidence, task.evidence.holdout, task.features)[tested])[:, rare]


def _rows(task: Learning, table: "pd.DataFrame", rare: int) -> Indices:
    """Rare rows up to a quarter, then others, each by seed."""
    found, known = task.rows(table, len(table)), task.labels(table)
    of_class = known[found] == rare
    few = found[of_class][: ROWS // 4]
    return np.concatenate([few, found[~of_class][: ROWS - len(few)]])
