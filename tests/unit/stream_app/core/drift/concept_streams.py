"""Codes of a stream whose target follows from two of its columns, until the rule of one is turned round."""

from typing import Literal

import numpy as np

from stream_app.core.drift.coding.bins import Codes
from stream_app.core.drift.concept.concept_fit import ColumnKind

WIDTH = 6
TARGET = WIDTH - 1
Target = Literal["boolean", "classes", "number"]


def kinds(target: Target) -> list[ColumnKind]:
    return ["numeric"] * TARGET + ["numeric" if target == "number" else "categorical"]


def rows(number: int, seed: int, target: Target = "boolean", *, turned: bool = False, shift: float = 0.0) -> Codes:
    """(columns, rows). ``turned``: column 1 counts the other way where column 2 is above 0: no marginal changes, nor
    does any pair of column 1 or 2 with another column but the target. ``shift`` moves column 0 alone.
    """
    random = np.random.default_rng(seed)
    values = random.standard_normal((TARGET, number))
    values[0] += shift
    sign = np.where(values[2] > 0, -1, 1) if turned else 1
    follows = 1.5 * values[0] + values[1] * sign
    codes = np.empty((WIDTH, number), dtype=np.uint8)
    codes[:TARGET] = np.clip(np.floor(values * 8 + 20), 2, 40)
    noisy = follows + random.logistic(size=number)
    if target == "boolean":
        codes[TARGET] = 2 + (noisy > 0)
    elif target == "classes":
        codes[TARGET] = 2 + np.clip(np.floor(noisy / 2 + 2), 0, 3)
    else:
        codes[TARGET] = np.clip(np.floor(noisy * 4 + 20), 2, 40)
    return codes
