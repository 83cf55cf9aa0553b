"""Gradient boosting as every gate uses it: one set of settings, seeded, and content with columns that hold nothing."""

from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals

ROUNDS = 60


def margins(rows: Reals, labels: npt.NDArray[np.int64], test: Reals, categorical: tuple[bool, ...], seed: int) -> Reals:
    """(n_test,) log-odds of label 1; both labels must occur."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows, test = _without_empty_columns(rows, test)
    model = HistGradientBoostingClassifier(**_settings(categorical, seed)).fit(rows, labels)
    return np.asarray(model.decision_function(test), dtype=np.float64)


def probabilities(rows: Reals, labels: Reals, test: Reals, categorical: tuple[bool, ...], seed: int) -> Reals:
    """(n_test, n_labels) probabilities, labels ascending; two or more must occur."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows, test = _without_empty_columns(rows, test)
    model = HistGradientBoostingClassifier(**_settings(categorical, seed)).fit(rows, labels)
    return np.asarray(model.predict_proba(test), dtype=np.float64)


def predictions(rows: Reals, labels: Reals, test: Reals, categorical: tuple[bool, ...], seed: int) -> Reals:
    """(n_test,) predicted numbers."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    rows, test = _without_empty_columns(rows, test)
    model = HistGradientBoostingRegressor(**_settings(categorical, seed)).fit(rows, labels)
    return np.asarray(model.predict(test), dtype=np.float64)


def _settings(categorical: tuple[bool, ...], seed: int) -> dict[str, Any]:
    return {
        "max_iter": ROUNDS,
        "early_stopping": False,
        "categorical_features": np.array(categorical),
        "random_state": seed % 2**32,
    }


def _without_empty_columns(rows: Reals, test: Reals) -> tuple[Reals, Reals]:
    """A column that is wholly missing where the model is fitted teaches nothing: it becomes constant on both sides."""
    empty = np.isnan(rows).all(axis=0)
    return (np.where(empty, 0.0, rows), np.where(empty, 0.0, test)) if empty.any() else (rows, test)
