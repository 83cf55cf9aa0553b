import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from validators.models.linear import logistic, ridge


def test_ridge_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(300, 6)), rng.normal(size=300)
    expected = Ridge(alpha=1.0).fit(rows, labels).predict(rows)
    np.testing.assert_allclose(ridge(rows, labels).predictions(rows), expected, atol=1e-9)


def test_collinear_columns_are_no_trouble() -> None:
    rows = np.ones((50, 3))
    assert ridge(rows, np.arange(50.0)).predictions(rows) == pytest.approx(24.5)


def test_logistic_ranks_by_the_truth() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(2_000, 3))
    labels = (rows[:, 0] + rng.normal(size=2_000) > 0).astype(float)
    model = logistic(rows[:1_000], labels[:1_000])
    assert roc_auc_score(labels[1_000:], model.margins(rows[1_000:])) > 0.8
    np.testing.assert_allclose(model.probabilities(rows).sum(axis=1), 1)
