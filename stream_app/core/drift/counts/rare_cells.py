"""Which cells a reference has few of, or none."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from stream_app.core.drift.coding.bins import MISSING
from stream_app.core.drift.counts.counting import COMPILED
from stream_app.core.drift.counts.layout import Integers, Layout
from stream_app.core.drift.counts.unwritten import unwritten
from stream_app.core.drift.scoring.channels import FREQUENT


@dataclass(frozen=True, slots=True)
class RareCells:
    """Groups of cells that are counted together: group g is ``cells`` from ``firsts[g]`` to ``firsts[g + 1]``.

    ``owners`` (groups,) is each one's column; ``unseen`` (groups,) tells values that the reference does not have from
    missing cells.
    """

    cells: Integers
    firsts: Integers
    owners: Integers
    unseen: "np.ndarray[Any, np.dtype[np.bool_]]"

    def __len__(self) -> int:
        return len(self.owners)

    def count(self, counts: "np.ndarray[Any, Any]") -> Integers:
        """(..., groups) how many of each are in (..., cells) counts."""
        if COMPILED and counts.ndim == 2:
            from stream_app.core.drift.counts.compiled_rare_cells import add_groups

            found = np.empty((len(counts), len(self)), dtype=np.int64)
            add_groups(found, unwritten(counts), self.cells, self.firsts)
            return found
        added: Integers = np.add.reduceat(counts[..., self.cells].astype(np.int64), self.firsts[:-1], axis=-1)
        return added


def rare_cells(layout: Layout, which: Integers) -> RareCells:
    """Missing cells of the columns that rarely miss any, then of every column the values that the counts have none of:
    those of no bin, and those of bins that are empty.
    """
    rows = max(1, int(which[layout.column_cells(0)].sum()))
    columns = np.arange(len(layout.sizes))
    seldom = columns[which[layout.fine[:-1] + MISSING] < FREQUENT * rows]
    groups = [np.array([layout.fine[column] + MISSING]) for column in seldom]
    for column in columns:
        cells = np.arange(layout.fine[column] + 1, layout.fine[column + 1])
        groups.append(np.concatenate([cells[:1], cells[1:][which[cells[1:]] == 0]]))
    return RareCells(
        np.concatenate(groups).astype(np.int64),
        np.cumsum([0, *(len(group) for group in groups)], dtype=np.int64),
        np.concatenate([seldom, columns]),
        np.arange(len(groups)) >= len(seldom),
    )
