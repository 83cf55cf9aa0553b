"""A fitted chain of trees: one column after the other, each drawn given those before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Floats, Ints
from generators.domains.assembly import Assembly
from generators.sampling.sampled import sampled
from generators.sampling.steering import Steer, Steering
from generators.trees.coding import Codes
from generators.trees.storage import written
from generators.trees.tree import Tree
from schemas.contract import Contract, Scalar
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Chain:
    """``order``: places of the free columns as they are drawn; ``codes`` and ``trees`` lie in that order.

    ``branch``: which of a column's trees belongs to each code of the first column; the first column has one tree.
    """

    order: tuple[int, ...]
    codes: tuple[Codes, ...]
    branch: Ints
    trees: tuple[tuple[Tree, ...], ...]

    def drawn(self, rows: int, rng: np.random.Generator, first: Ints | None = None) -> Ints:
        """(rows, columns) grid positions; ``first`` fixes the codes of the first column."""
        columns: list[Ints] = []
        for trees in self.trees:
            fixed = first if not columns else None
            columns.append(next_codes(trees, self.branch, columns, rows, rng) if fixed is None else fixed)
        return self.decoded(columns, rng)

    def decoded(self, columns: Sequence[Ints], rng: np.random.Generator) -> Ints:
        """(rows, columns) grid positions of the columns' codes, which lie in their order."""
        found = np.zeros((len(columns[0]) if len(columns) else 0, len(self.order)), dtype=np.int64)
        for place, codes, column in zip(self.order, self.codes, columns, strict=True):
            found[:, place] = codes.decoded(column, rng)
        return found


def next_codes(
    trees: tuple[Tree, ...], branch: Ints, columns: Sequence[Ints], rows: int, rng: np.random.Generator
) -> Ints:
    """Codes of the next column, each row by the tree that belongs to its code of the first one."""
    if len(trees) == 1:
        leaves = trees[0].leaves(columns) if columns else np.zeros(rows, dtype=np.int64)
        return trees[0].drawn(leaves, rng)
    found = np.empty(rows, dtype=np.int64)
    own = branch[columns[0]]
    for number, tree in enumerate(trees):
        here = np.flatnonzero(own == number)
        found[here] = tree.drawn(tree.leaves([column[here] for column in columns]), rng)
    return found


@dataclass(frozen=True, slots=True)
class TreesModel:
    """Sequential trees over the free columns of ``assembly``; nothing formal was run."""

    contract: Contract
    assembly: Assembly
    chain: Chain
    rows: int

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """None: the certificate says "empirical"."""
        return ()

    def sample(self, rows: int, seed: int, where: Mapping[str, tuple[Scalar, float]] | None = None) -> "pd.DataFrame":
        """Rows drawn column by column; a fixed share of the first column is drawn so, and not searched for."""
        first, steers = self._fixed(where or {}), self._steers(where or {})

        def draw(count: int, rng: np.random.Generator) -> Ints:
            if steers:
                return self.chain.decoded(list(Steering(Walk(self.chain, first), steers).drawn(count, rng).T), rng)
            return self.chain.drawn(count, rng, None if first is None else _codes(*first, count, rng))

        return sampled(draw, rows, seed, self.contract, self.assembly, where, 0x73EE)

    def to_bytes(self) -> bytes:
        """Trees and codes in their container."""
        return written(self)

    def _fixed(self, where: Mapping[str, tuple[Scalar, float]]) -> "Fixed | None":
        """The first column's chances, the code of its fixed value and the share; none where there is nothing to fix."""
        if not self.chain.order:
            return None
        name = self.assembly.free[self.chain.order[0]]
        value, share = where.get(name, (0, -1.0))
        position = self.assembly.grids[name].position_of(value) if 0 <= share <= 1 else None
        if position is None:
            return None
        code = _alone(self.chain.codes[0], position)
        chances = np.diff(self.chain.trees[0][0].reach[0].astype(np.float64), prepend=0.0)
        return (chances, code, share) if code is not None and 0 < chances[code] < 1 else None

    def _steers(self, where: Mapping[str, tuple[Scalar, float]]) -> tuple[Steer, ...]:
        """Wished values of later columns that have a code of their own."""
        found = []
        for step, place in enumerate(self.chain.order):
            value, share = where.get(self.assembly.free[place], (0, -1.0))
            grid = self.assembly.grids[self.assembly.free[place]]
            position = grid.position_of(value) if step and 0 <= share <= 1 else None
            code = None if position is None else _alone(self.chain.codes[step], position)
            if code is not None:
                found.append(Steer(step, code, share))
        return tuple(found)


Fixed = tuple[Floats, int, float]


@dataclass(frozen=True, slots=True)
class Walk:
    """The chain, with the share of a value of its first column, as one that shares can be wished of: see
    ``generators.sampling.steering``.
    """

    chain: Chain
    first: Fixed | None

    def blank(self, rows: int) -> Ints:
        return np.zeros((rows, len(self.chain.order)), dtype=np.int64)

    def place(self, step: int) -> int:
        return step

    def extend(self, codes: Ints, start: int, stop: int | None, rng: np.random.Generator) -> None:
        for step in range(len(self.chain.trees))[start:stop]:
            if not step and self.first is not None:
                codes[:, 0] = _codes(*self.first, len(codes), rng)
            else:
                codes[:, step] = next_codes(
                    self.chain.trees[step], self.chain.branch, list(codes[:, :step].T), len(codes), rng
                )

    def chances(self, codes: Ints, step: int, code: int) -> Floats:
        columns, found = list(codes[:, :step].T), np.zeros(len(codes))
        trees = self.chain.trees[step]
        own = self.chain.branch[columns[0]] if len(trees) > 1 else np.zeros(len(codes), dtype=np.int64)
        for number, tree in enumerate(trees):
            here = np.flatnonzero(own == number)
            reach = tree.reach.astype(np.float64)
            share = reach[:, code] - (reach[:, code - 1] if code else 0.0)
            found[here] = share[tree.leaves([column[here] for column in columns])]
        return found


def _alone(codes: Codes, position: int) -> int | None:
    """The code of a position that shares it with no other, or none."""
    code = int(codes.encoded(np.array([position], dtype=np.int64))[0])
    return code if (codes.decoded(np.full(64, code), np.random.default_rng(0)) == position).all() else None


def _codes(chances: Floats, code: int, share: float, rows: int, rng: np.random.Generator) -> Ints:
    """Codes of the first column with ``code`` in its share, the others as the model has them."""
    others = chances.copy()
    others[code] = 0.0
    found: Ints = rng.choice(chances.size, rows, p=others / others.sum())
    fixed = rng.random(rows) < share
    found[fixed] = code
    return found
