"""Balanced rows from any fitted model: fixed shares, quotas of subgroups, rare values raised, parity targets.

Only what the generator draws is chosen from; the source is not looked at. So under a formal claim balancing is
post-processing by construction, and the guarantee stays what it was.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Floats, Ints
from generators.domains.grid import grid_of
from generators.domains.uniqueness import made_unique
from generators.protocol import FittedModel
from generators.sampling.cells import Cells
from generators.sampling.filling import Filling, filled, seed_of
from generators.sampling.wishing import Wish
from schemas.contract import Contract
from schemas.errors import InputError
from schemas.generation import Parity
from schemas.sampling import BalancedShare, ParityReport

if TYPE_CHECKING:
    import pandas as pd

LEAST_TASTE, LARGEST_TASTE = 4_000, 100_000
"""Rows that are drawn first, to learn the generator's own shares of the cells."""


@dataclass(slots=True)
class Balancing:
    """A balance over one table of ``rows`` rows, drawn in one part or in many; exact over all of them together."""

    model: FittedModel
    contract: Contract
    wish: Wish
    rows: int
    seed: int
    drawn: int = 0
    repeated: int = 0
    done: int = 0
    _first: "pd.DataFrame | None" = None
    _own: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    _left: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    _held: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def part(self, rows: int, unique: bool = True) -> "pd.DataFrame":
        """The next ``rows`` rows. Raises ``InputError`` where a wished group cannot be had."""
        if not self._own.size:
            self._taste()
        share = self._left / max(1, int(self._left.sum()))
        wanted = _within(share, rows, self._left)
        found, filling = filled(
            self.model,
            self.wish.cells,
            wanted,
            seed_of(self.seed, 1, self.done),
            self._first,
            self._own,
            self.wish.fixed,
        )
        self._first = None
        self.drawn += filling.drawn
        self.repeated += filling.repeated
        self.done += rows
        self._left = self._left - wanted
        self._held = self._held + np.bincount(self.wish.cells.of(found), minlength=self.wish.cells.count)
        return distinct(found, self.contract, seed_of(self.seed, 2, self.done)) if unique else found

    def more(self, wanted: Ints, seed: int) -> "pd.DataFrame":
        """Rows of the cells besides those of any part, at most as many of each as ``wanted``; none twice."""
        import pandas as pd

        filling = Filling(self.wish.cells, wanted.copy(), [], self._own.copy())
        filling.draw(self.model, seed)
        self.drawn += filling.drawn
        return pd.concat(filling.parts, ignore_index=True)

    def _taste(self) -> None:
        rows = min(LARGEST_TASTE, max(LEAST_TASTE, self.rows))
        self._first = self.model.sample(rows, self.seed)
        self._own = np.bincount(self.wish.cells.of(self._first), minlength=self.wish.cells.count)
        self._left = self.wish.counts(self._own, self.rows)
        self._held = np.zeros_like(self._left)

    def shares(self) -> tuple[BalancedShare, ...]:
        """Every listed share: wished, as the generator draws, and in the rows so far."""
        return tuple(
            BalancedShare(
                column=name,
                value=place,
                wished=wished,
                before=_share_of(self._own, self.wish.cells, name, code),
                after=_share_of(self._held, self.wish.cells, name, code),
            )
            for name, listed in self.wish.shares.items()
            for place, (value, wished) in enumerate(listed)
            for code in [self.wish.cells.axes[self.wish.cells.axis(name)].place(value)]
        )

    def parity(self) -> tuple[ParityReport, ...]:
        """Every parity target: before as the generator draws, after in the rows so far."""
        return tuple(
            ParityReport(
                subgroup=item.subgroup,
                outcome=item.outcome,
                wished=item.difference,
                before=parity_difference(self._own, self.wish.cells, item),
                after=parity_difference(self._held, self.wish.cells, item),
            )
            for item in self.wish.parity
        )

    def recount(self, table: "pd.DataFrame", before: "pd.DataFrame") -> None:
        """Rows were changed after they were drawn (k and l): what is told is of the table as it is."""
        cells, count = self.wish.cells, self.wish.cells.count
        self._held = (
            self._held - np.bincount(cells.of(before), minlength=count) + np.bincount(cells.of(table), minlength=count)
        )


def parity_difference(counts: Ints, cells: Cells, item: Parity) -> float:
    """The largest difference of favourable shares between two listed groups that have rows; 0 with fewer than two."""
    groups, outcome = cells.axis(item.subgroup), cells.axis(item.outcome)
    size = cells.axes[groups].size
    liked = cells.having(outcome, cells.axes[outcome].place(item.favourable))
    rows = np.bincount(cells.codes(groups), counts, minlength=size)[:-1]
    held = np.bincount(cells.codes(groups), np.where(liked, counts, 0), minlength=size)[:-1]
    rates: Floats = held[rows > 0] / rows[rows > 0]
    return float(np.ptp(rates)) if rates.size > 1 else 0.0


def distinct(table: "pd.DataFrame", contract: Contract, seed: int, part: int = 0, of: int = 1) -> "pd.DataFrame":
    """The table with repeated values of unique columns moved, part ``part`` of ``of`` keeping to its own places.

    Raises ``InputError`` where a unique column of a table in parts has no stated domain, or too few places.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed & (2**64 - 1), 0x0D15]))
    bound = {name for item in contract.policy.dependencies for name in (*item.determinants, item.dependent)}
    for column in contract.modelled:
        if column.unique and column.name not in bound:
            if column.domain is not None:
                table[column.name] = made_unique(table[column.name], grid_of(column), rng, part, of)
            elif of > 1 or table[column.name].dropna().duplicated().any():
                raise InputError(f"column {column.name} is unique: state its domain, to draw it balanced or in parts")
    return table


def _within(share: Floats, rows: int, left: Ints) -> Ints:
    """``rows`` rows in proportion to what is left of each cell, never more than that."""
    exact = share * rows
    counts: Ints = np.minimum(np.floor(exact + 1e-9).astype(np.int64), left)
    order = np.argsort(counts - exact, kind="stable")
    spare = order[counts[order] < left[order]]
    counts[spare[: rows - int(counts.sum())]] += 1
    return counts


def _share_of(counts: Ints, cells: Cells, name: str, code: int) -> float:
    total = int(counts.sum())
    return float(counts[cells.having(cells.axis(name), code)].sum()) / total if total else 0.0
