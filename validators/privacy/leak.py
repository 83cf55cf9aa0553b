"""A leak gate with an exact null: rows copied whole, but for one or two columns, or with noise.

Two walks down rankings of pool units that are blind to membership (``rankings``) share one error rate: down the rows
that reappear whole or but for one or two columns, with a look at all that reappear whole, and down the rows far nearer
to the table than to the rest of the pool. The chance that either goes as far by luck is exact (``walk``), so a fresh
sample of the population is refused at most at the stated rate, at any size. Attempt t at one release spends
6 / (pi^2 t^2) of the contract's rate, so that looking again and again stays within it. The gate says how small a leak
it could have seen.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from schemas.finding import Finding, Gate, Verdict
from schemas.metrics import BY_NAME, DIRECTIONS
from validators.privacy.audit import hit_test
from validators.privacy.detectable import detectable_share
from validators.privacy.pool import Pool
from validators.privacy.rankings import Rankings, Real, flags, rankings, real_of
from validators.privacy.walk import STEPS, Look, Null, Walk, chance, drawn, score
from validators.protocol import Evidence
from validators.statistics import generator, log_tails
from validators.verdicts import hold, require

STRICT = 64
"""Steps of the near walk that are held against the null itself: so few members that only odds far above an honest
fit's reach a level there."""
TOLERANCE = math.exp(0.25)
"""Odds of membership that an honest fit may reach before the near walk counts more of them as evidence."""
FEW_HITS, MOST_FAVOUR = 14, 5.0
"""With so few whole hits a non-member among them moves their tail by a factor of five or more."""
MANY_HITS = 1.5
"""How far the look is raised where the whole hits outnumber the walks' steps: there it is the one that sees them."""
BEYOND_CHANCE = 5.0
"""Whole hits beyond those that chance explains from which few hits are favoured."""


@dataclass(frozen=True, slots=True)
class Leak:
    """``copied_rows``: a p-value for "nothing was copied"; ``leak_detectable_share``: the smallest leaked share of
    the table that the gate sees with 95 % power. Entities are drawn, and therefore counted, as entities.
    """

    metric: str = "copied_rows"
    gate: Gate = "privacy"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """Two findings; raises ``InsufficientEvidence`` without rows on any side."""
        require(len(evidence.synthetic), 1, "synthetic rows")
        real, policy = real_of(evidence), evidence.contract.policy
        limits = policy.limit(self.metric), policy.limit("leak_detectable_share")
        name = ("leak findings", evidence.seed, evidence.attempt, *limits)
        return evidence.memo.of(name, (real, evidence.synthetic), lambda: _findings(evidence, real))


LARGE = 8_000
"""Rows of train and of the table from which on half of the rate is enough."""


@dataclass(frozen=True, slots=True)
class Tested:
    """The gate's ``p_value`` and the chances of each walk, and of the entities' hits, to go as far by luck."""

    p_value: float
    matched: float
    near: float
    entities: float | None


def rate(evidence: Evidence) -> float:
    """The rate at which this attempt may refuse fresh rows.

    Half of it where train and table are so large that the gate sees small leaks all the same: a matter of sizes alone.
    """
    large = min(len(evidence.train), len(evidence.synthetic)) >= LARGE
    spent = evidence.contract.policy.limit("copied_rows") * 6 / (math.pi * max(1, evidence.attempt)) ** 2
    return spent / 2 if large else spent


def tested(real: Real, ranks: Rankings, alpha: float, seed: int) -> Tested:
    """The p-value of both walks; where units are entities, half of the rate is a test of their numbers of hits."""
    pool = real.pool
    by_walks = 1.0 if pool.by_row else 2.0
    null = Null(pool.members, pool.units - pool.members)
    walks = _walks(real, ranks, null, alpha / by_walks)
    level = max(score(walk, pool.member, null) for walk in walks)
    matched, near = (chance(walk, level, null) for walk in walks)
    p_value = min(1.0, matched + near)
    # The sum counts twice what both walks share; drawing members anew does not, and decides what the sum leaves open.
    if p_value > alpha / by_walks >= max(matched, near) and all(
        look.count <= STEPS for walk in walks for look in walk.looks
    ):
        draws = min(200_000, math.ceil(60 * by_walks / alpha))
        p_value = min(p_value, drawn(walks, level, null, draws, generator(seed, "leak gate draws")))
    if pool.by_row:
        return Tested(max(p_value, 1e-300), matched, near, None)
    exact = flags(ranks.found, 0)
    hits = hit_test(pool, real.keys.own, exact, alpha / 2, generator(seed, "leak gate entities"))
    return Tested(min(1.0, 2 * max(p_value, 1e-300), 2 * hits), matched, near, hits)


