"""Whether the synthetic table gives away a secret of those who were fitted, beyond what it says about anyone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from schemas.bins import Reals
from schemas.finding import Finding, Gate
from validators.encoding import Bins, Codes
from validators.models.boosting import classifier, regressor
from validators.privacy.embedding import embedding, neighbours, tree
from validators.privacy.entropy import entropy
from validators.privacy.excess import by_unit, excess
from validators.privacy.pool import Flags, Integers
from validators.privacy.records import Records, records
from validators.protocol import Evidence
from validators.statistics import Estimate, generator
from validators.verdicts import hold, require
from validators.views import codebook, codes, names, tree_coder, tree_matrix

TARGETS = 2_000
LEAST = 100
SYNTHETIC = 32_768
MODEL_ROWS = 8_192
NEIGHBOURS = 5
SECRETS = 6
MOST_CLASSES = 10


@dataclass(frozen=True, slots=True)
class AttributeDisclosure:
    """An attacker knows every column of a record but one and guesses its bin: the excess of his successes on training
    records over held-out ones, worst over secrets and attacks.

    Secrets: the contract's sensitive columns, or else the target and the six columns of highest entropy. Attacks: a
    vote of the five synthetic rows that are nearest on the other columns, by the inverse of the distance; for the
    target also a boosted model of synthetic rows. What a table says about anyone, members or not, is no disclosure
    here. Only an excess whose lower bound, simultaneous over all, exceeds the limit fails.
    """

    metric: str = "attribute_disclosure"
    gate: Gate = "privacy"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` below 100 units on either side, or synthetic rows."""
        require(len(evidence.synthetic), LEAST, "synthetic rows")
        rng = generator(evidence.seed, self.metric)
        sides = records(evidence, TARGETS, rng)
        for side, what in zip(sides, ("training units", "held-out units"), strict=True):
            require(len(np.unique(side.unit)), LEAST, what)
        require(len(evidence.contract.modelled), 2, "columns, one of them the secret")
        some = np.sort(rng.permutation(len(evidence.synthetic))[:SYNTHETIC])
        hits = [*_by_neighbours(evidence, sides, some), *_by_model(evidence, sides, some)]
        confidence = 1 - 0.05 / len(hits)
        found = {key: (excess(*_units(success, sides), confidence), success[1].mean()) for key, success in hits}
        worst = max(sorted(found), key=lambda key: found[key][0].lower)
        estimate, baseline = found[worst]
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                estimate.value,
                interval=estimate.interval,
                rule="confident",
                baseline=0.0,
                support=sum(len(side.rows) for side in sides),
                samples={
                    "synthetic": len(some),
                    "members": len(sides[0].rows),
                    "non_members": len(sides[1].rows),
                },
                detail=_detail(found, worst, float(baseline))
                | {"sensitive_named": bool(getattr(evidence.contract.policy, "sensitive", ()))},
            ),
        )


Key = tuple[str, str]
Success = tuple[Reals, Reals]


def _units(success: Success, sides: tuple[Records, Records]) -> Success:
    return by_unit(success[0], sides[0].unit), by_unit(success[1], sides[1].unit)


def _detail(found: dict[Key, tuple[Estimate, Any]], worst: Key, baseline: float) -> dict[str, Any]:
    return {
        "worst_secret": worst[0],
        "worst_attack": worst[1],
        "success_on_holdout": baseline,
        "excess": {
            f"{secret} by {attack}": [item.value, item.lower, item.upper]
            for (secret, attack), (item, _) in sorted(found.items())
        },
        "bounds": "two-sided at 95 %, simultaneous over secrets and attacks",
    }


def secrets(evidence: Evidence) -> tuple[str, ...]:
    """The sensitive modelled columns, or else the target and the columns of highest entropy in train and holdout."""
    modelled = names(evidence.contract.modelled)
    named = tuple(name for name in getattr(evidence.contract.policy, "sensitive", ()) if name in modelled)
    if named:
        return named
    both = np.concatenate([codes(evidence, evidence.train), codes(evidence, evidence.holdout)])
    told = {name: entropy(both[:, j]) for j, name in enumerate(modelled)}
    target = evidence.contract.policy.target
    ranked = sorted((name for name in modelled if name != target), key=lambda name: -told[name])
    return tuple(([target] if target is not None else []) + ranked[:SECRETS])


