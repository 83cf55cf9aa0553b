"""New entities and when their rows happen: first time, pace and level drawn by trees, then one gap after the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generators.arrays import Ints
from generators.sequences.conditional import Conditional, conditional
from generators.sequences.history import SPANS, spans
from generators.sequences.layout import Layout
from generators.trees.coding import Codes, codes_of_span
from generators.trees.growing import Growth, Kind, grown
from generators.trees.model import Chain
from generators.trees.tree import Tree

LISTED = 1_000_000
"""Positions of a domain that are shuffled as a whole."""
MOST_ROWS = 20_000
"""Rows of one entity at most, so that a pace of nothing ends."""


@dataclass(frozen=True, slots=True)
class Feature:
    """An input of a tree that is no column."""

    size: int
    ordered: bool = True


@dataclass(frozen=True, slots=True)
class Levels:
    """What is known of entities: ``codes`` of pace and medians, and for each ordered attribute (its ``places`` among
    the attributes) the position of its median.
    """

    codes: list[Ints]
    places: tuple[int, ...]
    centres: list[Ints]


def joined(parts: Sequence[Levels]) -> Levels:
    """The levels of entities that were drawn in turn."""
    codes = [np.concatenate(column) for column in zip(*(part.codes for part in parts), strict=True)]
    centres = [np.concatenate(column) for column in zip(*(part.centres for part in parts), strict=True)]
    return Levels(codes, parts[0].places, centres)


@dataclass(frozen=True, slots=True)
class Entities:
    """``chain``: first time, mean gap (missing after a single row) and the median of each ordered attribute; ``gaps``:
    the time from one row to the next, of an entity that has one. ``listing``: the positions that entities may have
    where they are keys of another table and not the privacy unit; else any of their domain will do, and it is empty.
    """

    chain: Chain
    gaps: Conditional
    mean_rows: float
    listing: Ints

    def named(self, count: int, size: int, rng: np.random.Generator) -> Ints:
        """Positions of ``count`` new entities in a domain of ``size``: distinct as long as there are enough."""
        if self.listing.size:
            return rng.permutation(self.listing)[np.arange(count) % self.listing.size]
        if size <= LISTED or size <= 4 * count:
            return rng.permutation(size)[np.arange(count) % size]
        found = np.zeros(0, dtype=np.int64)
        while found.size < count:
            found = np.unique(np.concatenate([found, rng.integers(0, size, count)]))
        return rng.permutation(found)[:count]

    def drawn(self, count: int, layout: Layout, rng: np.random.Generator) -> tuple[Ints, Ints, Levels]:
        """Entity and time of each row of ``count`` new entities, by entity; and the entities' levels."""
        facts = self.chain.drawn(count, rng)
        codes = [own.encoded(facts[:, place]) for place, own in enumerate(self.chain.codes)][1:]
        levels = Levels(codes, layout.measured, [*facts[:, 2:].T])
        end = layout.grids[layout.time].size
        who, now, gap = np.arange(count), facts[:, 0], np.zeros(count, dtype=np.int64)
        found = [(who, now)]
        who = who[facts[:, 1] < end]
        now, gap = now[who], gap[who]
        for _ in range(MOST_ROWS):
            if not who.size:
                break
            inputs = _rhythm([level[who] for level in levels.codes], gap, now, layout)
            gap = self.gaps.codes.decoded(self.gaps.drawn(inputs, rng), rng)
            now = now + gap
            going = now < end
            who, now, gap = who[going], now[going], gap[going]
            found.append((who, now))
        whose, when = (np.concatenate([part[side] for part in found]) for side in (0, 1))
        return whose, when, levels


def entities_of(
    entity: Ints, time: Ints, columns: Sequence[Ints], layout: Layout, listing: Ints, seed: int, leaf: int
) -> tuple[Entities, Levels]:
    """From rows by entity and time, and the positions of their measured attributes; and each entity's levels."""
    starts = np.flatnonzero(np.diff(entity, prepend=-1))
    count = np.diff(np.append(starts, entity.size))
    end = layout.grids[layout.time].size
    lasting = time[starts + count - 1] - time[starts]
    mean = np.where(count > 1, lasting // np.maximum(count - 1, 1), end)
    medians = [_medians(column, entity) for column in columns]
    sizes = [end, end, *(int(column.max()) + 1 for column in columns)]
    chain, coded = _chain([time[starts], mean, *medians], sizes, Growth(max(20, 2 * leaf)), seed)
    later = np.flatnonzero(np.diff(entity, prepend=-1) == 0)
    gap = np.diff(time, prepend=0)
    before = np.where(np.isin(later - 1, starts), 0, gap[later - 1])
    codes = codes_of_span(gap[later], end)
    if not later.size:
        codes = codes_of_span(np.array([end - 1]), end)
    inputs = _rhythm([level[entity[later]] for level in coded[1:]], before, time[later - 1], layout)
    kinds: list[Kind] = [*chain.codes[1:], *(Feature(size) for size in (SPANS, 24, 7))]
    response = codes.encoded(gap[later])
    gaps = (
        conditional(response, codes, inputs, kinds, seed, leaf, branched=False)
        if later.size
        else conditional(np.zeros(1, np.int64), codes, [np.zeros(1, np.int64)] * len(kinds), kinds, seed, leaf, False)
    )
    levels = Levels(coded[1:], layout.measured, medians)
    return Entities(chain, gaps, entity.size / starts.size, listing if layout.listed else listing[:0]), levels


def _rhythm(levels: list[Ints], gap: Ints, time: Ints, layout: Layout) -> list[Ints]:
    hour, weekday = layout.clock(time)
    return [*levels, spans((gap * (layout.seconds / 60)).astype(np.float64)), hour, weekday]


def _medians(column: Ints, entity: Ints) -> Ints:
    """The lower median of each entity's positions."""
    order = np.lexsort((column, entity))
    starts = np.flatnonzero(np.diff(entity, prepend=-1))
    count = np.diff(np.append(starts, entity.size))
    return np.asarray(column[order][starts + (count - 1) // 2], dtype=np.int64)


def _chain(columns: Sequence[Ints], sizes: Sequence[int], growth: Growth, seed: int) -> tuple[Chain, list[Ints]]:
    codes: list[Codes] = []
    coded: list[Ints] = []
    trees: list[tuple[Tree, ...]] = []
    for place, (column, size) in enumerate(zip(columns, sizes, strict=True)):
        codes.append(codes_of_span(column, size))
        coded.append(codes[-1].encoded(column))
        kinds: list[Kind] = [*codes[:-1]]
        trees.append((grown(coded[-1], codes[-1], coded[:-1], kinds, growth, seed + place),))
    branch = np.zeros(codes[0].size, dtype=np.int64)
    return Chain(tuple(range(len(columns))), tuple(codes), branch, tuple(trees)), coded
