"""Rejection by cell: rows are drawn and kept until every cell has what it wants, with a bounded number of draws.

What a generator draws is only ever chosen from, so the rows of one cell have the generator's own distribution there.
Draws are steered to the cells that are short (``where``), which a family may answer faster than by rejection.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Ints
from generators.protocol import FittedModel
from generators.sampling.cells import Cells
from generators.sampling.raking import apportioned
from schemas.contract import Scalar
from schemas.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

ROUNDS = 24
LARGEST_DRAW = 200_000
LEAST_DRAW = 500
STEERED = 2
SHORT = 1.5
"""A value is steered to where it is wanted that many times as often as it is drawn."""


@dataclass(slots=True)
class Filling:
    """The rows kept so far, what each cell still wants, and how many rows were drawn and repeated for it."""

    cells: Cells
    wanted: Ints
    parts: "list[pd.DataFrame]"
    seen: Ints
    drawn: int = 0
    repeated: int = 0

    def take(self, batch: "pd.DataFrame", steered: bool) -> None:
        """Keep what is wanted of a batch, its first rows first."""
        cell = self.cells.of(batch)
        self.drawn += len(batch)
        if not steered:
            self.seen += np.bincount(cell, minlength=self.cells.count)
        order = np.argsort(cell, kind="stable")
        counts = np.bincount(cell, minlength=self.cells.count)
        rank = np.arange(len(cell)) - np.repeat(np.cumsum(counts) - counts, counts)
        chosen = order[rank < self.wanted[cell[order]]]
        self.wanted = self.wanted - np.bincount(cell[chosen], minlength=self.cells.count)
        self.parts.append(batch.iloc[np.sort(chosen)])

    def draw(self, model: FittedModel, seed: int) -> None:
        """At most ``ROUNDS`` growing draws of ``LARGEST_DRAW`` rows, or until nothing is wanted any more."""
        for turn in range(ROUNDS):
            short = int(self.wanted.sum())
            if not short and self.parts:
                return
            where = steering(self.cells, self.wanted, self.seen)
            growth = 1.25 + turn if where else 2.0 + turn
            rows = min(LARGEST_DRAW, max(LEAST_DRAW, int(short * growth)))
            self.take(_draw(model, rows, seed_of(seed, turn + 1), where), steered=bool(where))

    def give_up(self, fixed: Sequence[int]) -> bool:
        """Whether cells were wished that the generator never draws: their rows are wanted of others instead, which are
        alike on the ``fixed`` axes. Raises ``InputError`` where no cell is.
        """
        held = self._held()
        empty = np.flatnonzero((self.wanted > 0) & (held == 0))
        for short in empty:
            alike = held > 0
            for place in fixed:
                codes = self.cells.codes(place)
                alike &= codes == codes[short]
            if not alike.any():
                raise InputError(self._cannot(int(short), fixed))
            self.wanted += apportioned(np.where(alike, held, 0).astype(np.float64), int(self.wanted[short]))
            self.wanted[short] = 0
        return bool(empty.size)

    def _held(self) -> Ints:
        return sum(
            (np.bincount(self.cells.of(part), minlength=self.cells.count) for part in self.parts),
            np.zeros(self.cells.count, dtype=np.int64),
        )

    def repeat(self, rng: np.random.Generator) -> "pd.DataFrame":
        """All rows kept; where a cell is still short, rows of it once more."""
        import pandas as pd

        found = pd.concat(self.parts, ignore_index=True)
        cell = self.cells.of(found)
        again: list[Ints] = []
        for short in np.flatnonzero(self.wanted):
            again.append(rng.choice(np.flatnonzero(cell == short), int(self.wanted[short])))
        self.repeated = int(self.wanted.sum())
        self.wanted = np.zeros_like(self.wanted)
        whole = np.concatenate([np.arange(len(found)), *again])
        shuffled: pd.DataFrame = found.iloc[whole[rng.permutation(len(whole))]].reset_index(drop=True)
        return shuffled

    def _cannot(self, cell: int, fixed: Sequence[int]) -> str:
        codes = np.unravel_index(cell, self.cells.shape)
        axes = [(self.cells.axes[place], int(codes[place])) for place in fixed or range(len(codes))]
        named = [axis.column.name for axis, code in axes if code < axis.size - 1]
        return (
            f"the generator drew {self.drawn:,} rows and none of a wished group of {' and '.join(named)}: "
            "it is too rare there, or excluded by a constraint or dependency; ask for a smaller share or leave it out"
        )


def filled(
    model: FittedModel,
    cells: Cells,
    wanted: Ints,
    seed: int,
    first: "pd.DataFrame | None",
    seen: Ints,
    fixed: Sequence[int],
) -> "tuple[pd.DataFrame, Filling]":
    """Rows of which each cell has exactly as many as ``wanted``, in random order; ``first`` are rows drawn already.

    ``seen`` counts unsteered rows by cell; ``fixed`` are the axes whose margins are wished. Rows of a cell that stays
    short are repeated. A cell that is never drawn gives its rows to those alike on the fixed axes (a generator, a
    private one above all, need not know every combination); where there are none, ``InputError`` says so.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed & (2**64 - 1), 0xF111]))
    filling = Filling(cells, wanted.copy(), [], seen.copy())
    if first is not None:
        filling.take(first, steered=True)  # counted in ``seen`` already
    filling.draw(model, seed)
    if filling.give_up(fixed):
        filling.draw(model, seed_of(seed, 0))
    return filling.repeat(rng), filling


def steering(cells: Cells, wanted: Ints, seen: Ints) -> dict[str, tuple[Scalar, float]]:
    """The values to steer to, with the share of each among the rows still wanted: those that are shortest of draws."""
    total, drawn = max(1, int(wanted.sum())), max(1, int(seen.sum()))
    found: list[tuple[float, str, Scalar, float]] = []
    for place, axis in enumerate(cells.axes):
        codes = cells.codes(place)
        share = np.bincount(codes, wanted, minlength=axis.size)[:-1] / total
        usual = (np.bincount(codes, seen, minlength=axis.size)[:-1] + 0.5) / drawn
        code = int((share / usual).argmax()) if share.size else 0
        if share.size and share[code] / usual[code] > SHORT:
            found.append((float(share[code] / usual[code]), axis.column.name, axis.scalar(code), float(share[code])))
    found.sort(key=lambda one: (-one[0], one[1]))
    return {name: (value, share) for _, name, value, share in found[:STEERED]}


def _draw(model: FittedModel, rows: int, seed: int, where: Mapping[str, tuple[Scalar, float]]) -> "pd.DataFrame":
    """Steered to as many of the values as the family can."""
    for steered in (dict(where), dict(list(where.items())[:1])):
        if steered:
            try:
                return model.sample(rows, seed, steered)
            except InputError:
                continue
    return model.sample(rows, seed)


def seed_of(seed: int, *places: int) -> int:
    """An independent seed for each place; the first draw of all has the seed itself."""
    text = " ".join(map(str, (seed, *places)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, person=b"perennial-draws").digest(), "big")