def _by_neighbours(evidence: Evidence, sides: tuple[Records, Records], some: Integers) -> Iterator[tuple[Key, Success]]:
    modelled = names(evidence.contract.modelled)
    space = embedding(evidence)
    fake = space.parts(evidence.synthetic.iloc[some])
    real = [space.parts(side.table.iloc[side.rows]) for side in sides]
    fake_codes = codes(evidence, evidence.synthetic)[some]
    for secret in secrets(evidence):
        j = modelled.index(secret)
        known = [k for k in range(len(modelled)) if k != j]
        near = tree(fake[known].sum(axis=0))
        first, second = (
            _hits(_vote(near, part[known].sum(axis=0), fake_codes[:, j]), evidence, side, j)
            for part, side in zip(real, sides, strict=True)
        )
        yield (secret, "neighbours"), (first, second)


def _hits(guess: Codes, evidence: Evidence, side: Records, j: int) -> Reals:
    right: Flags = guess == codes(evidence, side.table)[side.rows, j]
    return right.astype(np.float64)


def _vote(rows: Any, asked: Reals, secret: Codes) -> Codes:
    """The code with most weight among the nearest rows; an exact match outweighs the others."""
    distance, place = neighbours(rows, asked, min(NEIGHBOURS, rows.n))
    weight = 1 / (distance + 1e-6)
    votes = np.zeros((len(asked), int(secret.max()) + 1))
    for k in range(distance.shape[1]):
        np.add.at(votes, (np.arange(len(asked)), secret[place[:, k]]), weight[:, k])
    return np.asarray(votes.argmax(axis=1), dtype=np.int32)


def _by_model(evidence: Evidence, sides: tuple[Records, Records], some: Integers) -> Iterator[tuple[Key, Success]]:
    """A boosted model for the target, where there is something to learn and there are not too many classes."""
    target = evidence.contract.policy.target
    if target is None or target not in secrets(evidence):
        return
    j = names(evidence.contract.modelled).index(target)
    others = tuple(column for column in evidence.contract.modelled if column.name != target)
    rows = some[:: -(-len(some) // MODEL_ROWS)]
    learnt = tree_matrix(evidence, evidence.synthetic, others)[rows]
    asked = np.concatenate([tree_matrix(evidence, side.table, others)[side.rows] for side in sides])
    guess = _guessed(evidence, j, rows, learnt, asked, tree_coder(evidence, others).categorical)
    if guess is not None:
        ends = len(sides[0].rows)
        first, second = (
            _hits(part, evidence, side, j) for part, side in zip((guess[:ends], guess[ends:]), sides, strict=True)
        )
        yield (target, "model"), (first, second)


def _guessed(
    evidence: Evidence, j: int, rows: Integers, learnt: Reals, asked: Reals, categorical: tuple[bool, ...]
) -> Codes | None:
    """Codes of column ``j``: the likeliest class, or the bin of the predicted number."""
    column, coder = evidence.contract.modelled[j], codebook(evidence).coders[j]
    labels = codes(evidence, evidence.synthetic)[rows, j]
    classes = np.unique(labels)
    if 2 <= len(classes) <= MOST_CLASSES:
        chance = classifier(learnt, labels, categorical, evidence.seed).probabilities(asked)
        likeliest: Codes = classes[chance.argmax(axis=1)]
        return likeliest
    values = tree_matrix(evidence, evidence.synthetic, (column,))[rows, 0]
    present = np.isfinite(values)
    if len(classes) < 2 or not isinstance(coder, Bins) or not present.any():
        return None
    guess = regressor(learnt[present], values[present], categorical, evidence.seed).predictions(asked)
    return (np.searchsorted(coder.edges, guess, side="left") + 1).astype(np.int32)
