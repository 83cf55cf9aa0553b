"""The layout that a release has paid for: its cells are public, so the next rows may be counted on them."""

import numpy as np

from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.domains.grid import Grid
from generators.marginals.coding import Coding
from schemas.column_bins import ColumnBins, as_numbers, as_texts
from schemas.contract import Contract
from schemas.counts import CountLayout, declared_triples, paired
from schemas.public_bins import MOST_BINS, Lattice


def paid_layout(codings: tuple[Coding, ...], assembly: Assembly, contract: Contract) -> CountLayout:
    """Bins and levels of the free columns are the codings' fine cells; derived columns need no counting."""
    found = [_column(assembly.grids[name], coding) for name, coding in zip(assembly.free, codings, strict=True)]
    names = list(assembly.free)
    return CountLayout(
        tuple(bins for bins, _ in found),
        tuple(levels for _, levels in found),
        paired(names, contract),
        declared_triples(names, contract),
    )


def _column(grid: Grid, coding: Coding) -> tuple[ColumnBins, tuple[int, ...]]:
    """Level 0 is for codes that the contract excludes; a cell's level is one more than its number."""
    missing = int(coding.encode(np.array([grid.size]))[0]) + 1 if grid.nullable else 0
    if grid.labels is not None and not grid.ordered:
        return _categories(grid, coding, missing)
    cells = coding.encode(np.arange(grid.size)) if grid.size <= 2**20 else None
    starts = _runs(coding, grid.size) if cells is None else np.flatnonzero(np.diff(cells, prepend=-1))
    levels = (coding.encode(starts) + 1).tolist()
    name, kind = grid.column.name, grid.column.type
    if grid.labels is not None:
        numbers = as_numbers(grid.labels, kind)
        edges = tuple(float(edge) for edge in (numbers[starts[1:]] + numbers[starts[1:] - 1]) / 2)
        return ColumnBins(name, kind, "numeric", edges=edges), (missing, missing, *levels)
    lattice = Lattice(grid.lower, grid.resolution, grid.size)
    edges = tuple(lattice.edge(int(start)) for start in (*starts, grid.size))
    return ColumnBins(name, kind, "numeric", edges=edges), (missing, missing, levels[0], *levels, levels[-1])


def _runs(coding: Coding, size: int) -> Ints:
    """Where the cell changes, from leaf to leaf."""
    inside = coding.low < size
    return coding.low[inside][np.flatnonzero(np.diff(coding.cell[inside], prepend=-1))]


def _categories(grid: Grid, coding: Coding, missing: int) -> tuple[ColumnBins, tuple[int, ...]]:
    """Of more values than a column may have bins, those of the commonest cell share one."""
    assert grid.labels is not None
    texts = np.array([str(text) for text in as_texts(grid.labels, grid.column.type)], dtype=object)
    cells = coding.encode(np.arange(grid.size))
    shared = np.zeros(grid.size, dtype=bool)
    if grid.size > MOST_BINS:
        shared = cells == np.bincount(cells).argmax()
    order = np.concatenate([np.flatnonzero(~shared), np.flatnonzero(shared)])
    kept = int((~shared).sum())
    domain, other = grid.column.domain, missing
    if domain is not None and domain.kind == "categories" and domain.other and grid.column.type == "string":
        other = int(cells[texts.tolist().index("other")]) + 1
    values, rest = tuple(texts[order[:kept]].tolist()), tuple(texts[order[kept:]].tolist())
    bins = ColumnBins(grid.column.name, grid.column.type, "categorical", values=values, rest=rest)
    own = (cells[order[: bins.size - 2]] + 1).tolist()
    return bins, (missing, other, *own)
