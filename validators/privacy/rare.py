"""Whether rare and outlying training records are memorised: they are what a generator betrays first."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from schemas.finding import Finding, Gate
from validators.distances.index import index
from validators.distances.points import Metric, Points
from validators.distances.views import points, scale
from validators.privacy.pool import Flags, Integers, Pool, pool_of
from validators.proportions import newcombe
from validators.protocol import Evidence
from validators.statistics import Interval, Reals, generator
from validators.verdicts import hold, require

SHARE = 0.05
FEWEST = 100
"""Isolated rows that are looked at, where the pool has ten times as many."""
LEAST = 20
MOST = 65_536
REACHES = (0.5, 0.1)
"""A hit is nearer than this share of the isolation: the first meets noisy copies, the second has fewer by chance."""
DISTANCES: tuple[Metric, ...] = ("gower", "mahalanobis")
"""Rare by its categories; outlying in its numbers, each alone and together."""
CONFIDENCE = 1 - 0.05 / (len(DISTANCES) * len(REACHES))


@dataclass(frozen=True, slots=True)
class Isolated:
    """The pool's most isolated rows: (n,) their units, whether members, and their distance to another unit's row."""

    rows: Points
    unit: Integers
    member: Flags
    alone: Reals
    pool_rows: int

    def hits(self, synthetic: Points) -> "tuple[Hits, ...]":
        """By unit, for each reach: hit where one of its rows is."""
        near = index(synthetic).search(self.rows).distance[:, 0]
        place = np.unique(self.unit, return_inverse=True)[1]
        member = np.bincount(place, self.member) > 0
        struck = [np.bincount(place, near < reach * self.alone) > 0 for reach in REACHES]
        members, others = int(member.sum()), int((~member).sum())
        return tuple(Hits(int(hit[member].sum()), members, int(hit[~member].sum()), others) for hit in struck)


@dataclass(frozen=True, slots=True)
class Hits:
    """Isolated units that a synthetic row comes too near to, among members and others."""

    hit_members: int
    members: int
    hit_others: int
    others: int

    @property
    def excess(self) -> float:
        """Members' rate less the others'."""
        return self.hit_members / self.members - self.baseline

    @property
    def baseline(self) -> float:
        """The others' rate: what comes of fitting the population."""
        return self.hit_others / self.others

    @property
    def interval(self) -> Interval:
        """Of the excess, so wide that all that are looked at hold at 95 % together."""
        return newcombe(self.hit_members, self.members, self.hit_others, self.others, CONFIDENCE)


@dataclass(frozen=True, slots=True)
class RareMemorisation:
    """Excess of the rate at which isolated members are hit over that of isolated others: 0 without memorisation.

    All real rows are pooled, the reference's too. Isolated are the 5 % (100 rows at least) that are furthest from the
    nearest row of another unit; membership is not looked at, so that without a leak members are hit as often
    as others. A hit: the nearest synthetic row is nearer than half, or than a tenth, of that distance. The worst of
    these two by Gower's and by Mahalanobis's distance, each with Newcombe's interval at 98.75 %, so that all four hold
    at 95 %. Counted by unit. At most 65,536 pool rows and synthetic rows, drawn by seed.
    """

    metric: str = "rare_memorisation"
    gate: Gate = "privacy"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` with fewer than 20 isolated units on either side, and without a
        hundred synthetic rows.
        """
        require(len(evidence.synthetic), FEWEST, "synthetic rows")
        found = {
            (metric, reach): hits
            for metric in DISTANCES
            for reach, hits in zip(REACHES, self._hits(evidence, metric), strict=True)
        }
        worst = max(found, key=lambda name: (found[name].interval[0], found[name].excess))
        hits = found[worst]
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                hits.excess,
                rule="confident",
                interval=hits.interval,
                baseline=hits.baseline,
                support=hits.members + hits.others,
                samples={
                    "synthetic": min(len(evidence.synthetic), MOST),
                    "isolated_members": hits.members,
                    "isolated_others": hits.others,
                },
                detail={
                    "worst": list(worst),
                    "interval_confidence": CONFIDENCE,
                    "pool_rows_used": isolated(evidence, worst[0]).pool_rows,
                    "hits": [_told(*name, each) for name, each in found.items()],
                },
            ),
        )

    def _hits(self, evidence: Evidence, metric: Metric) -> tuple[Hits, ...]:
        looked = isolated(evidence, metric)
        require(len(np.unique(looked.unit[looked.member])), LEAST, "isolated members")
        require(len(np.unique(looked.unit[~looked.member])), LEAST, "isolated others")
        rows = generator(evidence.seed, self.metric).permutation(len(evidence.synthetic))[:MOST]
        return looked.hits(points(evidence, evidence.synthetic, metric).take(rows))


def isolated(evidence: Evidence, metric: Metric) -> Isolated:
    """Worked out once for each seed and distance of a snapshot.

    Raises ``InsufficientEvidence`` without members or others, ``ContractError`` where one entity stands on both sides.
    """
    real = (evidence.train, evidence.holdout, evidence.reference)
    return evidence.memo.of(("isolated", metric, evidence.seed), real, lambda: _isolated(evidence, metric))


def _isolated(evidence: Evidence, metric: Metric) -> Isolated:
    rng = generator(evidence.seed, "isolated")
    pool = pool_of(evidence)
    used = rng.permutation(len(pool.table))[:MOST]
    unit = pool.unit[used]
    cloud = scale(evidence, metric).points(pool.table).take(used)
    alone = index(cloud, unit).search(cloud, owners=unit).distance[:, 0]
    chosen = _furthest(alone, rng)
    return Isolated(cloud.take(chosen), unit[chosen], _members(pool, unit[chosen]), alone[chosen], len(used))


def _furthest(alone: Reals, rng: np.random.Generator) -> Integers:
    """Row numbers of the most isolated; ties by lot; a row without any other is none, nor is one that has a twin."""
    count = min(max(round(SHARE * len(alone)), FEWEST), len(alone) // 10)
    order: Integers = np.lexsort((rng.random(len(alone)), -alone))
    order = order[np.isfinite(alone[order]) & (alone[order] > 0)]
    return order[:count]


def _members(pool: Pool, unit: Integers) -> npt.NDArray[np.bool_]:
    return np.asarray(pool.member[unit], dtype=bool)


def _told(metric: Metric, reach: float, hits: Hits) -> dict[str, Any]:
    return {
        "distance": metric,
        "reach": reach,
        "excess": hits.excess,
        "interval": list(hits.interval),
        "rate_of_members": hits.hit_members / hits.members,
        "rate_of_others": hits.baseline,
    }
