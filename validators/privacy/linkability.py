"""Whether the synthetic rows let an attacker join two partial records of one person."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from schemas.finding import Finding, Gate
from validators.privacy.embedding import embedding, neighbours, tree
from validators.privacy.entropy import entropy
from validators.privacy.excess import by_unit, excess
from validators.privacy.pool import Integers
from validators.privacy.records import Records, records
from validators.protocol import Evidence
from validators.statistics import Reals, generator
from validators.verdicts import hold, require
from validators.views import codes, names

TARGETS = 2_000
LEAST = 100
SYNTHETIC = 32_768
NEIGHBOURS = 10
PLACES = np.array([0, 1, 1, 0])
"""Which half gets the columns in descending order of entropy, over and over."""


@dataclass(frozen=True, slots=True)
class Linkability:
    """An attacker holds the two halves of a record apart, and takes them for one person's where their ten nearest
    synthetic rows have one in common: the excess of his successes on training over held-out records.

    The columns are dealt out by descending entropy, so that both halves tell about as much. Fails only where the lower
    bound exceeds the limit.
    """

    metric: str = "linkability"
    gate: Gate = "privacy"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` below 100 units on either side, or synthetic rows, or two
        columns.
        """
        require(len(evidence.synthetic), LEAST, "synthetic rows")
        require(len(evidence.contract.modelled), 2, "columns to hold apart")
        rng = generator(evidence.seed, self.metric)
        sides = records(evidence, TARGETS, rng)
        for side, what in zip(sides, ("training units", "held-out units"), strict=True):
            require(len(np.unique(side.unit)), LEAST, what)
        some = np.sort(rng.permutation(len(evidence.synthetic))[:SYNTHETIC])
        halves = _halves(evidence)
        members, others = (
            by_unit(linked, side.unit)
            for linked, side in zip(_linked(evidence, sides, some, halves), sides, strict=True)
        )
        found = excess(members, others)
        modelled = names(evidence.contract.modelled)
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                found.value,
                interval=found.interval,
                rule="confident",
                baseline=0.0,
                support=len(members) + len(others),
                samples={"synthetic": len(some), "members": len(members), "non_members": len(others)},
                detail={
                    "linked_members": float(members.mean()),
                    "linked_non_members": float(others.mean()),
                    "halves": [[modelled[j] for j in half] for half in halves],
                    "neighbours": NEIGHBOURS,
                },
            ),
        )


def _halves(evidence: Evidence) -> tuple[Integers, Integers]:
    """Column numbers of either half."""
    both = np.concatenate([codes(evidence, evidence.train), codes(evidence, evidence.holdout)])
    order = np.argsort([-entropy(both[:, j]) for j in range(both.shape[1])], kind="stable")
    place = np.resize(PLACES, len(order))
    return np.sort(order[place == 0]), np.sort(order[place == 1])


def _linked(
    evidence: Evidence, sides: tuple[Records, Records], some: Integers, halves: tuple[Integers, Integers]
) -> Iterator[Reals]:
    space = embedding(evidence)
    fake = space.parts(evidence.synthetic.iloc[some])
    trees = [tree(fake[half].sum(axis=0)) for half in halves]
    for side in sides:
        real = space.parts(side.table.iloc[side.rows])
        near = [
            neighbours(rows, real[half].sum(axis=0), min(NEIGHBOURS, len(some)))[1]
            for rows, half in zip(trees, halves, strict=True)
        ]
        yield (near[0][:, :, None] == near[1][:, None, :]).any(axis=(1, 2)).astype(np.float64)
