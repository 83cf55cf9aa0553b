"""Counts on the cells of a fitted coding: bins and levels of a layout, joined."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.domains.grid import Grid
from generators.marginals.coding import Coding
from generators.marginals.triples import Triple
from schemas.cells import typed
from schemas.column_bins import MISSING, NEW, ColumnBins, as_numbers, as_texts
from schemas.counts import CountLayout, TableCounts
from schemas.errors import ContractError
from schemas.table import OTHER

NOWHERE = -1
"""The cell of codes that a column cannot have by its contract: their rows are left out of its tables."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The grid positions [low, high) of each code of a column's bins; -1 for codes without one."""

    low: Ints
    high: Ints


class CellCounts:
    """One-ways and joint tables on the fine or coarse cells of the free columns' ``codings``.

    Raises ``ContractError`` where the layout's levels cut across the codings' cells.
    """

    def __init__(self, counts: TableCounts, assembly: Assembly, codings: Sequence[Coding]) -> None:
        self._counts, self._codings = counts.cut, codings
        layout = counts.layout
        self._places = [place_of(layout, name) for name in assembly.free]
        self._of_code: list[Ints] = []
        self._of_level: list[Ints] = []
        for name, place, coding in zip(assembly.free, self._places, codings, strict=True):
            cells = _cells_of_codes(layout.bins[place], assembly.grids[name], coding)
            self._of_code.append(cells)
            self._of_level.append(_cells_of_levels(cells, layout.levels[place], name))
        self._pairs = {pair: number for number, pair in enumerate(layout.pairs)}
        self._triples = {frozenset(triple): number for number, triple in enumerate(layout.triples)}

    def has(self, left: int, right: int) -> bool:
        """Whether the pair of free columns is counted."""
        return tuple(sorted((self._places[left], self._places[right]))) in self._pairs

    def one_way(self, column: int) -> Ints:
        """(fine cells,) of a free column."""
        cells, counts = self._of_code[column], self._counts.marginals[self._places[column]]
        return _gathered(counts, cells, self._codings[column].fine_cells)

    def pair(self, left: int, right: int, left_fine: bool, right_fine: bool) -> Ints:
        """(cells, cells) of two free columns."""
        one, two = self._places[left], self._places[right]
        table = self._counts.pairs[self._pairs[min(one, two), max(one, two)]]
        table = table if one < two else table.T
        rows = _gathered(table, *self._map(left, left_fine))
        return _gathered(rows.T, *self._map(right, right_fine)).T

    def has_triple(self, columns: Triple) -> bool:
        """Whether the three free columns are counted together."""
        return frozenset(self._places[column] for column in columns) in self._triples

    def triple(self, *columns: int) -> Ints:
        """(coarse cells, coarse cells, coarse cells) of three free columns, in the order that is asked for."""
        places = [self._places[column] for column in columns]
        number = self._triples[frozenset(places)]
        counted = self._counts.layout.triples[number]
        table = self._counts.triples[number].transpose([counted.index(place) for place in places])
        for axis, column in enumerate(columns):
            table = np.moveaxis(_gathered(np.moveaxis(table, axis, 0), *self._map(column, False)), 0, axis)
        return table

    def _map(self, column: int, fine: bool) -> tuple[Ints, int]:
        cells, coding = self._of_level[column], self._codings[column]
        if fine:
            return cells, coding.fine_cells
        return np.where(cells >= 0, coding.coarse[cells], NOWHERE), coding.coarse_cells


def place_of(layout: CountLayout, name: str) -> int:
    """Where the layout has the column; raises ``ContractError`` where it lacks it."""
    if name not in layout.names:
        raise ContractError(f"the counts lack a column that is modelled: {name}")
    return layout.names.index(name)


def triples_of(layout: CountLayout, assembly: Assembly) -> tuple[Triple, ...]:
    """The triples of three free columns that are counted, each once, by their places among these."""
    place_in = {layout.names.index(name): place for place, name in enumerate(assembly.free) if name in layout.names}
    found = {
        frozenset(triple): (place_in[triple[0]], place_in[triple[1]], place_in[triple[2]])
        for triple in layout.triples
        if set(triple) <= set(place_in) and len(set(triple)) == len(triple)
    }
    return tuple(found.values())


