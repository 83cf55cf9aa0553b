"""Rows gone through in order of time: what each looks back on is made alike for a fit and for a draw."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generators.arrays import Ints
from generators.sequences.conditional import Conditional
from generators.sequences.entities import Feature, Levels
from generators.sequences.history import LOOKBACK, PAUSE, RATIOS, SPANS, History, ratios
from generators.sequences.layout import Layout
from generators.sequences.waves import waves
from generators.trees.coding import Codes
from generators.trees.growing import Kind


@dataclass(frozen=True, slots=True)
class Replay:
    """Rows in order of time, gone through in waves: what each looks back on is the same for a fit and for a draw."""

    layout: Layout
    codes: Sequence[Codes]
    common: int
    entity: Ints
    time: Ints
    keys: Sequence[Ints]
    levels: Levels

    def played(self, events: Sequence[Conditional], rng: np.random.Generator) -> list[Ints]:
        """Positions of each attribute, drawn wave by wave."""
        columns = [np.zeros(self.time.size, dtype=np.int64) for _ in events]
        chains, histories = [self.entity, *self.keys], self._histories()
        for rows in waves(chains):
            inputs = self._inputs(rows, histories)
            own: list[Ints] = []
            for event, column in zip(events, columns, strict=True):
                own.append(event.drawn([*own, *inputs], rng))
                column[rows] = event.codes.decoded(own[-1], rng)
            self._note(rows, histories, own, [column[rows] for column in columns])
        return columns

    def seen(self, codes: Sequence[Ints], columns: Sequence[Ints]) -> list[Ints]:
        """What each row looks back on, where codes and positions of its attributes are known."""
        found: list[Ints] = []
        chains, histories = [self.entity, *self.keys], self._histories()
        for rows in waves(chains):
            inputs = self._inputs(rows, histories)
            found = found or [np.zeros(self.time.size, dtype=np.int64) for _ in inputs]
            for column, part in zip(found, inputs, strict=True):
                column[rows] = part
            own, positions = ([column[rows] for column in side] for side in (codes, columns))
            self._note(rows, histories, own, positions)
        return found

    def kinds(self) -> list[Kind]:
        """What the features of ``seen`` are."""
        own: list[Kind] = [Feature(codes.size + 1, codes.ordered) for codes in self.codes]
        own += [Feature(RATIOS) for _ in self.levels.places]
        own += [Feature(size) for size in (SPANS, LOOKBACK + 1, SPANS, SPANS)]
        levels: list[Kind] = [Feature(int(level.max()) + 1) for level in self.levels.codes]
        return [*own * (1 + len(self.keys)), *levels, Feature(24), Feature(7)]

    def _histories(self) -> list[History]:
        layout = self.layout
        minutes = layout.seconds / 60
        pause = PAUSE * minutes * layout.grids[layout.time].size
        sizes = [int(chain.max()) + 1 for chain in (self.entity, *self.keys)]
        return [History(size, len(self.codes), len(self.levels.places), pause, minutes) for size in sizes]

    def _inputs(self, rows: Ints, histories: list[History]) -> list[Ints]:
        time, inputs = self.time[rows], list[Ints]()
        for chain, history in zip((self.entity, *self.keys), histories, strict=True):
            inputs += history.features(chain[rows], time)
        return [*inputs, *(level[self.entity[rows]] for level in self.levels.codes), *self.layout.clock(time)]

    def _note(self, rows: Ints, histories: list[History], own: Sequence[Ints], positions: Sequence[Ints]) -> None:
        entity = self.entity[rows]
        marked = own[0] != self.common if self.layout.marked else np.zeros(rows.size, dtype=bool)
        codes = np.stack(own) + 1 if own else np.zeros((0, rows.size), dtype=np.int64)
        odd = np.zeros((len(self.levels.places), rows.size), dtype=np.int64)
        for part, (place, centre) in enumerate(zip(self.levels.places, self.levels.centres, strict=True)):
            odd[part] = ratios(positions[place], centre[entity])
        for chain, history in zip((self.entity, *self.keys), histories, strict=True):
            history.note(chain[rows], self.time[rows], codes, odd, marked)
