"""Train, holdout and reference as one pool, of which a random split by the privacy unit made some members.

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
    """All rows with their units, entities bounded on every side alike.

    Raises ``InsufficientEvidence`` without members or others, ``ContractError`` where one entity stands on both sides.
    """
    import pandas as pd

    evidence = bounded(evidence)
    parts = [evidence.train, evidence.holdout, evidence.reference]
    sides = np.repeat([0, 1, 2], [len(part) for part in parts])
    require(len(parts[0]), 1, "training rows")
    require(len(parts[1]) + len(parts[2]), 1, "held-out rows")
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    if evidence.entities is None:
        return Pool(table, np.arange(len(table), dtype=np.int64), sides == 0)
    labels, unit = np.unique(np.concatenate(evidence.entities), return_inverse=True)
    member = np.zeros(len(labels), dtype=bool)
    member[unit[sides == 0]] = True
    if member[unit[sides != 0]].any():
        raise ContractError("an entity has rows on both sides of the split, so that membership means nothing")
    return Pool(table, unit.astype(np.int64), member)
