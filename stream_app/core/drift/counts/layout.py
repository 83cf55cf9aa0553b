"""Which cells of a table are counted, and where each stands in one flat vector of integers.

Four sections follow each other: fine marginals of every column; joint tables of pairs of columns on coarse levels;
tables of the triples that the contract declares, on the same levels; and for every value of a subgroup column the
coarse marginals of all columns among its rows. Counts of disjoint rows add up, whatever the order.

Pairs and triples are most of the cells and each is rarely seen, so that they are counted over several blocks together:
their counts stand in the last of these, and in the others are none.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.counts import MOST_PAIRED
from stream_app.core.drift.coding.bins import NEW, ColumnBins
from stream_app.core.drift.counts.lanes import Lanes, lanes_of

Integers = npt.NDArray[np.int64]
Levels = npt.NDArray[np.uint8]

LEVELS = 6
"""Coarse levels of a column's present cells; coarse code 0 stands for missing and new."""

MOST_GROUPS = 128
_FEWEST_IN_GROUP = 200
_LEVEL_SHARE = 0.04


class Section(NamedTuple):
    """The cells from ``first`` up to ``stop``, which are counted over so many ``blocks`` together."""

    first: int
    stop: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Subgroup:
    """The groups of one column: ``groups`` (codes,) maps a code to its group, from 1; 0 is in no group."""

    column: int
    number: int
    groups: Levels


@dataclass(frozen=True)
class Layout:
    """``sizes`` codes of each column; ``coarse`` (columns, codes) their coarse codes, below ``coarse_sizes``.

    ``pair_blocks`` are the blocks over which pairs and triples are counted together.
    """

    sizes: tuple[int, ...]
    coarse: Levels
    coarse_sizes: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    triples: tuple[tuple[int, int, int], ...]
    subgroups: tuple[Subgroup, ...]
    pair_blocks: int = 1

    @cached_property
    def fine(self) -> Integers:
        """(columns + 1,) first cell of each column's marginal."""
        found: Integers = np.cumsum([0, *self.sizes], dtype=np.int64)
        return found

    @cached_property
    def joint(self) -> Integers:
        """(pairs + 1,) first cell of each pair's table, the right column's code running fastest."""
        cells = [self.coarse_sizes[left] * self.coarse_sizes[right] for left, right in self.pairs]
        found: Integers = self.fine[-1] + np.cumsum([0, *cells], dtype=np.int64)
        return found

    @cached_property
    def cubes(self) -> Integers:
        """(triples + 1,) first cell of each triple's table, the last column's code running fastest."""
        cells = [int(np.prod([self.coarse_sizes[place] for place in triple])) for triple in self.triples]
        found: Integers = self.joint[-1] + np.cumsum([0, *cells], dtype=np.int64)
        return found

    @cached_property
    def inner(self) -> Integers:
        """(columns + 1,) first cell of each column's coarse marginal within the cells of one group."""
        found: Integers = np.cumsum([0, *self.coarse_sizes], dtype=np.int64)
        return found

    @cached_property
    def grouped(self) -> Integers:
        """(subgroups + 1,) first cell of each subgroup column; group 0 comes first."""
        width = int(self.inner[-1])
        cells = [(subgroup.number + 1) * width for subgroup in self.subgroups]
        found: Integers = self.cubes[-1] + np.cumsum([0, *cells], dtype=np.int64)
        return found

    @cached_property
    def paired(self) -> Section:
        """The cells of all pairs and triples."""
        return Section(int(self.joint[0]), int(self.cubes[-1]), self.pair_blocks)

    @cached_property
    def lanes(self) -> Lanes | None:
        """How compiled code counts the layout by bits, if it can."""
        return lanes_of(self)

    @property
    def cells(self) -> int:
        """The length of the vector of counts."""
        return int(self.grouped[-1])

    def group_cells(self, subgroup: int, group: int, column: int) -> slice:
        """The coarse marginal of a column among the rows of one group."""
        first = int(self.grouped[subgroup] + group * self.inner[-1])
        return slice(first + int(self.inner[column]), first + int(self.inner[column + 1]))

    def pair_cells(self, pair: int) -> slice:
        return slice(int(self.joint[pair]), int(self.joint[pair + 1]))

    def column_cells(self, column: int) -> slice:
        """The fine marginal: missing, new, then the bins."""
        return slice(int(self.fine[column]), int(self.fine[column + 1]))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that says what a cell counts."""
        named = self.sizes, self.coarse_sizes, self.pairs, self.triples, self.pair_blocks
        parts = hashlib.sha256(repr(named).encode())
        parts.update(np.ascontiguousarray(self.coarse).tobytes())
        for subgroup in self.subgroups:
            parts.update(repr((subgroup.column, subgroup.number)).encode() + subgroup.groups.tobytes())
        return parts.hexdigest()


def lay_out(
    marginals: list[Integers],
    bins: tuple[ColumnBins, ...],
    subgroups: tuple[int, ...],
    triples: tuple[tuple[int, int, int], ...] = (),
    first: tuple[int, ...] = (),
    levels: tuple[tuple[int, ...], ...] | None = None,
    alone: int | None = None,
) -> Layout:
    """The layout for columns with these reference counts; ``first`` and subgroups are paired before other columns,
    column ``alone`` with none.

    ``levels`` are the coarse codes of each column where they are public, and then no reference decides on them.
    """
    coarse = np.zeros((len(bins), 256), dtype=np.uint8)
    for place, column in enumerate(bins):
        coarse[place, : column.size] = _levels(marginals[place], column) if levels is None else levels[place]
    others = [place for place in dict.fromkeys([*first, *subgroups, *range(len(bins))]) if place != alone]
    paired = sorted(others[:MOST_PAIRED])
    return Layout(
        tuple(column.size for column in bins),
        coarse,
        tuple(int(row.max()) + 1 for row in coarse),
        tuple(combinations(paired, 2)),
        triples,
        tuple(_subgroup(place, marginals[place], bins[place], coarse[place]) for place in subgroups),
    )


def _levels(counts: Integers, column: ColumnBins) -> Levels:
    """(codes,) Numbers: neighbouring bins merged to about equal shares. Categories: the frequent, then the rest."""
    found = np.zeros(column.size, dtype=np.uint8)
    present = counts[2:]
    if not present.sum():
        found[2:] = 1
    elif column.kind == "numeric":
        middle = (np.cumsum(present) - present / 2) / present.sum()
        levels = np.minimum((middle * LEVELS).astype(np.int64), LEVELS - 1)
        found[2:] = 1 + np.unique(levels, return_inverse=True)[1]
    else:
        order = np.argsort(-present, kind="stable")
        own = [place for place in order[: LEVELS - 1] if present[place] >= _LEVEL_SHARE * present.sum()]
        found[2:] = len(own) + 1
        found[2 + np.asarray(own, dtype=np.int64)] = 1 + np.arange(len(own))
    found[: NEW + 1] = 0
    return found


def _subgroup(place: int, counts: Integers, column: ColumnBins, coarse: Levels) -> Subgroup:
    """Every value with enough rows is a group, the most frequent first; of numbers the coarse levels are."""
    groups = np.zeros(256, dtype=np.uint8)
    if column.kind == "numeric":
        return Subgroup(place, int(coarse.max()), coarse)
    present = counts[2 : 2 + len(column.values)]
    order = [int(code) for code in np.argsort(-present, kind="stable") if present[code] >= _FEWEST_IN_GROUP]
    kept = order[:MOST_GROUPS]
    groups[2 + np.asarray(kept, dtype=np.int64)] = 1 + np.arange(len(kept))
    return Subgroup(place, len(kept), groups)
