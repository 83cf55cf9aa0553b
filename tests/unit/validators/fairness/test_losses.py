import numpy as np
import pytest

from tests.unit.validators.population import contract, evidence
from validators.fairness.losses import Rows, losses
from validators.utility.learning import learning


@pytest.mark.parametrize("target", ["churned", "plan", "income"])
def test_fresh_rows_lose_nothing_but_noise(target: str) -> None:
    """Two seeds; each loss of a random half is 0 within four of its own standard errors."""
    names = set()
    for seed in range(2):
        source = evidence((600, 500, 10, 600), seed, contract=contract(target=target))
        half = Rows(*(np.arange(len(table)) % 2 == 0 for table in (source.synthetic, source.train, source.holdout)))
        for loss in losses(source, learning(source), half):
            names.add(loss.measure)
            assert abs(loss.value) < 4 * loss.deviation + 0.01
    assert names == {"columns", "pairs", "coverage", "learning", "detection"}


def test_the_error_of_columns_is_no_smaller_than_that_of_drawing_anew() -> None:
    """Sixteen populations; the formula counts the sign of each difference as known, which can only widen it."""
    found = []
    for seed in range(16):
        source = evidence((600, 400, 10, 600), 100 + seed, contract=contract(target=None))
        all_rows = Rows(*(np.ones(len(t), dtype=bool) for t in (source.synthetic, source.train, source.holdout)))
        found.append(next(iter(losses(source, None, all_rows))))
    drawn = float(np.std([loss.value for loss in found]))
    stated = float(np.mean([loss.deviation for loss in found]))
    assert 0.7 * drawn < stated < 4 * drawn
