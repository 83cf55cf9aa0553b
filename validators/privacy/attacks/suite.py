"""All membership attacks on one release: drawn targets, and each attack's score for every one of their units."""

from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from schemas.bins import Reals
from validators.entities import bounded_rows
from validators.privacy.attacks.calibrated import CalibratedDistance
from validators.privacy.attacks.density_ratio import DensityRatio
from validators.privacy.attacks.discriminator import Discriminator
from validators.privacy.attacks.distance import Distance
from validators.privacy.attacks.local_density import LocalDensity
from validators.privacy.attacks.protocol import Attack, knowledge
from validators.privacy.embedding import embedding
from validators.privacy.pool import Integers, Pool, pool_of
from validators.protocol import Evidence
from validators.statistics import generator

ATTACKS: tuple[Attack, ...] = (Distance(), CalibratedDistance(), DensityRatio(), Discriminator(), LocalDensity())
TARGETS = 4_000
REFERENCE = 16_384
SYNTHETIC = 65_536
LEAST_REFERENCE = 50


@dataclass(frozen=True, slots=True)
class Attacked:
    """(n_units,) scores by attack, for the units of ``pool``; ``members`` and ``others`` of the release in all."""

    pool: Pool
    scores: MappingProxyType[str, Reals]
    members: int
    others: int


def attacked(evidence: Evidence) -> Attacked:
    """Every attack that the attacker's rows allow, on at most 4,000 members and as many held-out units.

    The reference is the attacker's knowledge and never a target. An entity scores the mean of its rows.
    """
    rng = generator(evidence.seed, "membership")
    every = pool_of(_without_reference(evidence))
    pool = _drawn(every, rng)
    synthetic = evidence.synthetic.iloc[np.sort(rng.permutation(len(evidence.synthetic))[:SYNTHETIC])]
    reference = evidence.reference.iloc[np.sort(rng.permutation(len(evidence.reference))[:REFERENCE])]
    known = knowledge(
        (pool.table, synthetic, reference), evidence.contract.modelled, embedding(evidence), evidence.seed
    )
    usable = [attack for attack in ATTACKS if len(reference) >= LEAST_REFERENCE or not attack.needs_reference]
    scores = {attack.name: _by_unit(attack.scores(known), pool) for attack in usable}
    return Attacked(pool, MappingProxyType(scores), every.members, every.units - every.members)


def _without_reference(evidence: Evidence) -> Evidence:
    entities = None if evidence.entities is None else (*evidence.entities[:2], evidence.entities[2][:0])
    return replace(evidence, reference=evidence.reference.iloc[:0], entities=entities)


def _drawn(pool: Pool, rng: np.random.Generator) -> Pool:
    """At most 4,000 members and as many others, renumbered, and about 8,000 rows of theirs, shuffled."""
    order = rng.permutation(pool.units)
    kept = np.concatenate([order[pool.member[order]][:TARGETS], order[~pool.member[order]][:TARGETS]])
    number = np.full(pool.units, -1, dtype=np.int64)
    number[kept] = np.arange(len(kept))
    rows: Integers = np.flatnonzero(number[pool.unit] >= 0)
    rows = rng.permutation(rows[bounded_rows(number[pool.unit[rows]], max(1, 2 * TARGETS // max(1, len(kept))), rng)])
    return Pool(pool.table.iloc[rows].reset_index(drop=True), number[pool.unit[rows]], pool.member[kept])


def _by_unit(score: Reals, pool: Pool) -> Reals:
    return np.bincount(pool.unit, score, minlength=pool.units) / np.maximum(
        1, np.bincount(pool.unit, minlength=pool.units)
    )