def stretch_of(bins: ColumnBins, grid: Grid) -> Stretch:
    """Where each code lies on the column's grid; missing is the grid's size where the column may be missing.

    Values beyond a range belong to its ends, a value that no category stands for to ``other`` or else to missing.
    """
    starts = _starts(bins, grid)
    low = np.concatenate([[NOWHERE, NOWHERE], np.minimum(starts, grid.size - 1)])
    high = np.concatenate([[NOWHERE, NOWHERE], np.maximum(np.append(starts[1:], grid.size), low[2:] + 1)])
    if grid.nullable:
        low[[MISSING, NEW]], high[[MISSING, NEW]] = grid.size, grid.size + 1
    other = _other(grid)
    if other is not None:
        low[NEW], high[NEW] = other, other + 1
    return Stretch(low, high)


def _starts(bins: ColumnBins, grid: Grid) -> Ints:
    """The first grid position of each bin; categories are in the order of the contract."""
    if bins.kind == "categorical":
        positions = _positions(bins, grid)
        if (positions != np.arange(positions.size)).any() or positions.size != grid.size:
            raise ContractError(f"the counts of {bins.name} are not on its contract's values, in their order")
        return positions[: bins.size - 2]
    edges = np.asarray(bins.edges, dtype=np.float64)
    if grid.labels is not None:
        numbers = as_numbers(typed(grid.labels, bins.type)[0], bins.type)
        return np.append(0, np.searchsorted(numbers, edges)).astype(np.int64)
    inner = np.ceil((edges - grid.lower) / grid.resolution - 1e-6).astype(np.int64)
    return np.append(0, np.clip(inner, 0, grid.size))


def _positions(bins: ColumnBins, grid: Grid) -> Ints:
    """The grid position of every category, those of the rest last."""
    assert grid.labels is not None
    known = {str(text): place for place, text in enumerate(as_texts(grid.labels, bins.type))}
    if any(text not in known for text in (*bins.values, *bins.rest)):
        raise ContractError(f"the counts of {bins.name} are on values that its contract does not have")
    return np.array([known[text] for text in (*bins.values, *bins.rest)], dtype=np.int64)


def _other(grid: Grid) -> int | None:
    if grid.labels is None or grid.column.type != "string":
        return None
    domain = grid.column.domain
    if domain is None or domain.kind != "categories" or not domain.other:
        return None
    return int(np.flatnonzero((grid.labels == OTHER).to_numpy(dtype=bool))[0])


def _cells_of_codes(bins: ColumnBins, grid: Grid, coding: Coding) -> Ints:
    """(codes,) the fine cell of each code."""
    if bins.kind == "categorical":
        cells = coding.encode(_positions(bins, grid))
        rest = cells[len(bins.values) :]
        absent = coding.encode(np.array([grid.size]))[0] if grid.nullable else NOWHERE
        other = _other(grid)
        new = absent if other is None else coding.encode(np.array([other]))[0]
        first, last = np.concatenate([[absent, new], cells[: bins.size - 2]]), rest
        split = bool((last != last[:1]).any())
    else:
        stretch = stretch_of(bins, grid)
        inside = stretch.low >= 0
        first, last = (coding.encode(np.maximum(ends, 0)) for ends in (stretch.low, stretch.high - 1))
        split = bool((first[inside] != last[inside]).any())
        first = np.where(inside, first, NOWHERE)
    if split:
        raise ContractError(f"the bins of {bins.name} cut across the cells of the release that was made before")
    return first.astype(np.int64)


def _cells_of_levels(cells: Ints, levels: tuple[int, ...], name: str) -> Ints:
    """(levels,) the one cell of each level's codes; codes that cannot occur do not count."""
    of = np.asarray(levels, dtype=np.int64)
    found = np.full(int(of.max()) + 1, NOWHERE, dtype=np.int64)
    inside = cells >= 0
    found[of[inside]] = cells[inside]
    if (found[of[inside]] != cells[inside]).any():
        raise ContractError(f"the levels of {name} cut across the cells of the release that was made before")
    return found


def _gathered(table: Ints, cells: Ints, count: int) -> Ints:
    """The sums of the table's rows in each cell; rows of no cell are left out."""
    found = np.zeros((count, *table.shape[1:]), dtype=np.int64)
    inside = cells >= 0
    np.add.at(found, cells[inside], table[inside])
    return found
