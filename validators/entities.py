"""The same bound on rows per entity for every real table, so that train and held-out rows stay exchangeable."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from schemas.errors import ContractError
from validators.protocol import Evidence
from validators.statistics import generator

Integers = npt.NDArray[np.int64]


def bounded(evidence: Evidence) -> Evidence:
    """Evidence of which no entity has more than the contract's ``max_rows`` rows, chosen by seed; unchanged where
    none has.

    A trainer bounds what it fits. Were held-out rows not bounded too, busy entities would weigh more among them, and
    every comparison of the two would find that. Raises ``ContractError`` where numbers and rows do not match.
    """
    if evidence.entities is None:
        return evidence
    tables = (evidence.train, evidence.holdout, evidence.reference)
    if any(len(table) != len(unit) for table, unit in zip(tables, evidence.entities, strict=True)):
        raise ContractError("there are not as many entity numbers as rows")
    most, rng = evidence.contract.policy.privacy.unit.max_rows, generator(evidence.seed, "bound entities")
    kept = [bounded_rows(unit, most, rng) for unit in evidence.entities]
    if all(len(rows) == len(unit) for rows, unit in zip(kept, evidence.entities, strict=True)):
        return evidence
    train, holdout, reference = (
        table.iloc[rows].reset_index(drop=True) for table, rows in zip(tables, kept, strict=True)
    )
    units = tuple(unit[rows] for unit, rows in zip(evidence.entities, kept, strict=True))
    return replace(evidence, train=train, holdout=holdout, reference=reference, entities=(units[0], units[1], units[2]))


def bounded_rows(unit: Integers, most: int, rng: np.random.Generator) -> Integers:
    """Row numbers in order, at most ``most`` of each unit, drawn at random."""
    order = np.lexsort((rng.random(len(unit)), unit))
    place = np.arange(len(unit)) - np.searchsorted(unit[order], unit[order], side="left")
    return np.sort(order[place < most])
