"""Skill of a boosted model on held-out rows: 0 for guessing, whatever the kind of target."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from schemas.contract import Column
from validators.boosting import predictions, probabilities
from validators.encoding import is_category, numbers
from validators.statistics import auc

if TYPE_CHECKING:
    import pandas as pd

Task = Literal["classes", "number"]
FEW_VALUES = 10
MOST_CLASSES = 20


@dataclass(frozen=True, slots=True)
class Target:
    """``labels`` of each table (NaN for missing or rare): class numbers from 0, or numbers."""

    task: Task
    labels: tuple[Reals, ...]
    classes: int


def target_of(tables: "list[pd.DataFrame]", column: Column, fitted_on: int) -> Target:
    """Classes for categories and for numbers of at most 10 values; the 20 most frequent are kept.

    Classes and their order come from the first ``fitted_on`` tables alone.
    """
    import pandas as pd

    real = pd.concat([table[column.name] for table in tables[:fitted_on]], ignore_index=True)
    if not is_category(column) and (column.type in ("date", "timestamp") or real.nunique() > FEW_VALUES):
        return Target("number", tuple(numbers(table, column) for table in tables), 0)
    counts = real.astype(object).value_counts()
    number = {value: float(k) for k, value in enumerate(counts.index[:MOST_CLASSES])}
    labels = tuple(table[column.name].astype(object).map(number).to_numpy(dtype=np.float64) for table in tables)
    return Target("classes", labels, len(number))


def fitted_scores(
    rows: Reals, labels: Reals, test: Reals, target: Target, categorical: tuple[bool, ...], seed: int
) -> Reals:
    """(n_test, classes) scores, or (n_test, 1) predictions; constant where the training labels are.

    A class that the training rows lack scores below all others.
    """
    if target.task == "number":
        return predictions(rows, labels, test, categorical, seed)[:, None]
    scores = np.zeros((len(test), target.classes))
    present = np.unique(labels).astype(np.int64)
    if len(present) > 1:
        scores[:, present] = probabilities(rows, labels, test, categorical, seed)
    return scores


def skill(scores: Reals, truth: Reals, target: Target, rows: npt.NDArray[np.int64] | None = None) -> float:
    """AUC - 1/2 for two classes, its mean over classes one against the rest for more, R2 for numbers; at least 0, NaN
    where undefined.
    """
    if rows is not None:
        scores, truth = scores[rows], truth[rows]
    if target.task == "number":
        spread = float(((truth - truth.mean()) ** 2).sum())
        return max(0.0, 1 - float(((truth - scores[:, 0]) ** 2).sum()) / spread) if spread > 0 else float("nan")
    asked = [1] if target.classes == 2 else range(target.classes)
    each = [auc(scores[truth == k, k], scores[truth != k, k]) for k in asked if 0 < (truth == k).sum() < len(truth)]
    return max(0.0, float(np.mean(each)) - 0.5) if each else float("nan")
