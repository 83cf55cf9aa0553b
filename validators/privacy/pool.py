"""Train, holdout, reference and spare rows as one pool, of which a random split by the privacy unit made some members.

If the synthetic table says nothing about who was drawn, the members among any units chosen without
looking at membership are a simple random sample. Every rule of the leak gate rests on this and on nothing else.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from schemas.errors import ContractError
from validators.entities import bounded
from validators.protocol import Evidence
from validators.verdicts import require

if TYPE_CHECKING:
    import pandas as pd

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pool:
    """(n_rows,) ``unit`` of each row, numbered from 0; (n_units,) ``member`` whether it was drawn for training."""

    table: "pd.DataFrame"
    unit: Integers
    member: Flags

    @property
    def members(self) -> int:
        return int(self.member.sum())

    @property
    def units(self) -> int:
        return len(self.member)

    @property
    def by_row(self) -> bool:
        """Whether each row is a unit of its own."""
        return len(self.unit) == len(self.member)


def pool_of(evidence: Evidence) -> Pool:
    """All rows with their units, entities bounded on every side alike; train first, then holdout, reference, spare.

    Raises ``InsufficientEvidence`` without members or others, ``ContractError`` where one entity stands on both sides.
    """
    evidence = bounded(evidence)
    real = (evidence.train, evidence.holdout, evidence.reference, evidence.spare)
    return evidence.memo.of(
        "pool", (*real, *(evidence.entities or ()), evidence.spare_entities), lambda: _pooled(evidence)
    )


def _pooled(evidence: Evidence) -> Pool:
    import pandas as pd

    parts = [evidence.train, evidence.holdout, evidence.reference]
    parts += [evidence.spare] if evidence.spare is not None else []
    sides = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    require(len(parts[0]), 1, "training rows")
    require(sum(len(part) for part in parts[1:]), 1, "held-out rows")
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    if evidence.entities is None:
        return Pool(table, np.arange(len(table), dtype=np.int64), sides == 0)
    labels, unit = np.unique(np.concatenate(_units(evidence)), return_inverse=True)
    member = np.zeros(len(labels), dtype=bool)
    member[unit[sides == 0]] = True
    if member[unit[sides != 0]].any():
        raise ContractError("an entity has rows on both sides of the split, so that membership means nothing")
    return Pool(table, unit.astype(np.int64), member)


def _units(evidence: Evidence) -> list[Integers]:
    units = list(evidence.entities or ())
    if evidence.spare is not None:
        if evidence.spare_entities is None:
            raise ContractError("the spare rows lack the entities that the other sides have")
        units.append(evidence.spare_entities)
    return units
