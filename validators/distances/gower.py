"""Exact nearest neighbours under Gower's distance, for callers that bring their tables.

Distance: the mean over columns of 1 for unequal categories, and of the absolute difference of scaled numbers
(``validators.distances.scales``); a missing cell against a present one adds 1. Source: Gower 1971.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from schemas.bins import Reals
from schemas.contract import Column
from validators.distances.index import index
from validators.distances.points import Points
from validators.distances.scales import fitted
from validators.distances.tree import Integers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Points", "nearest", "points"]


def points(tables: Sequence["pd.DataFrame"], columns: Sequence[Column], fitted_on: int) -> tuple[Points, ...]:
    """The tables on one scale, which the first ``fitted_on`` of them set."""
    scale = fitted(tables[:fitted_on], columns, known=tables[fitted_on:])
    return tuple(scale.points(table) for table in tables)


def nearest(queries: Points, targets: Points, owners: tuple[Integers, Integers] | None = None) -> Reals:
    """(n_queries,) distance to the nearest target, exact; infinite where there is none.

    ``owners`` names whose row each query and target is; rows of one owner are not neighbours of each other.
    """
    mine, theirs = owners if owners is not None else (None, None)
    return index(targets, theirs).search(queries, owners=mine).distance[:, 0]
