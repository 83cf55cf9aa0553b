"""The same bound on rows per entity for every real table, so that train and held-out rows stay exchangeable."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from schemas.errors import ContractError
from validators.protocol import Evidence
from validators.statistics import generator

if TYPE_CHECKING:
    import pandas as pd

Integers = npt.NDArray[np.int64]


def bounded(evidence: Evidence) -> Evidence:
    """Evidence of which no entity has more than the contract's ``max_rows`` rows, chosen by seed; unchanged where
    none has.

    A trainer bounds what it fits. Were held-out rows not bounded too, busy entities would weigh more among them, and
    every comparison of the two would find that. The bounded tables are the same objects whenever the evidence's are.
    Raises ``ContractError`` where numbers and rows do not match.
    """
    if evidence.entities is None:
        return evidence
    tables: list[pd.DataFrame] = [evidence.train, evidence.holdout, evidence.reference]
    units = list(evidence.entities)
    if evidence.spare is not None and evidence.spare_entities is not None:
        tables, units = [*tables, evidence.spare], [*units, evidence.spare_entities]
    if any(len(table) != len(unit) for table, unit in zip(tables, units, strict=True)):
        raise ContractError("there are not as many entity numbers as rows")
    most = evidence.contract.policy.privacy.unit.max_rows
    if all(_within(unit, most) for unit in units):
        return evidence
    # One flat tuple, so that the memo knows each table as worked out from the real ones.
    cut = evidence.memo.of(
        ("bounded", most, evidence.seed), (*tables, *units), lambda: _cut(tables, units, most, evidence.seed)
    )
    half = len(cut) // 2
    bound = replace(
        evidence, train=cut[0], holdout=cut[1], reference=cut[2], entities=(cut[half], cut[half + 1], cut[half + 2])
    )
    return bound if half == 3 else replace(bound, spare=cut[3], spare_entities=cut[-1])


def _within(unit: Integers, most: int) -> bool:
    return not len(unit) or int(np.unique(unit, return_counts=True)[1].max()) <= most


def _cut(tables: "list[pd.DataFrame]", units: list[Integers], most: int, seed: int) -> tuple[Any, ...]:
    """The bounded tables, then their units."""
    rng = generator(seed, "bound entities")
    kept = [bounded_rows(unit, most, rng) for unit in units]
    cut = [table.iloc[rows].reset_index(drop=True) for table, rows in zip(tables, kept, strict=True)]
    return (*cut, *(unit[rows] for unit, rows in zip(units, kept, strict=True)))


def bounded_rows(unit: Integers, most: int, rng: np.random.Generator) -> Integers:
    """Row numbers in order, at most ``most`` of each unit, drawn at random."""
    order = np.lexsort((rng.random(len(unit)), unit))
    place = np.arange(len(unit)) - np.searchsorted(unit[order], unit[order], side="left")
    return np.sort(order[place < most])
