"""The fitted model: that of the private marginals, with logits that rest on two earlier columns at once."""

from dataclasses import dataclass, field

import numpy as np

from generators.aim.joint import flat
from generators.arrays import Ints
from generators.marginals.drawing import CHUNK, NEVER
from generators.marginals.logit import Single, draw
from generators.marginals.model import Conditional, Model
from generators.sampling.drawing import Where
from generators.sampling.steering import Steer


@dataclass(frozen=True, slots=True)
class JointLink:
    """theta of several earlier columns (their flat cells, fine or coarse) on one column's fine cells."""

    columns: tuple[int, ...]
    fine: tuple[bool, ...]
    theta: Single


@dataclass(frozen=True)
class AdaptiveModel(Model):
    """A ``FittedModel``: see ``generators.protocol``. ``joints`` are the links beyond pairs, by column."""

    joints: dict[int, tuple[JointLink, ...]] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The model in its container."""
        from generators.aim.storage import to_bytes

        return to_bytes(self)

    def cells(self, rows: int, rng: np.random.Generator) -> Ints:
        """(rows, columns) fine cells, as they are drawn where nothing is asked for."""
        return self._cells(rows, rng, None)

    def _cells(self, rows: int, rng: np.random.Generator, tilt: Single | None) -> Ints:
        cells = np.zeros((rows, len(self.codings)), dtype=np.int64)
        for start in range(0, rows, CHUNK):
            part = cells[start : start + CHUNK]
            for place, conditional in enumerate(self.conditionals):
                base = conditional.base if place or tilt is None else tilt
                part[:, conditional.column] = draw(np.exp(self._logits(conditional, base, part)), rng)
        return cells

    def _steers(self, where: Where) -> tuple[Steer, ...]:
        """None: joint links are no walk."""
        return ()

    def _logits(self, conditional: Conditional, base: Single, part: Ints) -> Single:
        logits = np.tile(base, (part.shape[0], 1))
        for link in conditional.links:
            known = part[:, link.column]
            logits += link.theta[known if link.fine else self.codings[link.column].coarse[known]]
        for joint in self.joints.get(conditional.column, ()):
            logits += joint.theta[flat(part, joint.columns, joint.fine, self.codings)]
        for exclusion in self.excluded[conditional.column]:
            logits += np.where(exclusion.allowed(part), np.float32(0), NEVER)
        logits -= logits.max(axis=1, keepdims=True)
        return logits
