"""Records of both sides on which an attack is tried, and the units that they belong to."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from validators.privacy.pool import Integers
from validators.protocol import Evidence

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Records:
    """Row numbers drawn from a table, and (n_drawn,) the unit of each."""

    table: "pd.DataFrame"
    rows: Integers
    unit: Integers


def records(evidence: Evidence, most: int, rng: np.random.Generator) -> tuple[Records, Records]:
    """At most ``most`` rows of train, and of holdout, drawn by ``rng``."""
    tables = (evidence.train, evidence.holdout)
    drawn = [np.sort(rng.permutation(len(table))[:most]) for table in tables]
    units = [rows if evidence.entities is None else evidence.entities[side][rows] for side, rows in enumerate(drawn)]
    first, second = (Records(table, rows, unit) for table, rows, unit in zip(tables, drawn, units, strict=True))
    return first, second
