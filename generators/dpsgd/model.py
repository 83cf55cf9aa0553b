"""The fitted model of both private networks: a latent and a class to shares of cells, drawn in plain numpy.

Nothing here is private any more: weights, shares and bins were all paid for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from generators.arrays import Floats, Ints
from generators.domains.assembly import Assembly
from generators.marginals.coding import Coding
from generators.sampling.sampled import sampled
from schemas.contract import Contract, Scalar
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd

Singles = npt.NDArray[np.float32]
CHUNK = 8_192


@dataclass(frozen=True, slots=True)
class Decoder:
    """relu([latent, class] W0' + b0) W1' + b1 + offset of the class: logits of all columns' cells, side by side."""

    hidden_weight: Singles
    hidden_bias: Singles
    weight: Singles
    bias: Singles
    offsets: Singles

    @property
    def latent(self) -> int:
        return int(self.hidden_weight.shape[1] - self.offsets.shape[0])

    def logits(self, latent: Singles, classes: Ints) -> Singles:
        """(rows, width) logits of (rows, latent) normal draws."""
        condition = self.hidden_weight[:, self.latent :].T[classes]
        hidden = np.maximum(latent @ self.hidden_weight[:, : self.latent].T + condition + self.hidden_bias, 0)
        found: Singles = hidden @ self.weight.T + self.bias + self.offsets[classes]
        return found


@dataclass(frozen=True, slots=True)
class NetworkModel:
    """A ``FittedModel``: see ``generators.protocol``. ``classes`` are shares, ``label`` is the class of each cell of
    the ``target`` column (a place among the free ones).
    """

    family: str
    contract: Contract
    assembly: Assembly
    codings: tuple[Coding, ...]
    decoder: Decoder
    classes: Floats
    label: Ints
    target: int | None
    mechanisms: tuple[Mechanism, ...]
    rows: int

    def sample(self, rows: int, seed: int, where: Mapping[str, tuple[Scalar, float]] | None = None) -> "pd.DataFrame":
        """``rows`` typed rows; the same seed gives the same rows."""
        shares = self._tilted(where or {})
        return sampled(
            lambda count, rng: self._positions(count, rng, shares),
            rows,
            seed,
            self.contract,
            self.assembly,
            where,
            0xD95D,
        )

    def to_bytes(self) -> bytes:
        """The model in its container."""
        from generators.dpsgd.storage import to_bytes

        return to_bytes(self)

    def cells(self, rows: int, rng: np.random.Generator, shares: Floats) -> Ints:
        """(rows, columns) cells, the classes drawn by ``shares``."""
        parts = [self._chunk(min(CHUNK, rows - start), rng, shares) for start in range(0, rows, CHUNK)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.codings)), dtype=np.int64)

    def _chunk(self, rows: int, rng: np.random.Generator, shares: Floats) -> Ints:
        classes = rng.choice(shares.size, rows, p=shares / shares.sum())
        latent = rng.standard_normal((rows, self.decoder.latent), dtype=np.float32)
        logits = self.decoder.logits(latent, classes)
        found, start = [], 0
        for coding in self.codings:
            part = logits[:, start : start + coding.fine_cells]
            start += coding.fine_cells
            raised = np.exp(part - part.max(1, keepdims=True)).cumsum(1, dtype=np.float64)
            found.append((rng.random((rows, 1)) * raised[:, -1:] >= raised[:, :-1]).sum(1))
        return np.stack(found, axis=1) if found else np.zeros((rows, 0), dtype=np.int64)

    def _positions(self, rows: int, rng: np.random.Generator, shares: Floats) -> Ints:
        cells = self.cells(rows, rng, shares)
        found = [coding.decode(cells[:, place], rng) for place, coding in enumerate(self.codings)]
        return np.stack(found, axis=1) if found else cells

    def _tilted(self, where: Mapping[str, tuple[Scalar, float]]) -> Floats:
        """Class shares under which a wished share of the target's value is what one expects to draw."""
        name = self.assembly.free[self.target] if self.target is not None else None
        if name is None or self.target is None or name not in where or not 0 < where[name][1] < 1:
            return self.classes
        position = self.assembly.grids[name].position_of(where[name][0])
        if position is None or self.classes.size < 2:
            return self.classes
        wished = int(self.label[self.codings[self.target].encode(np.array([position]))[0]])
        others = np.delete(np.arange(self.classes.size), wished)
        tilted = self.classes.copy()
        tilted[others] *= (1 - where[name][1]) / tilted[others].sum()
        tilted[wished] = where[name][1]
        return tilted
