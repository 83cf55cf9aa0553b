"""A lower bound on epsilon from one release: the coin flips of the audit are the split into train and held-out rows.

No row is inserted and no model is retrained (Steinke, Nasr and Jagielski 2023, "Privacy auditing with one (1) training
run"): every unit of the pool was put into train by a keyed coin, so that whoever guesses "in" of the units
that look most like the release can be right no oftener than epsilon-DP lets him.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from schemas.contract import Contract
from schemas.finding import Finding, Gate
from validators.distances.gower import nearest, points
from validators.privacy.pool import Flags, Pool, pool_of
from validators.protocol import Evidence
from validators.statistics import Reals, clopper_pearson, generator
from validators.verdicts import hold, require

LEAST = 100
POOL_ROWS = 40_000
SYNTHETIC_ROWS = 32_768
DENSITY_ROWS = 8_192
OFFSET = 0.001
COPIED = 100.0
"""Rows that reappear exactly, and that no other unit has, rank before all near ones."""
ERROR, ERROR_OF_DELTA = 0.05, 0.02
"""Chance that the bound is wrong, and the part of it that delta's failures may take."""
FIRST_GUESSES = 16


@dataclass(frozen=True, slots=True)
class AuditEpsilon:
    """The largest epsilon that the release refutes at 95 %, for the contract's delta under a formal claim and for 0
    otherwise.

    Units (rows or entities) are ranked by the log of the distance to the nearest other unit's row over the distance to
    the nearest synthetic row, exact matches of rows that no other unit has first. The best k are guessed to be members,
    for k = 16, 32, 64, ... up to half of the pool; the error is shared out evenly over these. Under a formal claim the
    limit is the contract's epsilon: a bound above disproves the claim. That the coins are independent is the keyed
    split's promise; their bias is taken from the pool.
    """

    metric: str = "audit_epsilon"
    gate: Gate = "privacy"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` below 100 members or others."""
        require(len(evidence.synthetic), 1, "synthetic rows")
        pool = pool_of(evidence)
        require(pool.members, LEAST, "training units")
        require(pool.units - pool.members, LEAST, "held-out units")
        privacy = evidence.contract.policy.privacy
        formal = privacy.claim == "formal"
        ranked = ranked_members(pool, evidence)
        odds = pool.members / (pool.units - pool.members)
        found = audit(ranked, odds, privacy.delta if formal else 0.0)
        held = hold(
            evidence.contract,
            self.metric,
            self.gate,
            found.epsilon,
            baseline=0.0,
            support=len(ranked),
            samples={
                "members": pool.members,
                "non_members": pool.units - pool.members,
                "synthetic": len(evidence.synthetic),
            },
            detail={
                "delta": found.delta,
                "guesses": list(found.guesses),
                "members_among_guesses": list(found.right),
                "bounds": list(found.bounds),
                "failures_of_delta": found.failures,
                "bound_for_delta_0": audit(ranked, odds, 0.0).epsilon,
                "largest_bound_within_reach": audit(np.sort(ranked)[::-1], odds, found.delta).epsilon,
                "units_audited": len(ranked) / pool.units,
                "unit": "row" if pool.by_row else "entity",
            },
        )
        return (_against_the_claim(held, evidence.contract) if formal else held,)


def _against_the_claim(held: Finding, contract: Contract) -> Finding:
    """Held against the claimed epsilon, or against the contract's own limit where it names a stricter one."""
    claimed = float(contract.policy.privacy.epsilon)
    limit = min(claimed, contract.policy.limits.get(held.metric, claimed))
    disproved = held.value is None or held.value > limit
    reason = "the release refutes the claimed epsilon" if disproved else None
    return held.model_copy(update={"limit": limit, "verdict": "FAIL" if disproved else "PASS", "reason": reason})


@dataclass(frozen=True, slots=True)
class Audit:
    """``epsilon`` is the largest of ``bounds``, each that of so many ``guesses`` of which so many were ``right``."""

    epsilon: float
    delta: float
    guesses: tuple[int, ...]
    right: tuple[int, ...]
    bounds: tuple[float, ...]
    failures: int


def audit(ranked: Flags, odds: float, delta: float) -> Audit:
    """Lower bound on epsilon at 95 % from the membership of all audited units, the likeliest first.

    ``odds`` are those of being a member before anything was released. The ranking must not depend on membership but
    through the release.
    """
    guesses, allowed = guess_counts(len(ranked)), failures(len(ranked), odds, delta)
    right = tuple(int(ranked[:k].sum()) for k in guesses)
    bounds = tuple(epsilon_bound(k, hits, odds, allowed, len(guesses)) for k, hits in zip(guesses, right, strict=True))
    return Audit(max(bounds), delta, guesses, right, bounds, allowed.count)


def guess_counts(units: int) -> tuple[int, ...]:
    """How many units to guess, fixed before any is looked at: doubling from 16 up to half of them."""
    doublings = int(math.log2(max(1.0, units / 2 / FIRST_GUESSES)))
    return tuple(FIRST_GUESSES * 2**j for j in range(1 + doublings))


@dataclass(frozen=True, slots=True)
class Failures:
    """How many guesses delta may have given away but for a chance of ``error``; all others obey epsilon alone."""

    count: int
    error: float


def failures(units: int, odds: float, delta: float) -> Failures:
    """The least count that exceeds Markov's bound at the error set aside.

    Given the release and the coins before it, a coin is "in" with probability q + e at most, where q has the odds of
    membership times e^epsilon, and (epsilon, delta)-DP bounds the mean of e by P(member) * (1 - q) * delta. So it is
    dominated by the union of a coin of bias q, independent of all else, and of a failure of mean P(member) * delta:
    right guesses exceed Binomial(guesses, q) by no more than the failures, of which units * P(member) * delta are
    expected.
    """
    expected = units * odds / (1 + odds) * delta
    if expected <= 0:
        return Failures(0, 0.0)
    count = math.floor(expected / ERROR_OF_DELTA)
    return Failures(count, expected / (count + 1))


def epsilon_bound(guesses: int, right: int, odds: float, allowed: Failures, tests: int) -> float:
    """The largest epsilon that ``right`` of ``guesses`` "in" refute, as one of ``tests`` at 95 % in all; 0 where none.

    ``odds`` are those of being a member before anything was released.
    """
    error = (ERROR - allowed.error) / tests
    lower = clopper_pearson(max(0, right - allowed.count), guesses, 1 - 2 * error)[0]
    return max(0.0, math.log(lower / (1 - lower) / odds)) if lower > 0 else 0.0


def ranked_members(pool: Pool, evidence: Evidence) -> Flags:
    """Membership of the units looked at, the likeliest first.

    Units are drawn by seed above the stated number of rows, without regard to membership; so are ties.
    """
    rng = generator(evidence.seed, "audit_epsilon")
    some = _drawn(pool, rng)
    table, unit = pool.table.iloc[some].reset_index(drop=True), pool.unit[some]
    score = _scores(evidence, table, unit, rng)
    order = np.lexsort((rng.random(len(score)), -score))
    _, first = np.unique(unit[order], return_index=True)
    best_first = unit[order][np.sort(first)]
    found: Flags = pool.member[best_first]
    return found


def _drawn(pool: Pool, rng: np.random.Generator) -> Any:
    """Rows of as many whole units as the stated number of rows allows."""
    if len(pool.unit) <= POOL_ROWS:
        return np.arange(len(pool.unit))
    rows = np.bincount(pool.unit, minlength=pool.units)
    order = rng.permutation(pool.units)
    kept = np.zeros(pool.units, dtype=bool)
    kept[order[np.cumsum(rows[order]) <= POOL_ROWS]] = True
    return np.flatnonzero(kept[pool.unit])


def _scores(evidence: Evidence, table: Any, unit: Any, rng: np.random.Generator) -> Reals:
    synthetic = evidence.synthetic.iloc[np.sort(rng.permutation(len(evidence.synthetic))[:SYNTHETIC_ROWS])]
    real, fake = points([table, synthetic], evidence.contract.modelled, fitted_on=1)
    others = np.sort(rng.permutation(len(table))[:DENSITY_ROWS])
    to_other = np.minimum(nearest(real, real.take(others), (unit, unit[others])), 1.0)
    to_fake = nearest(real, fake)
    copied = (to_fake == 0) & (to_other > 0)
    score: Reals = np.log((to_other + OFFSET) / (to_fake + OFFSET)) + COPIED * copied
    return score
