"""A leak gate with an exact null: copied rows, rows copied but for a column, rows copied with noise.

Three tests of the same null, each with its part of the error rate (weighted Bonferroni): exact .6, all but one
column .2, near .2. Attempt t at one release spends 6 / (pi^2 t^2) of the contract's rate, so that looking again and
again stays within it. A fresh sample of the population is rejected at most at that rate, at any size; the gate says
how small a leak it could have seen.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from schemas.finding import Finding, Gate
from schemas.metrics import DIRECTIONS
from validators.gower import nearest, points
from validators.privacy.audit import hit_deviation, hit_test, ranking_evidence
from validators.privacy.matches import Matches, matches
from validators.privacy.pool import Flags, Pool, pool_of
from validators.protocol import Evidence
from validators.statistics import generator
from validators.verdicts import hold, require

EXACT, BUT_ONE, NEAR = 0.6, 0.2, 0.2
OFFSET = 0.001
TOP = 400
POWER_Z = 1.6448536269514722
NEAR_ROWS = 32_768
"""Pool rows and synthetic rows that the near test looks at; the exact tests look at all."""
DENSITY_ROWS = 8_192


@dataclass(frozen=True, slots=True)
class Leak:
    """``copied_rows``: a p-value for "nothing was copied"; ``leak_detectable_share``: the smallest leaked share of
    the table that the exact test sees with 95 % power. Entities are drawn, and therefore counted, as entities.
    """

    metric: str = "copied_rows"
    gate: Gate = "privacy"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """Two findings; raises ``InsufficientEvidence`` without rows on any side."""
        require(len(evidence.synthetic), 1, "synthetic rows")
        pool = pool_of(evidence)
        rng = generator(evidence.seed, self.metric)
        alpha = evidence.contract.policy.limit(self.metric) * 6 / (math.pi * max(1, evidence.attempt)) ** 2
        found = matches(pool, evidence.synthetic, evidence.contract.modelled, rng)
        rank = _ranking(pool, evidence, rng)
        evidence_near = ranking_evidence(rank, pool.members, pool.units - pool.members)
        p_exact = hit_test(pool, found.own, found.exact, alpha * EXACT, rng)
        p_but_one = hit_test(pool, found.own, found.near, alpha * BUT_ONE, rng)
        p_value = min(1.0, p_exact / EXACT, p_but_one / BUT_ONE, 1 / (evidence_near * NEAR))
        detail = _detail(pool, found, rank) | {
            "p_exact": p_exact,
            "p_all_but_one_column": p_but_one,
            "evidence_near": evidence_near,
            "attempt": evidence.attempt,
            "unit": "row" if pool.by_row else "entity",
        }
        return (
            _copied(evidence, p_value, alpha, len(pool.table), detail),
            _detectable(evidence, pool, found, alpha * EXACT),
        )


def _copied(evidence: Evidence, p_value: float, alpha: float, support: int, detail: dict[str, Any]) -> Finding:
    verdict: Literal["PASS", "FAIL"] = "PASS" if p_value >= alpha else "FAIL"
    reason = (
        None
        if verdict == "PASS"
        else (
            f"members are over-represented among the rows that reappear; columns that nearly identify a row: "
            f"{', '.join(detail['identifying']) or 'none alone'}; a coarser resolution or a more private generator "
            "helps"
        )
    )
    return Finding(
        metric="copied_rows",
        gate="privacy",
        value=p_value,
        limit=alpha,
        direction=DIRECTIONS["copied_rows"],
        verdict=verdict,
        support=support,
        reason=reason,
        detail=detail,
    )


def _ranking(pool: Pool, evidence: Evidence, rng: np.random.Generator) -> Flags:
    """Membership of the units whose rows are far nearer to the synthetic table than to the rest of the pool, best
    first.

    Rows are drawn by seed above the stated sizes, without regard to membership, so that the null holds as before.
    """
    some = _some(len(pool.table), NEAR_ROWS, rng)
    table, unit = pool.table.iloc[some].reset_index(drop=True), pool.unit[some]
    synthetic = evidence.synthetic.iloc[_some(len(evidence.synthetic), NEAR_ROWS, rng)]
    real, fake = points([table, synthetic], evidence.contract.modelled, fitted_on=1)
    others = _some(len(table), DENSITY_ROWS, rng)
    to_other = np.minimum(nearest(real, real.take(others), (unit, unit[others])), 1.0)
    score = np.log((to_other + OFFSET) / (nearest(real, fake) + OFFSET))
    order = np.lexsort((rng.random(len(score)), -score))
    _, first = np.unique(unit[order], return_index=True)
    best_first = unit[order][np.sort(first)]
    top: Flags = pool.member[best_first[:TOP]]
    return top


def _some(rows: int, most: int, rng: np.random.Generator) -> Any:
    return np.sort(rng.choice(rows, most, replace=False)) if rows > most else np.arange(rows)


def _detail(pool: Pool, found: Matches, rank: Flags) -> dict[str, Any]:
    member = pool.member[pool.unit]
    own = max(1, int(found.own.sum()))
    return {
        "members_hit": int((found.exact & member).sum()),
        "others_hit": int((found.exact & ~member).sum()),
        "members_hit_but_one": int((found.near & member).sum()),
        "others_hit_but_one": int((found.near & ~member).sum()),
        "members_nearest": int(rank.sum()),
        "nearest_looked_at": len(rank),
        "unique_share": float(found.own.mean()),
        "near_test_rows": min(len(pool.table), NEAR_ROWS),
        "identifying": sorted(name for name, share in found.kept_unique.items() if share * len(found.own) < 0.5 * own),
    }


def _detectable(evidence: Evidence, pool: Pool, found: Matches, alpha: float) -> Finding:
    share, detail = detectable_share(pool, found, len(evidence.synthetic), alpha)
    held = hold(evidence.contract, "leak_detectable_share", "privacy", share, support=len(pool.table), detail=detail)
    if held.verdict == "PASS":
        return held
    return held.model_copy(
        update={
            "verdict": "INSUFFICIENT",
            "reason": "a leak of the size that the contract wants caught could not be seen "
            "with so few rows, or with rows so alike",
        }
    )


def detectable_share(pool: Pool, found: Matches, synthetic_rows: int, alpha: float) -> tuple[float, dict[str, Any]]:
    """Smallest leaked share of the table that the exact test refuses with 95 % power at ``alpha``; 1 where it sees
    none.

    L copies suffice, less chance hits and copies of rows that are not unique; checked against simulation within 15 %.
    """
    from scipy.special import ndtri

    member = pool.member[pool.unit]
    own_others = int((found.own & ~member).sum())
    by_chance = int((found.exact & ~member).sum()) / own_others if own_others else 1.0
    visible = float(found.own[member].mean()) * (1 - by_chance)
    odds = pool.members / pool.units
    if visible <= 0 or odds >= 1:
        return 1.0, {"unique_share": float(found.own.mean()), "hit_by_chance": by_chance, "visible_share": 0.0}
    z = POWER_Z - float(ndtri(alpha))
    # The members' sum moves by 1 - odds with each copy, so that its deviation counts for as many more copies.
    deviation = (
        hit_deviation(pool, found.own, found.exact) / (1 - odds)
        if not pool.by_row
        else math.sqrt(pool.members / (1 - odds) * float(found.own.mean()) * by_chance)
    )
    copies = math.ceil(math.log(alpha) / math.log(odds)) + z * deviation
    share = (copies + POWER_Z * math.sqrt(copies * (1 - visible))) / (visible * synthetic_rows)
    return min(1.0, share), {
        "unique_share": float(found.own.mean()),
        "hit_by_chance": by_chance,
        "visible_share": visible,
        "copies": copies,
    }
