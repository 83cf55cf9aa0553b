"""What is kept of an SDV fit: rows sampled from it, never the synthesizer.

SDV stores a synthesizer as a pickle, and loading one runs code from the file. So the model is a pool of rows as grid
positions in the plain container; ``sample`` draws from it without replacement while it lasts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.keeping import kept, opened, positions_of
from generators.sampling.sampled import sampled
from schemas.contract import Contract, Scalar
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd

VERSION = 2
LEAST_POOL, LARGEST_POOL = 20_000, 100_000


@dataclass(frozen=True, slots=True)
class PooledModel:
    """``pool`` is (rows, free columns) int64 positions; nothing formal was run."""

    family: str
    contract: Contract
    assembly: Assembly
    pool: Ints
    rows: int

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """None: the certificate says "empirical"."""
        return ()

    def sample(self, rows: int, seed: int, where: Mapping[str, tuple[Scalar, float]] | None = None) -> "pd.DataFrame":
        """Rows of the pool in random order, repeated once it is used up."""
        return sampled(self._draw, rows, seed, self.contract, self.assembly, where, 0x5D7)

    def to_bytes(self) -> bytes:
        """The pool in its container."""
        return kept(self.family, VERSION, self.contract, self.assembly, self.rows, {"pool": self.pool})

    def _draw(self, rows: int, rng: np.random.Generator) -> Ints:
        size = len(self.pool)
        rounds = [rng.permutation(size) for _ in range(-(-rows // size))]
        return self.pool[np.concatenate(rounds)[:rows]] if rounds else self.pool[:0]


def pool_size(rows: int) -> int:
    """How many rows are sampled into a pool where nobody says: twice the fit's, within bounds."""
    return min(LARGEST_POOL, max(LEAST_POOL, 2 * rows))


def opened_pool(body: bytes, contract: Contract, family: str) -> PooledModel:
    """The model that ``to_bytes`` wrote; raises ``ArtefactError``."""
    artefact, assembly, rows = opened(body, contract, family, VERSION)
    return PooledModel(family, contract, assembly, positions_of(artefact.arrays, "pool", assembly), rows)
