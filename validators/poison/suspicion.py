"""What models of real rows expect of a table's labels: the ground that every test for poison stands on."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from validators.models.boosting import classifier
from validators.protocol import Evidence
from validators.utility.learners import LEARNERS
from validators.utility.learning import Indices, Learning, learning
from validators.utility.target import in_classes
from validators.views import tree_coder, tree_matrix

if TYPE_CHECKING:
    import pandas as pd

ROWS = 16_000


@dataclass(frozen=True, slots=True)
class Judged:
    """Up to 16,000 labelled rows of one table, by seed.

    ``labels`` (n,) class numbers; ``boosting`` and ``linear`` (n, classes) probabilities by models of train rows.
    """

    rows: Indices
    labels: npt.NDArray[np.int64]
    boosting: Reals
    linear: Reals


@dataclass(frozen=True, slots=True)
class Planted:
    """What one test says: the share of all synthetic rows that is poisoned, with simultaneous bounds.

    ``columns`` are positions among the modelled columns and ``label`` a class number, where the test knows them.
    """

    kind: str
    share: float
    lower: float
    upper: float
    rows: int
    label: int | None = None
    columns: tuple[int, ...] = ()


def suspicion(evidence: Evidence) -> Learning | None:
    """The learning task with the target as classes (a number's quarters); none without a target.

    Raises ``InsufficientEvidence`` as ``learning`` does.
    """
    task = learning(evidence)
    return None if task is None else replace(task, target=in_classes(task.evidence, task.target))


def judged(task: Learning, table: "pd.DataFrame") -> Judged:
    """The rows of ``table`` as models of train rows see them, worked out once."""
    source = task.evidence
    key = ("judged", source.seed, task.target.name, task.size)
    return source.memo.of(key, (source.train, source.holdout, table), lambda: _judged(task, table))


def _judged(task: Learning, table: "pd.DataFrame") -> Judged:
    rows = task.rows(table, ROWS)
    expected = {
        name: task.fitted(name, task.evidence.train).scores(learner.matrix(task.evidence, table, task.features)[rows])
        for name, learner in LEARNERS.items()
    }
    return Judged(rows, task.labels(table)[rows].astype(np.int64), expected["boosting"], expected["linear"])


def self_judged(task: Learning, synthetic: Judged) -> Reals:
    """(n, classes) probabilities of the synthetic rows by boosting on the other half of them."""
    source, classes = task.evidence, task.target.classes
    rows = tree_matrix(source, source.synthetic, task.features)[synthetic.rows]
    categorical = tree_coder(source, task.features).categorical
    half, own = np.arange(len(rows)) % 2, np.zeros((len(rows), classes))
    for k in (0, 1):
        present = np.unique(synthetic.labels[half != k])
        if len(present) < 2:
            own[np.ix_(half == k, present)] = 1.0
            continue
        model = classifier(rows[half != k], synthetic.labels[half != k], categorical, source.seed)
        own[np.ix_(half == k, present)] = model.probabilities(rows[half == k])
    return own
