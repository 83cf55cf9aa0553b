"""Joint tables moved to new margins with their interactions kept (iterative proportional fitting)."""

import numpy as np

from generators.arrays import Floats

ROUNDS = 12
FLOOR = 0.02
MOST = 4.0


def raked(shares: Floats, rows: Floats, columns: Floats) -> Floats:
    """The table with margins ``rows`` and ``columns``: noisy cells keep their sign, so that nothing is biased upwards.

    The factors are those of proportional fitting (Deming and Stephan 1940) of the positive part mixed with a little
    independence, at most ``MOST`` either way; what is left of the margins is spread over the cells.
    """
    mixed = (1 - FLOOR) * np.maximum(shares, 0.0) + FLOOR * np.outer(rows, columns) + 1e-12
    left, right = np.ones(rows.size), np.ones(columns.size)
    for _ in range(ROUNDS):
        left = np.clip(rows / np.maximum(mixed @ right, 1e-12), 1 / MOST, MOST)
        right = np.clip(columns / np.maximum(left @ mixed, 1e-12), 1 / MOST, MOST)
    return on_margins(centred(shares * left[:, None] * right), rows, columns)


def centred(table: Floats) -> Floats:
    """The doubly centred part."""
    found: Floats = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    return found


def on_margins(part: Floats, rows: Floats, columns: Floats) -> Floats:
    """The table whose doubly centred part and margins these are."""
    found: Floats = part + rows[:, None] / columns.size + columns / rows.size - rows.sum() / part.size
    return found
