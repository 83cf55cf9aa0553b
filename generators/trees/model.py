"""A fitted chain of trees: one column after the other, each drawn given those before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Floats, Ints
from generators.domains.assembly import Assembly
from generators.sampling.sampled import sampled
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
        found = np.zeros((rows, len(self.order)), dtype=np.int64)
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
        first = self._fixed(where or {})

        def draw(count: int, rng: np.random.Generator) -> Ints:
            return self.chain.drawn(count, rng, None if first is None else _codes(*first, count, rng))

        return sampled(draw, rows, seed, self.contract, self.assembly, where, 0x73EE)

    def to_bytes(self) -> bytes:
        """Trees and codes in their container."""
        return written(self)

    def _fixed(self, where: Mapping[str, tuple[Scalar, float]]) -> tuple[Floats, int, float] | None:
        """The first column's chances, the code of its fixed value and the share; none where there is nothing to fix."""
        if not self.chain.order:
            return None
        name = self.assembly.free[self.chain.order[0]]
        value, share = where.get(name, (0, -1.0))
        position = self.assembly.grids[name].position_of(value) if 0 <= share <= 1 else None
        if position is None:
            return None
        codes = self.chain.codes[0]
        code = int(codes.encoded(np.array([position], dtype=np.int64))[0])
        alone = bool((codes.decoded(np.full(64, code), np.random.default_rng(0)) == position).all())
        chances = np.diff(self.chain.trees[0][0].reach[0].astype(np.float64), prepend=0.0)
        return (chances, code, share) if alone and 0 < chances[code] < 1 else None


def _codes(chances: Floats, code: int, share: float, rows: int, rng: np.random.Generator) -> Ints:
    """Codes of the first column with ``code`` in its share, the others as the model has them."""
    others = chances.copy()
    others[code] = 0.0
    found: Ints = rng.choice(chances.size, rows, p=others / others.sum())
    fixed = rng.random(rows) < share
    found[fixed] = code
    return found
