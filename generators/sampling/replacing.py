"""Rows in place of those that k and l suppressed: each joins a class that the table has, so that no class gets smaller.

By rejection, of the same cells of a balance as the rows that went, so that its shares stay as they were. Rare
combinations, which were suppressed, stay rare among what takes their place.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Bools, Ints
from generators.sampling.anonymity import Anonymous, joining, with_joined
from schemas.contract import Contract
from schemas.generation import Anonymity
from schemas.sampling import AnonymityReport

if TYPE_CHECKING:
    import pandas as pd

ROUNDS = 8
LEAST_DRAW, LARGEST_DRAW = 200, 200_000
SPARE = 1.25
"""How many more rows are drawn than the share of fitting ones asks for."""

Draw = Callable[[Ints, int], "pd.DataFrame"]
"""Rows, about as many of each cell as given, in a round of that number."""
CellOf = Callable[["pd.DataFrame"], Ints]
"""(rows,) the cell of each row."""


@dataclass(slots=True)
class Replacing:
    """What is left of ``rows`` drawn rows, and (cells,) how many rows of each cell went.

    Rows are drawn anew in ``ROUNDS`` rounds at most, until none is wanted or a round brings none.
    """

    left: Anonymous
    rows: int
    wanted: Ints
    contract: Contract
    wished: Anonymity
    draw: Draw
    cell_of: CellOf
    _found: "list[pd.DataFrame]" = field(default_factory=list)
    _widened: list[Bools] = field(default_factory=list)
    _columns: tuple[str, ...] = ()

    def whole(self) -> "tuple[pd.DataFrame, AnonymityReport]":
        """The table with rows in place of suppressed ones, as far as they could be had, and what it took."""
        fitting = len(self.left.table) / self.rows
        for turn in range(ROUNDS):
            short = int(self.wanted.sum())
            if not short:
                break
            growth = min(max(SPARE / fitting, LEAST_DRAW / short), LARGEST_DRAW / short)
            fitting = self._take(self.draw(np.ceil(self.wanted * growth).astype(np.int64), turn))
            if not fitting:
                break
        if not self._found:
            return self.left.table, self.left.report
        table = self._placed()
        widened = np.concatenate(self._widened)
        return table, with_joined(self.left.report, table, self.contract, widened, self._columns)

    def _take(self, batch: "pd.DataFrame") -> float:
        """Keep what fits of a batch; the share of it that does, 0 where nothing was kept."""
        cell = self.cell_of(batch)
        found = joining(self.left.table, batch, self.contract, self.wished)
        able = found.able & self._fresh(found.batch)
        chosen = _first_of_cells(np.flatnonzero(able), cell, self.wanted)
        if not chosen.size:
            return 0.0
        self.wanted = self.wanted - np.bincount(cell[chosen], minlength=self.wanted.size)
        self._found.append(found.batch.iloc[chosen])
        self._widened.append(found.changed[chosen])
        self._columns += found.columns if found.changed[chosen].any() else ()
        return float(able.mean())

    def _fresh(self, batch: "pd.DataFrame") -> Bools:
        """(rows,) which rows have no value of a unique column that was there before."""
        fresh = np.ones(len(batch), dtype=bool)
        for name in (column.name for column in self.contract.modelled if column.unique):
            fresh &= ~(batch[name].duplicated() & batch[name].notna()).to_numpy(dtype=bool)
            for known in (self.left.table, *self._found):
                fresh &= ~batch[name].isin(known[name].dropna()).to_numpy(dtype=bool)
        return fresh

    def _placed(self) -> "pd.DataFrame":
        """Rows that were left stay where they were, the others come where rows had gone; all by time where the contract
        states a sequence.
        """
        import pandas as pd

        table = pd.concat([self.left.table, *self._found], ignore_index=True)
        gone = np.setdiff1d(np.arange(self.rows), self.left.places)[: len(table) - len(self.left.table)]
        table = table.iloc[np.argsort(np.concatenate([self.left.places, gone]), kind="stable")]
        if self.contract.policy.sequence is not None:
            table = table.sort_values(self.contract.policy.sequence.time, kind="stable")
        return table.reset_index(drop=True)


def _first_of_cells(rows: Ints, cell: Ints, wanted: Ints) -> Ints:
    """Of ``rows`` the first of each cell, as many as are wanted there; in order."""
    order = rows[np.argsort(cell[rows], kind="stable")]
    counts = np.bincount(cell[order], minlength=wanted.size)
    rank = np.arange(order.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.sort(order[rank < wanted[cell[order]]])
