"""Rows as counts on a layout: what the drift tracker keeps of live rows, made of a table."""

from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Ints
from schemas.counts import CountLayout, TableCounts
from schemas.errors import ContractError

if TYPE_CHECKING:
    import pandas as pd


def counted(table: "pd.DataFrame", layout: CountLayout) -> TableCounts:
    """The counts of a table's rows; each adds one to every marginal and to every table of the layout.

    A row that breaks the contract is counted all the same, at the codes for missing and for new: from counts nobody
    could leave it out. Raises ``ContractError`` where a column is absent.
    """
    absent = [name for name in layout.names if name not in table.columns]
    if absent:
        raise ContractError(f"the table lacks columns that are counted: {', '.join(absent)}")
    codes = [column.encode(table[column.name]).astype(np.int64) for column in layout.bins]
    levels = [np.asarray(of, dtype=np.int64)[own] for of, own in zip(layout.levels, codes, strict=True)]
    return TableCounts(
        layout,
        tuple(np.bincount(own, minlength=column.size) for own, column in zip(codes, layout.bins, strict=True)),
        tuple(_joint(levels, layout, pair) for pair in layout.pairs),
        tuple(_joint(levels, layout, triple) for triple in layout.triples),
    )


def _joint(levels: list[Ints], layout: CountLayout, places: tuple[int, ...]) -> Ints:
    shape = tuple(layout.level_sizes[place] for place in places)
    key = np.zeros(levels[0].size, dtype=np.int64)
    for place, size in zip(places, shape, strict=True):
        key = key * size + levels[place]
    return np.bincount(key, minlength=int(np.prod(shape))).reshape(shape)
