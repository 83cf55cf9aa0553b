"""Whether train, holdout, reference and spare rows are one random split by the privacy unit: all else rests on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from schemas.errors import ContractError
from schemas.finding import Finding, Gate
from validators.encoding import identities
from validators.entities import bounded, bounded_rows
from validators.models.boosting import margins
from validators.privacy.pool import Flags, Integers
from validators.protocol import Evidence
from validators.statistics import Estimate, Reals, auc_interval, generator, midranks
from validators.verdicts import hold, require
from validators.views import tree_coder, tree_matrix

if TYPE_CHECKING:
    import pandas as pd

SIDES = ("train", "holdout", "reference", "spare")
CHANCE = 1e-4
"""How often rows that a random split made equal across sides may be called contamination, all sides together."""
LIMIT = 0.55
ROWS, LEAST = 4_000, 100
"""Units of train and holdout that the classifier sees at most, and at least."""


@dataclass(frozen=True, slots=True)
class SplitContamination:
    """Number of ways in which the real tables are not one random split, which must be 0; else INVALID.

    Units on two sides; rows that are equal to just one other unit's row straddle a side and the rest more often than a
    random split makes them (binomial, under which random splits vary no more than they do; one ten-thousandth in all);
    train and holdout told apart by boosting, cross-fitted by unit, with an AUC whose 95 % interval lies above .55.
    Real tables only, so worked out once a snapshot.
    """

    metric: str = "split_contamination"
    gate: Gate = "schema"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` without train rows, any others, or a table to judge."""
        require(len(evidence.synthetic), 1, "synthetic rows")
        evidence = bounded(evidence)
        real = (evidence.train, evidence.holdout, evidence.reference, evidence.spare)
        units = (*(evidence.entities or ()), evidence.spare_entities)
        found = evidence.memo.of(("split", evidence.seed), (*real, *units), lambda: _checked(evidence))
        held = hold(
            evidence.contract,
            self.metric,
            self.gate,
            float(len(found.faults)),
            support=sum(found.samples.values()),
            samples=found.samples,
            detail=found.detail,
        )
        if held.verdict == "PASS":
            return (held,)
        return (held.model_copy(update={"verdict": "INVALID", "reason": "; ".join(found.faults)}),)


@dataclass(frozen=True, slots=True)
class _Checked:
    faults: tuple[str, ...]
    samples: dict[str, int]
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Sides:
    """The tables that have rows, with (n_rows,) the unit of each, numbered alike on all sides."""

    names: tuple[str, ...]
    tables: "tuple[pd.DataFrame, ...]"
    units: tuple[Integers, ...]


def _checked(evidence: Evidence) -> _Checked:
    sides = _sides(evidence)
    require(len(evidence.train), 1, "training rows")
    require(sum(map(len, sides.tables)) - len(evidence.train), 1, "held-out rows")
    shared = _shared(sides)
    straddling = _straddling(evidence, sides)
    apart = _told_apart(evidence)
    faults = [f"{count} entities have rows in {first} and in {second}" for first, second, count in shared]
    faults += [f"{found['straddling']} of {found['pairs']} pairs of equal rows straddle {name} and the other sides, "
               f"{found['expected']:.1f} expected" for name, found in straddling.items()
               if found["chance"] <= CHANCE / len(straddling)]  # fmt: skip
    if apart is not None and apart.lower > LIMIT:
        faults.append(f"train and holdout are told apart with an AUC of {apart.value:.3f}: no random split")
    detail = {
        "entities_shared": sum(count for *_, count in shared),
        "equal_rows": straddling,
        "auc_train_against_holdout": apart.value if apart is not None else None,
        "auc_interval": list(apart.interval) if apart is not None else None,
    }
    return _Checked(tuple(faults), dict(zip(sides.names, map(len, sides.tables), strict=True)), detail)


def _sides(evidence: Evidence) -> _Sides:
    tables = [evidence.train, evidence.holdout, evidence.reference]
    units = list(evidence.entities) if evidence.entities is not None else None
    if evidence.spare is not None:
        tables.append(evidence.spare)
        if units is not None:
            if evidence.spare_entities is None:
                raise ContractError("the spare rows lack the entities that the other sides have")
            units.append(evidence.spare_entities)
    if units is None:
        ends = np.cumsum([len(table) for table in tables])
        units = np.split(np.arange(ends[-1], dtype=np.int64), ends[:-1])
    kept = [place for place, table in enumerate(tables) if len(table)]
    return _Sides(tuple(SIDES[k] for k in kept), tuple(tables[k] for k in kept), tuple(units[k] for k in kept))


