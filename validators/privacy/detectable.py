"""How small a leak the gate could have seen: stated in every certificate."""

import math
from typing import Any

import numpy as np

from validators.privacy.audit import hit_deviation
from validators.privacy.matches import Matches
from validators.privacy.pool import Flags, Pool
from validators.privacy.rankings import Real, flags
from validators.statistics import hypergeometric_tail

POWER_Z = 1.6448536269514722


def detectable_share(real: Real, found: Matches, table_rows: int, alpha: float) -> tuple[float, dict[str, Any]]:
    """Smallest leaked share of the table that the look at whole rows refuses with 95 % power at ``alpha``; 1 where it
    sees none.

    The copies that suffice beside the non-members hit by chance, which are known, and the members hit by chance, of
    whom a low count is assumed; more for copies of rows that are not unique or are hit already.
    """
    pool, own, exact = real.pool, real.keys.own, flags(found, 0)
    member = pool.member[pool.unit]
    own_others = int((own & ~member).sum())
    by_chance = int((exact & ~member).sum()) / own_others if own_others else 1.0
    visible = float(own[member].mean()) * (1 - by_chance)
    odds = pool.members / pool.units
    detail = {"unique_share": float(own.mean()), "hit_by_chance": by_chance, "visible_share": max(0.0, visible)}
    if visible <= 0 or odds >= 1:
        return 1.0, detail
    copies = _copies(pool, exact, alpha) if pool.by_row else _entities(real, exact, alpha)
    if not math.isfinite(copies):
        return 1.0, detail
    share = (copies + POWER_Z * math.sqrt(copies * (1 - visible))) / (visible * table_rows)
    return float(np.minimum(1.0, share)), detail | {"copies": copies}


def _copies(pool: Pool, exact: Flags, alpha: float) -> float:
    """Fewest copies whose look is refused in spite of the hits by chance; infinite where none are."""
    from scipy.stats import poisson

    others = int((exact & ~pool.member[pool.unit]).sum())
    outside = pool.units - pool.members
    by_chance = int(poisson.ppf(0.05, others * pool.members / outside))
    most = max(0, pool.members - by_chance)
    low, high = 0, most + 1
    while low < high:
        middle = (low + high) // 2
        seen = by_chance + middle
        if hypergeometric_tail(seen, seen + others, pool.members, pool.units) <= alpha:
            high = middle
        else:
            low = middle + 1
    return high if high <= most else math.inf


def _entities(real: Real, exact: Flags, alpha: float) -> float:
    """The same by the hits' normal deviation: the members' sum moves by 1 - odds with each copy, so that its deviation
    counts for as many more copies.
    """
    from scipy.special import ndtri

    odds = real.pool.members / real.pool.units
    deviation = hit_deviation(real.pool, real.keys.own, exact) / (1 - odds)
    return math.ceil(math.log(alpha) / math.log(odds)) + (POWER_Z - float(ndtri(alpha))) * deviation
