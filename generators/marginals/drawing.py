"""Cells of many rows at once: tables of parents are joined while they stay in the processor's cache.

A row's logits are the sum of one entry of each parent's table. Two or three small tables are added up beforehand into
one of their joint codes, so that a row needs a third of the look-ups.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Floats, Ints
from generators.marginals.coding import Coding
from generators.marginals.exclusions import Exclusion
from generators.marginals.logit import Single

if TYPE_CHECKING:
    from generators.marginals.model import Conditional, Link

CHUNK = 8_192
JOINED = 2**16
"""Entries of a joined table, at most: 256 KiB."""
SAFE = 80.0
"""Logits between minus and plus this neither overflow nor vanish in single precision."""
NEVER = np.float32(-1e9)

Source = tuple[int, bool]
"""A column, and whether its fine cells are meant."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """``table`` (joint codes, cells) at the joint code of the sources, the last one running fastest."""

    sources: tuple[Source, ...]
    sizes: tuple[int, ...]
    table: Single

    def codes(self, cells: Mapping[Source, Ints]) -> Ints:
        found = cells[self.sources[0]]
        for source, size in zip(self.sources[1:], self.sizes[1:], strict=True):
            found = found * size + cells[source]
        return found

    def joined(self, other: "Lookup") -> "Lookup":
        table = (self.table[:, None, :] + other.table[None, :, :]).reshape(-1, self.table.shape[1])
        return Lookup((*self.sources, *other.sources), (*self.sizes, *other.sizes), table)


@dataclass(frozen=True, slots=True)
class Step:
    """One column: its look-ups, the first of which holds the base; ``safe`` logits need no maximum taken out."""

    column: int
    base: Single
    lookups: tuple[Lookup, ...]
    safe: bool


def steps_of(conditionals: "Sequence[Conditional]", codings: Sequence[Coding], first: Single | None) -> list[Step]:
    """The columns in order; ``first`` takes the place of the first one's base where it is given."""
    found = []
    for place, conditional in enumerate(conditionals):
        base = first if first is not None and not place else conditional.base
        lookups = _merged([_lookup(link, codings) for link in conditional.links])
        found.append(Step(conditional.column, base, lookups, _safe(base, lookups)))
    return found


def drawn_cells(
    steps: Sequence[Step],
    codings: Sequence[Coding],
    excluded: Mapping[int, Sequence[Exclusion]],
    rows: int,
    rng: np.random.Generator,
) -> Ints:
    """(rows, columns) fine cells."""
    walk = Walk(steps, codings, excluded)
    cells = walk.blank(rows)
    walk.extend(cells, 0, None, rng)
    return cells


@dataclass(frozen=True, slots=True)
class Walk:
    """The steps as a chain that shares can be wished of: see ``generators.sampling.steering``."""

    steps: Sequence[Step]
    codings: Sequence[Coding]
    excluded: Mapping[int, Sequence[Exclusion]]

    def blank(self, rows: int) -> Ints:
        return np.zeros((rows, len(self.codings)), dtype=np.int64)

    def place(self, step: int) -> int:
        return self.steps[step].column

    def extend(self, codes: Ints, start: int, stop: int | None, rng: np.random.Generator) -> None:
        for at in range(0, len(codes), CHUNK):
            part = codes[at : at + CHUNK]
            known = self._known(part, start)
            for step in self.steps[start:stop]:
                drawn = _drawn(_ends(step, known, part, self.excluded.get(step.column, ())), rng)
                part[:, step.column] = drawn
                known[step.column, True] = drawn
                known[step.column, False] = self.codings[step.column].coarse[drawn]

    def chances(self, codes: Ints, step: int, code: int) -> Floats:
        found = np.zeros(len(codes))
        own = self.steps[step]
        for at in range(0, len(codes), CHUNK):
            part = codes[at : at + CHUNK]
            ends = _ends(own, self._known(part, step), part, self.excluded.get(own.column, ()))
            below = ends[:, code - 1] if code else 0.0
            found[at : at + CHUNK] = (ends[:, code] - below) / ends[:, -1]
        return found

    def _known(self, part: Ints, steps: int) -> dict[Source, Ints]:
        """The cells of the columns that are drawn, as those after them look them up."""
        known: dict[Source, Ints] = {}
        for step in self.steps[:steps]:
            known[step.column, True] = part[:, step.column]
            known[step.column, False] = self.codings[step.column].coarse[part[:, step.column]]
        return known


def _ends(step: Step, known: Mapping[Source, Ints], part: Ints, excluded: Sequence[Exclusion]) -> Single:
    """(rows, cells) cumulative weights."""
    logits = np.empty((len(part), step.base.size), dtype=np.float32)
    if step.lookups:
        np.take(step.lookups[0].table, step.lookups[0].codes(known), axis=0, out=logits, mode="clip")
        for lookup in step.lookups[1:]:
            logits += lookup.table.take(lookup.codes(known), axis=0, mode="clip")
        logits += step.base
    else:
        logits[:] = step.base
    for exclusion in excluded:
        logits += np.where(exclusion.allowed(part), np.float32(0), NEVER)
    if excluded or not step.safe:
        logits -= logits.max(axis=1, keepdims=True)
    ends: Single = np.exp(logits, out=logits).cumsum(axis=1)
    return ends


def _drawn(ends: Single, rng: np.random.Generator) -> Ints:
    uniform = rng.random(len(ends), dtype=np.float32) * ends[:, -1]
    ends[:, -1] = np.inf
    found: Ints = (ends > uniform[:, None]).argmax(axis=1)
    return found


def _lookup(link: "Link", codings: Sequence[Coding]) -> Lookup:
    sources: list[Source] = [(link.column, link.fine)]
    if link.beside is not None:
        sources.append((link.beside, False))
    sizes = tuple(codings[at].fine_cells if fine else codings[at].coarse_cells for at, fine in sources)
    return Lookup(tuple(sources), sizes, link.theta)


def _merged(lookups: list[Lookup]) -> tuple[Lookup, ...]:
    """Greedily, the smallest first, which leaves the fewest."""
    found: list[Lookup] = []
    for lookup in sorted(lookups, key=lambda each: len(each.table)):
        if found and len(found[-1].table) * lookup.table.size <= JOINED:
            found[-1] = found[-1].joined(lookup)
        else:
            found.append(lookup)
    return tuple(found)


def _safe(base: Single, lookups: Sequence[Lookup]) -> bool:
    highest = float(base.max()) + sum(float(lookup.table.max()) for lookup in lookups)
    lowest = float((base + sum(lookup.table.min(axis=0) for lookup in lookups)).max())
    return highest < SAFE and lowest > -SAFE