def _shared(sides: _Sides) -> list[tuple[str, str, int]]:
    named = list(zip(sides.names, sides.units, strict=True))
    counts = [(first, second, len(np.intersect1d(mine, theirs)))
              for (first, mine), (second, theirs) in combinations(named, 2)]  # fmt: skip
    return [item for item in counts if item[2]]


def _straddling(evidence: Evidence, sides: _Sides) -> dict[str, dict[str, float]]:
    """For each side, how many pairs of equal rows of two units have one row in it, and the chance of as many."""
    from scipy.special import betainc

    unit = np.concatenate(sides.units)
    side = np.repeat(np.arange(len(sides.tables)), [len(table) for table in sides.tables])
    first, second = _pairs(_keys(evidence, sides.tables), unit, evidence.entities is None)
    found = {}
    distinct, place = np.unique(unit, return_index=True)
    for number, name in enumerate(sides.names):
        here, total = int((side[place] == number).sum()), len(distinct)
        odds = 2 * here * (total - here) / max(1, total * (total - 1))
        mixed = int(((side[first] == number) != (side[second] == number)).sum())
        chance = float(betainc(mixed, len(first) - mixed + 1, odds)) if mixed and odds < 1 else 1.0
        found[name] = {
            "pairs": len(first), "straddling": mixed, "expected": odds * len(first), "chance": chance,
        }  # fmt: skip
    return found


def _keys(evidence: Evidence, tables: "Sequence[pd.DataFrame]") -> Integers:
    """(n_rows,) equal numbers for equal rows."""
    book = identities(tables, evidence.contract.modelled)
    codes = np.concatenate([book.codes(table) for table in tables])
    rng = generator(evidence.seed, "split keys")
    keys = np.zeros(len(codes), dtype=np.uint64)
    for j in range(codes.shape[1]):
        keys += rng.integers(0, 2**64, size=int(codes[:, j].max()) + 1, dtype=np.uint64)[codes[:, j]]
    return keys.view(np.int64)


def _pairs(keys: Integers, unit: Integers, by_row: bool) -> tuple[Integers, Integers]:
    """Row numbers of equal rows that just two units have; a unit is in one pair at most, so that pairs are separate."""
    order = np.lexsort((unit, keys))
    # An entity's repeated rows are one.
    again = (keys[order[1:]] == keys[order[:-1]]) & (unit[order[1:]] == unit[order[:-1]])
    order = order[np.r_[True, ~again]]
    starts = np.flatnonzero(np.r_[True, keys[order[1:]] != keys[order[:-1]]])
    two = starts[np.diff(np.r_[starts, len(order)]) == 2]
    first, second = order[two], order[two + 1]
    if by_row:
        return first, second
    used: set[int] = set()
    free = np.zeros(len(first), dtype=bool)
    for place, pair in enumerate(zip(unit[first].tolist(), unit[second].tolist(), strict=True)):
        if used.isdisjoint(pair):
            free[place] = True
            used.update(pair)
    return first[free], second[free]


def _told_apart(evidence: Evidence) -> Estimate | None:
    """AUC of train against holdout on one row of each unit; none with fewer than 100 units on either side."""
    rng = generator(evidence.seed, "split classifier")
    rows = [_one_each(evidence, side, rng) for side in (0, 1)]
    if min(map(len, rows)) < LEAST:
        return None
    columns = evidence.contract.modelled
    tables = [tree_matrix(evidence, table, columns)[taken] for table, taken in
              zip((evidence.train, evidence.holdout), rows, strict=True)]  # fmt: skip
    label = np.repeat([1, 0], [len(table) for table in tables])
    matrix = np.concatenate(tables)
    score = np.empty(len(label))
    half: Flags = rng.permutation(len(label)) % 2 == 0
    categorical = tree_coder(evidence, columns).categorical
    for fold in (half, ~half):
        score[fold] = _ranked(margins(matrix[~fold], label[~fold], matrix[fold], categorical, evidence.seed))
    return auc_interval(score[label == 1], score[label == 0])


def _ranked(margin: Reals) -> Reals:
    """Ranks as shares, so that the two folds' models are on one scale."""
    return midranks(margin) / len(margin)


def _one_each(evidence: Evidence, side: int, rng: np.random.Generator) -> Integers:
    size = len((evidence.train, evidence.holdout)[side])
    unit: Integers = np.arange(size, dtype=np.int64) if evidence.entities is None else evidence.entities[side]
    rows = bounded_rows(unit, 1, rng)
    return np.sort(rng.permutation(rows)[:ROWS])
