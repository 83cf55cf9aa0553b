"""A fitted network as a model: drawn cells become rows, on the CPU, whatever it was trained on.

A condition on one column goes into the network itself where it can take it: the wished share of rows is drawn with the
value fixed, and rejection (``sampled``) does the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from generators.arrays import Ints
from generators.deep.encoding import Encoding
from generators.deep.storage import weights
from generators.domains.assembly import Assembly
from generators.keeping import kept
from generators.sampling.sampled import sampled
from schemas.contract import Contract, Scalar
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 16_384
"""Rows drawn at once."""
ANY = -1


class Network(Protocol):
    """Anything that draws cells; a ``torch.nn.Module`` at the same time."""

    @property
    def conditional(self) -> tuple[int, ...]:
        """The columns whose cell can be fixed while drawing, one at a time."""

    def draw(self, rows: int, generator: torch.Generator, fixed: tuple[int, Tensor] | None = None) -> Tensor:
        """(rows, columns) int64 cells. ``fixed``: a column of ``conditional`` and (rows,) cells that it should have,
        ``ANY`` where it is free.
        """


@dataclass(frozen=True, slots=True)
class DeepModel:
    """``config`` is JSON from which the family builds the network again; ``mechanisms`` what was run on the data."""

    family: str
    version: int
    contract: Contract
    assembly: Assembly
    encoding: Encoding
    network: Network
    config: Mapping[str, Any]
    rows: int
    mechanisms: tuple[Mechanism, ...] = ()

    def sample(self, rows: int, seed: int, where: Mapping[str, tuple[Scalar, float]] | None = None) -> "pd.DataFrame":
        """Rows from the network; see ``FittedModel.sample``."""
        chosen = self._condition(where or {})

        def draw(count: int, rng: np.random.Generator) -> Ints:
            return self.encoding.positions(self._cells(count, rng, chosen), rng)

        return sampled(draw, rows, seed, self.contract, self.assembly, where, 0xDEE9)

    def to_bytes(self) -> bytes:
        """The weights and the encoding in their container."""
        assert isinstance(self.network, torch.nn.Module)
        arrays = self.encoding.arrays() | weights(self.network)
        recorded = {"mechanisms": [mechanism.document() for mechanism in self.mechanisms]} if self.mechanisms else {}
        config = dict(self.config)
        return kept(
            self.family, self.version, self.contract, self.assembly, self.rows, arrays, config=config, **recorded
        )

    def _condition(self, where: Mapping[str, tuple[Scalar, float]]) -> tuple[int, int, float] | None:
        """The column, cell and share to draw with: the first of ``where`` that the network can fix."""
        for name, (value, share) in where.items():
            place = self.assembly.free.index(name) if name in self.assembly.free else ANY
            position = self.assembly.grids[name].position_of(value) if place in self.network.conditional else None
            if position is not None:
                return place, int(self.encoding.columns[place].cell_of(np.array([position]))[0]), float(share)
        return None

    def _cells(self, rows: int, rng: np.random.Generator, chosen: tuple[int, int, float] | None) -> Ints:
        return cells_of(self.network, rows, rng, chosen)


def cells_of(
    network: Network, rows: int, rng: np.random.Generator, chosen: tuple[int, int, float] | None = None
) -> Ints:
    """(rows, columns) cells from the network; ``chosen`` is a column, its cell and the share of rows to have it."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
    parts = []
    with torch.inference_mode():
        for begun in range(0, rows, CHUNK):
            count = min(CHUNK, rows - begun)
            fixed = None
            if chosen is not None:
                has = torch.from_numpy(rng.random(count) < chosen[2])
                fixed = chosen[0], torch.where(has, chosen[1], ANY)
            parts.append(network.draw(count, generator, fixed).numpy())
    if not parts:
        return network.draw(1, generator).numpy()[:0]
    return np.concatenate(parts)
