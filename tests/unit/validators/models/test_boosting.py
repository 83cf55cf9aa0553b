import numpy as np
import pytest

from validators.models.boosting import classifier, margins, regressor


def test_columns_that_hold_nothing_teach_nothing() -> None:
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.normal(size=400), np.full(400, np.nan)])
    labels = (rows[:, 0] > 0).astype(np.int64)
    model = classifier(rows, labels, (False, False), 0)
    filled = np.column_stack([rows[:, 0], rng.normal(size=400)])
    np.testing.assert_array_equal(model.margins(rows), model.margins(filled))
    assert ((model.probabilities(rows)[:, 1] > 0.5) == labels).mean() > 0.95


def test_it_repeats_itself() -> None:
    rng = np.random.default_rng(1)
    rows, labels = rng.normal(size=(300, 3)), rng.integers(0, 2, 300)
    first, second = (margins(rows, labels, rows, (False,) * 3, 7) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_numbers_are_learnt() -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(1_000, 2))
    assert regressor(rows, rows[:, 0], (False, False), 0).predictions(rows) == pytest.approx(rows[:, 0], abs=1.5)
