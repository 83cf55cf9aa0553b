"""A fitted sequence model: new entities, their times and keys, and what happens at each, looking back on the rows
before.

An autoregressive model: each attribute of a row given the row's earlier attributes, the entity's level, the hour and
weekday, and the histories of its entity and of each of its keys (``history``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.sampling.sampled import sampled
from generators.sequences.conditional import Conditional
from generators.sequences.entities import Entities, Levels, joined
from generators.sequences.favourites import Favourites
from generators.sequences.layout import Layout, layout_of
from generators.sequences.replay import Replay
from schemas.contract import Contract, Scalar
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class SequenceModel:
    """Entities, keys and ``events``, one conditional an attribute; ``common`` is the target's commonest code."""

    contract: Contract
    assembly: Assembly
    entities: Entities
    favourites: tuple[Favourites, ...]
    events: tuple[Conditional, ...]
    common: int
    rows: int

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """None: the certificate says "empirical"."""
        return ()

    def sample(self, rows: int, seed: int, where: Mapping[str, tuple[Scalar, float]] | None = None) -> "pd.DataFrame":
        """Whole sequences in order of time, the last one cut; fixed shares pick rows out of more sequences."""
        return sampled(self._draw, rows, seed, self.contract, self.assembly, where, 0x5E9)

    def to_bytes(self) -> bytes:
        """Trees and codes in their container."""
        from generators.sequences.storage import written

        return written(self)

    def _draw(self, rows: int, rng: np.random.Generator) -> Ints:
        layout = layout_of(self.contract, self.assembly)
        found = np.zeros((rows, len(layout.grids)), dtype=np.int64)
        if not rows:
            return found
        entity, time, levels = self._skeleton(rows, layout, rng)
        chosen = [favourites.drawn(entity, rows / self.rows, rng) for favourites in self.favourites]
        order = np.argsort(time, kind="stable")
        entity, time = entity[order], time[order]
        keys = [numbers[order] for numbers, _ in chosen]
        codes = [event.codes for event in self.events]
        played = Replay(layout, codes, self.common, entity, time, keys, levels).played(self.events, rng)
        names = self.entities.named(int(entity.max()) + 1, layout.grids[layout.entity].size, rng)
        found[:, layout.entity] = names[entity]
        found[:, layout.time] = time
        for place, numbers, (_, positions) in zip(layout.keys, keys, chosen, strict=True):
            found[:, place] = positions[numbers]
        for place, column in zip(layout.attributes, played, strict=True):
            found[:, place] = column
        return found

    def _skeleton(self, rows: int, layout: Layout, rng: np.random.Generator) -> tuple[Ints, Ints, Levels]:
        """Entity and time of each row, by entity, and the entities' levels."""
        parts: list[tuple[Ints, Ints, Levels]] = []
        total, before = 0, 0
        while total < rows:
            count = max(1, round((rows - total) / self.entities.mean_rows * 1.05))
            who, when, levels = self.entities.drawn(count, layout, rng)
            parts.append((who + before, when, levels))
            total, before = total + who.size, before + count
        entity, time = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
        order = np.lexsort((time, entity))[:rows]
        return entity[order], time[order], joined([levels for _, _, levels in parts])
