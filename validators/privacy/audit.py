"""Tests of one null: the members among the units that a synthetic table points at are a random sample of the pool.

The p-value is valid at any size, without asymptotics.
"""

import math

import numpy as np
import numpy.typing as npt

from validators.privacy.pool import Flags, Pool
from validators.statistics import Reals, hypergeometric_tail

DRAWS = 2_000
LEAST_DRAWS = 10_000


def hit_test(pool: Pool, own: Flags, hit: Flags, threshold: float, rng: np.random.Generator) -> float:
    """P-value of as many members among the hit units. Rows: hypergeometric. Entities: by drawing members anew.

    An entity's statistic is its hits less what its number of own rows lets one expect, so that large entities add no
    noise; the pool's hit rate is the same whoever was drawn. Draws end early only where the p-value is far above
    ``threshold``, so that ending early rejects nothing.
    """
    if pool.by_row:
        return hypergeometric_tail(int((hit & pool.member[pool.unit]).sum()), int(hit.sum()), pool.members, pool.units)
    if not hit.any():
        return 1.0
    values, counts, observed = _entity_scores(pool, own, hit)
    above, drawn, enough = 0, 0, max(LEAST_DRAWS, math.ceil(20 / threshold))
    while drawn == 0 or (drawn < enough and 1 + above <= 2 * threshold * (1 + drawn)):
        draws = rng.multivariate_hypergeometric(counts, pool.members, size=DRAWS, method="marginals")
        above += int((draws @ values >= observed - 1e-9).sum())
        drawn += DRAWS
    return (1 + above) / (1 + drawn)


def _entity_scores(pool: Pool, own: Flags, hit: Flags) -> tuple[Reals, npt.NDArray[np.int64], float]:
    """Distinct scores, how many entities have each, and the members' sum."""
    rows = np.bincount(pool.unit[own], minlength=pool.units)
    hits = np.bincount(pool.unit[hit], minlength=pool.units)
    scores = hits - hits.sum() / max(1, rows.sum()) * rows
    values, counts = np.unique(scores, return_counts=True)
    return values, counts.astype(np.int64), float(scores[pool.member].sum())


def hit_deviation(pool: Pool, own: Flags, hit: Flags) -> float:
    """Standard deviation of the members' sum of scores without a leak, as the non-members' scores show it."""
    others = ~pool.member
    rows = np.bincount(pool.unit[own], minlength=pool.units)[others]
    hits = np.bincount(pool.unit[hit], minlength=pool.units)[others]
    scores = hits - hits.sum() / max(1, rows.sum()) * rows
    return float(scores.std()) * math.sqrt(pool.members * (pool.units - pool.members) / max(1, pool.units - 1))
