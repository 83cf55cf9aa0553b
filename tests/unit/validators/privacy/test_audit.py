import numpy as np
import pandas as pd
import pytest
from scipy import stats

from validators.privacy.audit import hit_deviation, hit_test
from validators.privacy.pool import Pool


def entities(rng: np.random.Generator, units: int = 400, members: int = 200) -> tuple[Pool, np.ndarray]:
    """Entities of 1 to 6 rows, and hits that cluster in some of them but ignore membership."""
    unit = np.repeat(np.arange(units), rng.integers(1, 7, units))
    member = rng.permutation(units) < members
    hit = rng.random(len(unit)) < rng.beta(0.5, 2, units)[unit]
    return Pool(pd.DataFrame({"x": unit}), unit, member), hit


def test_rows_are_judged_by_the_hypergeometric_tail() -> None:
    pool = Pool(pd.DataFrame({"x": range(100)}), np.arange(100), np.arange(100) < 40)
    hit = np.isin(np.arange(100), [0, 1, 2, 3, 4, 5, 99])
    p = hit_test(pool, np.ones(100, bool), hit, 0.006, np.random.default_rng(0))
    assert p == pytest.approx(stats.hypergeom(100, 40, 7).sf(5))


def test_clustered_hits_of_entities_are_no_leak() -> None:
    """Seeds 0 to 199 under the null: P(p <= .1) is at most .1, and more than 34 of 200 has a chance below 0.1 %.

    Counting rows instead would reject far more often.
    """
    p = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        pool, hit = entities(rng)
        p.append(hit_test(pool, np.ones(len(hit), bool), hit, 0.1, rng))
    assert 6 < sum(value <= 0.1 for value in p) <= 34


def test_entities_whose_rows_were_copied_are_found() -> None:
    rng = np.random.default_rng(1)
    pool, hit = entities(rng)
    leaked = hit | (pool.member[pool.unit] & (rng.random(len(hit)) < 0.15))
    assert hit_test(pool, np.ones(len(hit), bool), leaked, 0.006, rng) < 0.006


def test_the_deviation_is_what_drawing_members_anew_shows() -> None:
    rng = np.random.default_rng(2)
    pool, hit = entities(rng, 2_000, 1_000)
    own = np.ones(len(hit), bool)
    scores = np.bincount(pool.unit, hit) - hit.mean() * np.bincount(pool.unit)
    sums = [scores[rng.permutation(2_000) < 1_000].sum() for _ in range(2_000)]
    assert hit_deviation(pool, own, hit) == pytest.approx(np.std(sums), rel=0.1)
