"""Gradient boosting as every gate uses it: one set of settings, seeded, and content with columns that hold nothing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals

ROUNDS, LEAST_ROUNDS = 60, 15
TREES = 240
"""Several classes take a tree each in every round, so they get fewer rounds."""


@dataclass(frozen=True, slots=True)
class Boosted:
    """A fitted model; ``empty`` marks the columns that held nothing where it was fitted and so taught it nothing."""

    model: Any
    empty: npt.NDArray[np.bool_]

    def margins(self, rows: Reals) -> Reals:
        """(n,) log-odds of the second of two labels."""
        with _one_thread():
            return np.asarray(self.model.decision_function(self._without(rows)), dtype=np.float64)

    def probabilities(self, rows: Reals) -> Reals:
        """(n, n_labels) probabilities, labels ascending."""
        with _one_thread():
            return np.asarray(self.model.predict_proba(self._without(rows)), dtype=np.float64)

    def predictions(self, rows: Reals) -> Reals:
        """(n,) predicted numbers."""
        with _one_thread():
            return np.asarray(self.model.predict(self._without(rows)), dtype=np.float64)

    def _without(self, rows: Reals) -> Reals:
        return np.where(self.empty, 0.0, rows) if self.empty.any() else rows


def classifier(rows: Reals, labels: npt.NDArray[Any], categorical: tuple[bool, ...], seed: int) -> Boosted:
    """Fitted to (n, d) ``rows`` with NaN for missing; two labels or more must occur."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    rounds = min(ROUNDS, max(LEAST_ROUNDS, TREES // len(np.unique(labels))))
    settings = _settings(categorical, seed) | {"max_iter": rounds}
    return _fitted(HistGradientBoostingClassifier(**settings), rows, labels)


def regressor(rows: Reals, labels: Reals, categorical: tuple[bool, ...], seed: int) -> Boosted:
    """Fitted to (n, d) ``rows`` with NaN for missing and finite ``labels``."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return _fitted(HistGradientBoostingRegressor(**_settings(categorical, seed)), rows, labels)


def margins(rows: Reals, labels: npt.NDArray[np.int64], test: Reals, categorical: tuple[bool, ...], seed: int) -> Reals:
    """(n_test,) log-odds of label 1; both labels must occur."""
    return classifier(rows, labels, categorical, seed).margins(test)


def _fitted(model: Any, rows: Reals, labels: npt.NDArray[Any]) -> Boosted:
    empty = np.atleast_1d(np.isnan(rows).all(axis=0))
    with _one_thread():
        return Boosted(model.fit(np.where(empty, 0.0, rows) if empty.any() else rows, labels), empty)


def _one_thread() -> Any:
    """Small fits are no faster on more cores, and sums in another order would be other findings."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1, user_api="openmp")


def _settings(categorical: tuple[bool, ...], seed: int) -> dict[str, Any]:
    return {
        "max_iter": ROUNDS,
        "early_stopping": False,
        "categorical_features": np.array(categorical),
        "random_state": seed % 2**32,
    }
