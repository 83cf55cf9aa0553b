"""Sampling for models that draw grid positions: row count, constraints, shares and unique columns are kept here."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.domains.grid import MISSING
from generators.sampling.drawing import Where, drawn
from schemas.contract import Contract

DrawPositions = Callable[[int, np.random.Generator], Ints]
"""Draws that many rows: (rows, free columns) int64 positions, a missing value being the grid's size."""


def sampled(
    draw: DrawPositions,
    rows: int,
    seed: int,
    contract: Contract,
    assembly: Assembly,
    where: Where | None = None,
    stream: int = 0x7E2E,
) -> pd.DataFrame:
    """``rows`` typed rows that keep every constraint, the shares of ``where`` and the declared dependencies.

    The same seed gives the same rows; ``stream`` keeps families apart. Raises ``InputError`` as ``drawn`` does.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed & (2**64 - 1), stream]))

    def typed_rows(count: int, source: np.random.Generator) -> pd.DataFrame:
        return assembly.table(listed(draw(count, source), assembly))

    return assembly.finished(drawn(typed_rows, rows, rng, contract, assembly.grids, where), rng)


def listed(positions: Ints, assembly: Assembly) -> Ints:
    """Combinations of determinants that the contract does not list, replaced by listed ones (in turn)."""
    for support in assembly.supports:
        places = np.array([assembly.free.index(name) for name in support.determinants])
        held = positions[:, places]
        odd = np.flatnonzero((support.rows_of(held) == MISSING) & (held < np.array(support.sizes)).all(axis=1))
        if odd.size:
            positions[np.ix_(odd, places)] = support.combinations[np.arange(odd.size) % len(support.combinations)]
    return positions
