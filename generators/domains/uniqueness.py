"""Different values in a unique column: repeated ones move to the nearest free places of the column's grid.

A table that is drawn in parts stays unique as a whole where each part keeps to its own places: of ``of`` parts, part i
has the places that leave i when divided by ``of``, so that each part can take any shape that the column has.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from generators.arrays import Ints
from generators.domains.grid import Grid
from schemas.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def made_unique(
    values: "pd.Series[Any]", grid: Grid, rng: np.random.Generator, part: int = 0, of: int = 1
) -> "pd.Series[Any]":
    """The column with no value twice, and none that another part has; missing ones stay missing.

    Ordered columns keep their order, labels are drawn anew. Raises ``InputError`` where the part has too few places.
    """
    positions = grid.positions(values)
    present = np.flatnonzero(positions >= 0)
    places = max(0, (grid.size - part + of - 1) // of)
    if present.size > places:
        raise InputError(
            f"column {grid.column.name} is unique, but its domain has fewer values than the rows asked for"
        )
    if grid.labels is not None:
        positions[present] = rng.permutation(places)[: present.size] * of + part
    else:
        order = present[np.argsort(positions[present], kind="stable")]
        positions[order] = _spread(np.minimum(positions[order] // of, places - 1), places) * of + part
    return grid.values(positions)


def _spread(ordered: Ints, places: int) -> Ints:
    """Ascending numbers as different ones below ``places``, each as near to what it was as the ones before allow."""
    steps = np.arange(ordered.size)
    found: Ints = np.minimum(np.maximum.accumulate(ordered - steps) + steps, places - ordered.size + steps)
    return found
