"""Changes of dependence: bounds that hold, and what each figure sees."""

import numpy as np
import pytest

from schemas.dependence import Layout, PairTables
from schemas.sorted_sample import SortedSample
from validators.utility.dependence import FIGURES, association_change, changes, dependence, largest_change

LAYOUT = Layout((5, 5), ((0, 1),))


def correlated(rows: int, rho: float, rng: np.random.Generator) -> np.ndarray:
    first, second = rng.normal(size=(2, rows))
    return np.column_stack([first, rho * first + np.sqrt(1 - rho**2) * second])


def of(values: np.ndarray):
    codes = np.clip(np.floor(values * 1.2 + 2.5), 0, 4).astype(np.int32)
    return dependence(PairTables.of(codes, LAYOUT), [SortedSample.of(column) for column in values.T], (0, 1))


def test_bounds_hold_for_fresh_rows_and_for_a_change() -> None:
    # 300 repetitions, seed 8: a lower bound above 0 where nothing changed in 5 % (either way), above a true change in
    # 2.5 %; to each 3 standard errors
    rng, above = np.random.default_rng(8), np.zeros((2, 3))
    truth = np.array(
        [np.abs(a[0]) for a in changes(of(correlated(300_000, 0.6, rng)), of(correlated(300_000, 0.1, rng)))]
    )
    for _ in range(300):
        for k, (other, expected) in enumerate(((0.6, np.zeros((3, 1))), (0.1, truth))):
            found = changes(of(correlated(600, 0.6, rng)), of(correlated(500, other, rng)))
            above[k] += [low[0] > what[0] + 1e-9 for (_, low, _), what in zip(found, expected, strict=True)]
    assert (above[0] / 300 <= 0.088).all()
    assert (above[1] / 300 <= 0.052).all()
    assert truth[1] == pytest.approx(0.49, abs=0.03)


def test_the_strongest_figure_decides() -> None:
    rng = np.random.default_rng(0)
    real = of(correlated(4_000, 0.7, rng))
    reversed_ = largest_change(changes(real, of(correlated(4_000, -0.7, rng))))
    assert reversed_.figure == FIGURES[1]
    assert reversed_.interval[0] < reversed_.value < reversed_.interval[1]
    values = rng.normal(size=4_000)
    curved = of(np.column_stack([values, values**2 - 1]))
    round_ = largest_change(changes(of(rng.normal(size=(4_000, 2))), curved))
    assert round_.figure == FIGURES[0]
    assert round_.value > 0.6


def test_swapped_labels_count_twice() -> None:
    codes = np.random.default_rng(0).integers(0, 2, 1_000)
    same = PairTables.of(np.column_stack([codes, codes]), Layout((2, 2), ((0, 1),)))
    swapped = PairTables.of(np.column_stack([codes, 1 - codes]), same.layout)
    assert association_change(same, same)[0][0] == 0
    assert association_change(same, swapped)[0][0] == pytest.approx(2, abs=0.02)


def test_constant_columns_change_nothing() -> None:
    still = of(np.ones((300, 2)))
    found = largest_change(changes(still, of(np.ones((200, 2)))))
    assert (found.value, found.interval) == (0.0, (0.0, found.interval[1]))
