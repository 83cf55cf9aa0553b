import numpy as np
import pytest

from validators.poison.flips import flips
from validators.poison.suspicion import Judged


def table(rng: np.random.Generator, rows: int, share: float) -> tuple[Judged, np.ndarray]:
    """Labels drawn by known probabilities, then a share of them turned; the table's own model knows them too."""
    positive = rng.beta(0.4, 0.8, rows)
    labels = (rng.random(rows) < positive) ^ (rng.random(rows) < share)
    known = np.column_stack([1 - positive, positive])
    return Judged(np.arange(rows), labels.astype(np.int64), known, known), known


@pytest.mark.parametrize("share", [0.0, 0.02, 0.05, 0.2])
def test_the_share_lies_in_its_interval(share: float) -> None:
    """Sixty tables a share; an interval at 95 % (a little above, by the surest rows) misses at most 8 of them."""
    missed = 0
    for seed in range(60):
        rng = np.random.default_rng([seed, int(1_000 * share)])
        holdout, _ = table(rng, 4_000, 0.0)
        synthetic, own = table(rng, 4_000, share)
        found = flips(synthetic, holdout, own)
        assert found is not None
        missed += found.lower > share
    assert missed <= 8


def test_few_sure_rows_tell_nothing() -> None:
    holdout, _ = table(np.random.default_rng(0), 150, 0.0)
    synthetic, own = table(np.random.default_rng(1), 150, 0.0)
    assert flips(synthetic, holdout, own) is None
