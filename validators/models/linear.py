"""Logistic and ridge regression as every gate uses them: the second opinion beside gradient boosting."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals

PENALTY = 1.0
STEPS = 60


@dataclass(frozen=True, slots=True)
class Logistic:
    """A fitted logistic regression; several classes share one softmax."""

    model: Any

    def probabilities(self, rows: Reals) -> Reals:
        """(n, n_labels) probabilities, labels ascending."""
        return np.asarray(self.model.predict_proba(rows), dtype=np.float64)

    def margins(self, rows: Reals) -> Reals:
        """(n,) log-odds of the second of two labels."""
        return np.asarray(self.model.decision_function(rows), dtype=np.float64)


def logistic(rows: Reals, labels: npt.NDArray[Any]) -> Logistic:
    """Fitted with an L2 penalty; stopping after 60 steps is near enough for a ranking."""
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Logistic(LogisticRegression(C=1 / PENALTY, max_iter=STEPS, tol=1e-3).fit(rows, labels))


@dataclass(frozen=True, slots=True)
class Ridge:
    """A fitted ridge regression."""

    weights: Reals
    offset: float

    def predictions(self, rows: Reals) -> Reals:
        """(n,) predicted numbers."""
        return np.asarray(rows @ self.weights + self.offset)


def ridge(rows: Reals, labels: Reals) -> Ridge:
    """Normal equations with an L2 penalty on all but the offset."""
    centre, offset = rows.mean(axis=0), float(labels.mean())
    moved = rows - centre
    gram = moved.T @ moved + PENALTY * np.eye(rows.shape[1])
    weights = np.linalg.solve(gram, moved.T @ (labels - offset))
    return Ridge(weights, offset - float(centre @ weights))
