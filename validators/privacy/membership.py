"""How well an attacker tells members from others, given the synthetic table and a reference sample of his own."""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from schemas.finding import Finding, Gate
from validators.boosting import margins
from validators.encoding import trees
from validators.entities import bounded_rows
from validators.gower import nearest, points
from validators.privacy.pool import Integers, Pool, pool_of
from validators.protocol import Evidence
from validators.statistics import Estimate, Reals, auc, auc_interval, generator
from validators.verdicts import hold, require

TARGETS = 4_000
ROWS = 8_192
LEAST = 50
"""Units on either side in each half, below which no attack is measured."""


@dataclass(frozen=True, slots=True)
class MembershipInference:
    """AUC of the best of several attacks, chosen on one half of the units and measured on the other, both ways round.

    Attacks: distance to the nearest synthetic row; that distance against the one to the nearest reference row; a
    boosted classifier's density ratio of synthetic to reference rows (van Breugel et al. 2023). DeLong interval; an
    entity scores the mean of its rows. The verdict rests on the interval's upper bound.
    """

    metric: str = "membership_inference"
    gate: Gate = "privacy"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` below 50 units of either kind in a half, or without synthetic
        rows.
        """
        require(len(evidence.synthetic), LEAST, "synthetic rows")
        rng = generator(evidence.seed, self.metric)
        # The reference is the attacker's knowledge, so that its rows cannot be his targets.
        pool = _drawn(pool_of(_without_reference(evidence)), rng)
        scores = {name: _by_unit(score, pool) for name, score in _attacks(evidence, pool, rng).items()}
        found, chosen = _cross_fitted(scores, pool, rng)
        detail = {
            "attacks_chosen": chosen,
            "auc_of_all_rows": {name: auc(score[pool.member], score[~pool.member]) for name, score in scores.items()},
            "members": pool.members,
            "others": pool.units - pool.members,
            "unit": "row" if pool.by_row else "entity",
            "rows_attacked": len(pool.table),
        }
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                found.value,
                interval=found.interval,
                rule="cautious",
                baseline=0.5,
                support=pool.units,
                detail=detail,
            ),
        )


def _cross_fitted(scores: dict[str, Reals], pool: Pool, rng: np.random.Generator) -> tuple[Estimate, list[str]]:
    """The mean over both halves of the AUC of the attack that the other half chose; the halves share no unit."""
    half = rng.permutation(pool.units) % 2 == 0
    for side in (half, ~half):
        require(int((side & pool.member).sum()), LEAST, "members in each half")
        require(int((side & ~pool.member).sum()), LEAST, "non-members in each half")
    found, chosen = [], []
    for choose, measure in ((half, ~half), (~half, half)):
        tried = {name: auc(score[choose & pool.member], score[choose & ~pool.member]) for name, score in scores.items()}
        chosen.append(max(sorted(tried), key=lambda name: tried[name]))
        score = scores[chosen[-1]]
        found.append(auc_interval(score[measure & pool.member], score[measure & ~pool.member]))
    value = (found[0].value + found[1].value) / 2
    below = math.hypot(*(item.value - item.lower for item in found)) / 2
    above = math.hypot(*(item.upper - item.value for item in found)) / 2
    return Estimate(value, max(0.0, value - below), min(1.0, value + above)), chosen


def _without_reference(evidence: Evidence) -> Evidence:
    entities = None if evidence.entities is None else (*evidence.entities[:2], evidence.entities[2][:0])
    return replace(evidence, reference=evidence.reference.iloc[:0], entities=entities)


def _drawn(pool: Pool, rng: np.random.Generator) -> Pool:
    """At most 4,000 members and as many others, renumbered, and about 8,000 rows of theirs."""
    order = rng.permutation(pool.units)
    kept = np.concatenate([order[pool.member[order]][:TARGETS], order[~pool.member[order]][:TARGETS]])
    number = np.full(pool.units, -1, dtype=np.int64)
    number[kept] = np.arange(len(kept))
    rows: Integers = np.flatnonzero(number[pool.unit] >= 0)
    rows = rows[bounded_rows(number[pool.unit[rows]], max(1, 2 * TARGETS // len(kept)), rng)]
    return Pool(pool.table.iloc[rows].reset_index(drop=True), number[pool.unit[rows]], pool.member[kept])


def _by_unit(score: Reals, pool: Pool) -> Reals:
    return np.bincount(pool.unit, score, minlength=pool.units) / np.maximum(
        1, np.bincount(pool.unit, minlength=pool.units)
    )


def _attacks(evidence: Evidence, pool: Pool, rng: np.random.Generator) -> dict[str, Reals]:
    columns = evidence.contract.modelled
    synthetic = evidence.synthetic.iloc[rng.permutation(len(evidence.synthetic))[: 4 * ROWS]]
    reference = evidence.reference.iloc[rng.permutation(len(evidence.reference))[:ROWS]]
    attacked, fake, known = points([pool.table, synthetic, reference], columns, fitted_on=1)
    to_fake = nearest(attacked, fake)
    attacks = {"nearest": -to_fake}
    if len(reference) >= LEAST:
        attacks["nearest_against_reference"] = np.log((nearest(attacked, known) + 1e-3) / (to_fake + 1e-3))
        even = min(len(synthetic), len(reference))
        parts = [pool.table, synthetic.iloc[:even], reference.iloc[:even]]
        coder = trees(parts, columns)
        targets, fakes, knowns = (coder.matrix(part) for part in parts)
        attacks["density_ratio"] = _density_ratio((targets, fakes, knowns), coder.categorical, evidence.seed)
    return attacks


def _density_ratio(tables: tuple[Reals, ...], categorical: tuple[bool, ...], seed: int) -> Reals:
    targets, fake, known = tables
    label: npt.NDArray[np.int64] = np.repeat([1, 0], [len(fake), len(known)])
    return margins(np.concatenate([fake, known]), label, targets, categorical, seed)
