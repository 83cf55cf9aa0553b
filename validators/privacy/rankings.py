"""Two rankings of a pool's units by how much a table looks as if it had copied them, blind to membership.

``matched``: rows that reappear whole come first, the most isolated foremost; then rows that reappear but for one or two
columns, those foremost whose matching columns tell most pool rows apart. ``near``: rows that lie far nearer to the
table than to the rest of the pool.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from validators.distances.index import Index, index
from validators.distances.points import Points
from validators.distances.scales import Scale, fitted
from validators.privacy.matches import LONE, Keyed, Matches, keyed, matches
from validators.privacy.pool import Flags, Integers, Pool, pool_of
from validators.privacy.walk import STEPS
from validators.protocol import Evidence
from validators.statistics import Reals, generator

if TYPE_CHECKING:
    import pandas as pd

OFFSET = 0.0001
"""Added to both distances, as a share of the whole range of a row: about a hundredth of a column's resolution."""
NEAR_POOL, NEAR_TABLE = 49_152, 32_768
"""Pool rows and table rows that the near ranking looks at; matches are looked for among all."""


@dataclass(frozen=True, slots=True)
class Real:
    """What a pool's rankings start from, the same for every table: its keys, the ``rows`` that are measured (drawn
    by seed), the distance of each to the nearest row of another unit, and (n_rows,) ``lots`` that break ties.
    """

    pool: Pool
    keys: Keyed
    scale: Scale
    rows: Integers
    near: Points
    to_other: Reals
    isolation: Reals
    lots: Reals


@dataclass(frozen=True, slots=True)
class Rankings:
    """Units, best first. ``exact``: how many of ``matched`` reappear whole; ``found``: the pool rows' matches in the
    table, which has ``table_rows``.
    """

    matched: Integers
    near: Integers
    exact: int
    found: Matches
    table_rows: int


def real_of(evidence: Evidence) -> Real:
    """Worked out once for the real tables and the seed."""
    pool = pool_of(evidence)
    return evidence.memo.of(("leak gate", evidence.seed), (pool,), lambda: _real(evidence, pool))


def _real(evidence: Evidence, pool: Pool) -> Real:
    rng = generator(evidence.seed, "leak gate")
    keys = keyed(pool, evidence.contract.modelled, rng)
    rows = _some(len(pool.table), NEAR_POOL, rng)
    scale = fitted([pool.table], evidence.contract.modelled)
    near = scale.points(pool.table.iloc[rows])
    owners = pool.unit[rows]
    to_other = np.minimum(index(near, owners).search(near, 1, owners).distance[:, 0], 1.0)
    isolation = np.zeros(len(pool.table))
    isolation[rows] = to_other
    return Real(pool, keys, scale, rows, near, to_other, isolation, rng.random(len(pool.table)))


def _some(rows: int, most: int, rng: np.random.Generator) -> Integers:
    drawn = rng.choice(rows, most, replace=False) if rows > most else np.arange(rows)
    return np.sort(drawn).astype(np.int64)


def rankings(real: Real, table: "pd.DataFrame", seed: int) -> Rankings:
    """Both rankings by the rows of ``table``."""
    rows = _some(len(table), NEAR_TABLE, generator(seed, "leak gate table"))
    targets: Index = index(real.scale.points(table.iloc[rows]))
    return ranked(real, matches(real.keys, table), targets.search(real.near).distance[:, 0], len(table))


def ranked(real: Real, found: Matches, to_table: Reals, table_rows: int) -> Rankings:
    """Both rankings from matches and from (n_near_rows,) distances to the nearest row of the table."""
    matched, exact = _matched(real, found)
    score = np.log((real.to_other + OFFSET) / (to_table + OFFSET))
    best = np.argsort(-score, kind="stable") if not real.pool.by_row else _top(score)
    order = best[np.lexsort((real.lots[real.rows[best]], -score[best]))]
    return Rankings(matched, _units(real.pool, real.rows[order])[:STEPS], exact, found, table_rows)


def _top(score: Reals) -> Integers:
    """Rows with the highest scores, ties at the last place included."""
    if len(score) <= STEPS:
        return np.arange(len(score))
    return np.flatnonzero(score >= np.partition(score, len(score) - STEPS)[len(score) - STEPS])


def _matched(real: Real, found: Matches) -> tuple[Integers, int]:
    rows = np.flatnonzero(found.changed != LONE)
    whole = found.changed[rows] == 0
    rank = np.where(whole, -real.isolation[rows], found.twins[rows].astype(np.float64))
    order = np.lexsort((real.lots[rows], rank, ~whole))
    units = _units(real.pool, rows[order])
    return units, len(_units(real.pool, rows[whole]))


def _units(pool: Pool, rows: Integers) -> Integers:
    """Their units, each at its first place."""
    unit = pool.unit[rows]
    if pool.by_row:
        return unit
    return unit[np.sort(np.unique(unit, return_index=True)[1])]


def flags(found: Matches, most: int) -> Flags:
    """(n_pool_rows,) rows that reappear but for at most ``most`` columns."""
    matched: Flags = (found.changed != LONE) & (found.changed <= most)
    return matched