def _walks(real: Real, ranks: Rankings, null: Null, alpha: float) -> tuple[Walk, Walk]:
    looks = [Look(len(ranks.matched), 0.7)] if len(ranks.matched) > ranks.exact else []
    if ranks.exact:
        looks.insert(0, Look(ranks.exact, -_favour(real, ranks, null, alpha)))
    return (
        Walk(ranks.matched, handicap=-0.3, looks=tuple(looks)),
        Walk(ranks.near, strict=STRICT, tolerance=TOLERANCE, handicap=-0.3),
    )


def _favour(real: Real, ranks: Rankings, null: Null, alpha: float) -> float:
    """How far the look at whole hits is raised above the walks. Known from how many hits and twins there are, not
    from who they are.

    Few hits have coarse tails: the largest one within the rate is then spent on them, and the walks get what it leaves.
    Only where the hits are more than chance explains: about as many pool rows as have a twin meet one in a fresh table
    of the pool's size.
    """
    if ranks.exact > STEPS:
        return MANY_HITS
    by_chance = real.keys.ways[0].twins / len(real.pool.table) * ranks.table_rows
    if ranks.exact > FEW_HITS or ranks.exact < by_chance + BEYOND_CHANCE:
        return 0.0
    tails = np.exp(log_tails(ranks.exact, null.members, null.members + null.others)) / alpha
    within = tails[tails <= 0.99]
    if not len(within):
        return 0.0
    spent = float(within.max())
    return min(MOST_FAVOUR, max(0.0, math.log(1.6 * spent / (1 - spent))))


def _findings(evidence: Evidence, real: Real) -> tuple[Finding, ...]:
    alpha, pool = rate(evidence), real.pool
    ranks = rankings(real, evidence.synthetic, evidence.seed)
    found = tested(real, ranks, alpha, evidence.seed)
    share, seen = detectable_share(real, ranks.found, len(evidence.synthetic), alpha * (0.6 if pool.by_row else 0.5))
    detail = _detail(pool, real, ranks) | {
        "p_matched": found.matched,
        "p_near": found.near,
        "p_entities": found.entities,
        "attempt": evidence.attempt,
        "smallest_detectable_share": share,
        "unit": "row" if pool.by_row else "entity",
    }
    samples = {"synthetic": len(evidence.synthetic), "members": pool.members, "others": pool.units - pool.members}
    return _copied(found.p_value, alpha, len(pool.table), samples, detail), _detectable(evidence, share, samples, seen)


def _copied(p_value: float, alpha: float, support: int, samples: dict[str, int], detail: dict[str, Any]) -> Finding:
    verdict: Verdict = "PASS" if p_value > alpha else "FAIL"
    metric = BY_NAME["copied_rows"]
    reason = (
        "members are over-represented among the rows that reappear; columns that nearly identify a row: "
        f"{', '.join(detail['identifying']) or 'none alone'}; a coarser resolution or a more private generator helps"
    )
    return Finding(
        metric=metric.name,
        gate="privacy",
        value=p_value,
        limit=alpha,
        direction=DIRECTIONS[metric.name],
        verdict=verdict,
        support=support,
        samples=samples,
        method=metric.method,
        source=metric.source,
        reason=None if verdict == "PASS" else reason,
        detail=detail,
    )


def _detail(pool: Pool, real: Real, ranks: Rankings) -> dict[str, Any]:
    member, own = pool.member[pool.unit], max(1, int(real.keys.own.sum()))
    exact, close = flags(ranks.found, 0), flags(ranks.found, 2)
    kept = real.keys.kept_unique
    return {
        "members_hit": int((exact & member).sum()),
        "others_hit": int((exact & ~member).sum()),
        "members_hit_but_two": int((close & member).sum()),
        "others_hit_but_two": int((close & ~member).sum()),
        "members_nearest": int(pool.member[ranks.near].sum()),
        "nearest_looked_at": len(ranks.near),
        "member_share": pool.members / pool.units,
        "unique_share": float(real.keys.own.mean()),
        "near_test_rows": len(real.rows),
        "identifying": sorted(name for name, share in kept.items() if share * len(real.keys.own) < 0.5 * own),
    }


def _detectable(evidence: Evidence, share: float, samples: dict[str, int], detail: dict[str, Any]) -> Finding:
    held = hold(
        evidence.contract, "leak_detectable_share", "privacy", share, support=sum(samples.values()), samples=samples,
        detail=detail,
    )  # fmt: skip
    if held.verdict == "PASS":
        return held
    reason = (
        "a leak of the size that the contract wants caught could not be seen with so few rows, or with rows so alike"
    )
    return held.model_copy(update={"verdict": "INSUFFICIENT", "reason": reason})
