"""The fitted model: codings, an order and logits; rows are drawn column by column, and nothing here is private any
more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Floats, Ints
from generators.domains.assembly import Assembly
from generators.marginals.choosing import choose_within
from generators.marginals.coding import Coding
from generators.marginals.drawing import Walk, drawn_cells, steps_of
from generators.marginals.exclusions import Exclusion, exclusions
from generators.marginals.logit import Single
from generators.sampling.drawing import Where, drawn
from generators.sampling.steering import Steer, Steering
from schemas.contract import Contract, Scalar
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd

LEAST_OF_CELL = 0.02
"""A wished value with a smaller share of its cell is looked for among whole rows."""


@dataclass(frozen=True, slots=True)
class Link:
    """theta of one earlier column on this one: its cells (fine or coarse) x this column's fine cells.

    With ``beside``, of the joint coarse cells of both.
    """

    column: int
    fine: bool
    theta: Single
    beside: int | None = None


@dataclass(frozen=True, slots=True)
class Conditional:
    """P(column | earlier): base log weights of the fine cells, and a link for each parent."""

    column: int
    base: Single
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Model:
    """A ``FittedModel``: see ``generators.protocol``. ``codings`` are of the columns that are not derived; ``rows`` is
    the noisy number of rows that the budget paid for.
    """

    contract: Contract
    assembly: Assembly
    codings: tuple[Coding, ...]
    conditionals: tuple[Conditional, ...]
    mechanisms: tuple[Mechanism, ...]
    rows: int

    def sample(self, rows: int, seed: int, where: Mapping[str, tuple[Scalar, float]] | None = None) -> "pd.DataFrame":
        """``rows`` typed rows; post-processing of the fit, at no cost. The same seed gives the same rows."""
        rng = np.random.default_rng(np.random.SeedSequence([seed & (2**64 - 1), 0x7E2E]))
        tilt, steers = self._tilt(where or {}), self._steers(where or {})
        return self.assembly.finished(
            drawn(
                lambda count, source: self._draw(count, source, tilt, steers),
                rows,
                rng,
                self.contract,
                self.assembly.grids,
                where,
            ),
            rng,
        )

    def to_bytes(self) -> bytes:
        """The model in its container."""
        from generators.marginals.storage import to_bytes

        return to_bytes(self)

    @cached_property
    def excluded(self) -> dict[int, list[Exclusion]]:
        """What declared dependencies exclude, by column."""
        return exclusions(self.assembly, self.codings, [conditional.column for conditional in self.conditionals])

    def _draw(
        self, rows: int, rng: np.random.Generator, tilt: Single | None, steers: Sequence[Steer] = ()
    ) -> "pd.DataFrame":
        cells = self._cells(rows, rng, tilt) if not steers else Steering(self._walk(tilt), steers).drawn(rows, rng)
        positions = [coding.decode(cells[:, index], rng) for index, coding in enumerate(self.codings)]
        # One column after the other in memory, as they are turned into values.
        table = np.stack(positions).T if positions else np.zeros((rows, 0), dtype=np.int64)
        return self.assembly.table(self._listed(table, cells, rng))

    def _cells(self, rows: int, rng: np.random.Generator, tilt: Single | None) -> Ints:
        return drawn_cells(steps_of(self.conditionals, self.codings, tilt), self.codings, self.excluded, rows, rng)

    def _walk(self, tilt: Single | None) -> Walk:
        return Walk(steps_of(self.conditionals, self.codings, tilt), self.codings, self.excluded)

    def _steers(self, where: Where) -> tuple[Steer, ...]:
        """Wished values of columns that are drawn later, as shares of their cells."""
        found = []
        for step, conditional in enumerate(self.conditionals):
            name = self.assembly.free[conditional.column]
            position = self.assembly.grids[name].position_of(where[name][0]) if step and name in where else None
            if position is None:
                continue
            coding = self.codings[conditional.column]
            at = np.array([position])
            cell, alone = int(coding.encode(at)[0]), float(coding.weight_at(at)[0])
            within = alone / max(float(coding.weight[coding.cell == cell].sum()), 1e-300)
            if within >= LEAST_OF_CELL:
                found.append(Steer(step, cell, min(1.0, where[name][1] / min(1.0, within))))
        return tuple(found)

    def _listed(self, positions: Ints, cells: Ints, rng: np.random.Generator) -> Ints:
        """Determinants drawn again together, among the listed combinations of the same cells."""
        for support in self.assembly.supports:
            columns = np.array([self.assembly.free.index(name) for name in support.determinants])
            complete = (positions[:, columns] < np.array(support.sizes)).all(axis=1)
            codings = [self.codings[column] for column in columns]
            rows = np.flatnonzero(complete)
            if rows.size:
                chosen = _joint_choice(support.combinations, codings, cells[np.ix_(rows, columns)], rng)
                positions[np.ix_(rows, columns)] = support.combinations[chosen]
        return positions

    def _tilt(self, where: Where) -> Single | None:
        """Base weights of the first column under which a wished share of its value is what one expects to draw."""
        if not self.conditionals:
            return None
        first = self.conditionals[0]
        name = self.assembly.free[first.column]
        if name not in where or not 0 < where[name][1] < 1:
            return None
        position = self.assembly.grids[name].position_of(where[name][0])
        if position is None:
            return None
        weights = np.exp(first.base - first.base.max()).astype(np.float64)
        cell = int(self.codings[first.column].encode(np.array([position]))[0])
        others = weights.sum() - weights[cell]
        weights[cell] = max(where[name][1] / (1 - where[name][1]) * others, 1e-12) if others > 0 else 1.0
        tilted: Single = np.log(np.maximum(weights, 1e-30)).astype(np.float32)
        return tilted


def _joint_choice(combinations: Ints, codings: list[Coding], cells: Ints, rng: np.random.Generator) -> Ints:
    """A listed combination for each row of cells: of the same cells if there is one, else of the same first cells."""
    weights: Floats = np.ones(combinations.shape[0])
    listed = np.stack([coding.encode(combinations[:, part]) for part, coding in enumerate(codings)], axis=1)
    for part, coding in enumerate(codings):
        weights = weights * coding.weight_at(combinations[:, part])
    weights = np.maximum(weights, weights.max() * 1e-9) if weights.max() > 0 else np.ones(weights.size)
    chosen = np.full(cells.shape[0], -1, dtype=np.int64)
    for width in range(len(codings), -1, -1):
        open_rows = np.flatnonzero(chosen < 0)
        if not open_rows.size:
            break
        both = (
            np.concatenate([listed[:, :width], cells[open_rows, :width]])
            if width
            else np.zeros((listed.shape[0] + open_rows.size, 1))
        )
        _, group = np.unique(both, axis=0, return_inverse=True)
        of_list, of_rows = group.ravel()[: listed.shape[0]], group.ravel()[listed.shape[0] :]
        present = np.isin(of_rows, of_list)
        order = np.argsort(of_list, kind="stable")
        found = choose_within(of_list[order], weights[order], of_rows[present], rng)
        chosen[open_rows[present]] = order[found]
    return chosen
