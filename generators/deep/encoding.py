"""Grid positions as cells, one categorical variable a column, and back: what every deep family learns and draws.

Two levels of quantiles. A *piece* is one value that enough rows hold, or a run of neighbouring rarer ones; a *cell* is
a run of pieces, of which a column has a few dozen. Networks see cells (one-hot); a drawn cell becomes a position by
drawing a piece by its share of the cell and a place in it uniformly. So integers and floats keep the grid's resolution,
spikes stay spikes, a missing value is a cell of its own, rare categories share one, and no value that fewer than
``least`` rows hold is reproduced from a list, but for categories.

``learnt`` reads the rows (empirical claims only); ``public`` reads none. Plain numpy: tensors begin at the cells.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from generators.arrays import Floats, Ints
from generators.domains.assembly import Assembly
from generators.domains.grid import Grid
from generators.preparing import Prepared
from schemas.errors import ArtefactError

CELLS = 64
"""At most about so many cells a column."""
LEAST = 10
"""Rows that a piece stands for, in a table of 2,000 rows or more."""
NAMES = ("starts", "widths", "shares", "cells")


@dataclass(frozen=True, slots=True)
class Pieces:
    """One column: pieces by ascending position, all arrays of one length.

    ``starts``, ``widths``: the positions of a piece; ``cells``: its cell; ``shares``: its share of the rows (in a
    public encoding equal ones).
    """

    starts: Ints
    widths: Ints
    shares: Floats
    cells: Ints

    @property
    def size(self) -> int:
        """The number of cells."""
        return int(self.cells.max()) + 1

    def cell_of(self, positions: Ints) -> Ints:
        """The cell of each position, the nearest lower one where it lies in none."""
        piece = np.searchsorted(self.starts, positions, side="right") - 1
        cells: Ints = self.cells[np.maximum(piece, 0)]
        return cells

    def drawn(self, cells: Ints, rng: np.random.Generator) -> Ints:
        """A position in each of ``cells``."""
        order = np.argsort(self.cells, kind="stable")
        ends = np.cumsum(np.bincount(self.cells, minlength=self.size))
        total = np.cumsum(self.shares[order])
        before = np.concatenate([[0.0], total[ends[:-1] - 1]])
        wanted = before[cells] + rng.random(cells.size) * (total[ends - 1] - before)[cells]
        first = np.concatenate([[0], ends[:-1]])
        found = np.clip(np.searchsorted(total, wanted, side="right"), first[cells], ends[cells] - 1)
        piece = order[found]
        width = self.widths[piece]
        inside = np.minimum((rng.random(cells.size) * width).astype(np.int64), width - 1)
        positions: Ints = self.starts[piece] + inside
        return positions


@dataclass(frozen=True, slots=True)
class Encoding:
    """All free columns of an assembly, in its order."""

    columns: tuple[Pieces, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many cells each column has."""
        return tuple(column.size for column in self.columns)

    def cells(self, positions: Ints) -> Ints:
        """(rows, columns) cells of (rows, columns) positions."""
        found = [column.cell_of(positions[:, place]) for place, column in enumerate(self.columns)]
        return np.stack(found, axis=1) if found else np.zeros((len(positions), 0), dtype=np.int64)

    def positions(self, cells: Ints, rng: np.random.Generator) -> Ints:
        """(rows, columns) positions drawn in (rows, columns) cells."""
        found = [column.drawn(cells[:, place], rng) for place, column in enumerate(self.columns)]
        return np.stack(found, axis=1) if found else np.zeros((len(cells), 0), dtype=np.int64)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """For the container: all columns' pieces end to end, and how many each has."""
        lengths = np.array([column.starts.size for column in self.columns], dtype=np.int64)
        joined = {name: [getattr(column, name) for column in self.columns] for name in NAMES}
        found: dict[str, npt.NDArray[Any]] = {"pieces": lengths}
        for name, parts in joined.items():
            found[f"pieces.{name}"] = np.concatenate(parts) if parts else np.zeros(0)
        return found


def learnt(ready: Prepared, most: int = CELLS) -> Encoding:
    """Pieces and cells by the rows' own quantiles: about ``most`` cells a column. For empirical claims only."""
    grids = [ready.assembly.grids[name] for name in ready.assembly.free]
    return Encoding(
        tuple(_learnt(grid, ready.positions[:, place], most) for place, grid in enumerate(grids)),
    )


def public(assembly: Assembly, most: int = CELLS) -> Encoding:
    """Pieces of equal width, from the public grids alone."""
    return Encoding(tuple(_public(assembly.grids[name], most) for name in assembly.free))


def restored(arrays: Mapping[str, npt.NDArray[Any]], assembly: Assembly) -> Encoding:
    """What ``arrays`` wrote, checked against the grids; raises ``ArtefactError``."""
    try:
        lengths = arrays["pieces"]
        cuts = np.cumsum(lengths)[:-1]
        parts = {name: np.split(arrays[f"pieces.{name}"], cuts) for name in NAMES}
        columns = tuple(Pieces(*(parts[name][place] for name in NAMES)) for place in range(len(assembly.free)))
        sound = len(lengths) == len(columns) and all(
            _sound(column, assembly.grids[name]) for column, name in zip(columns, assembly.free, strict=True)
        )
    except (KeyError, ValueError, IndexError, TypeError):
        sound = False
    if not sound:
        raise ArtefactError("the model's cells do not fit the contract")
    return Encoding(columns)


def _sound(pieces: Pieces, grid: Grid) -> bool:
    if not pieces.starts.size or pieces.starts.dtype != np.int64 or pieces.cells.dtype != np.int64:
        return False
    inside = pieces.starts.min() >= 0 and pieces.widths.min() >= 1
    ends = pieces.starts + pieces.widths
    filled = np.unique(pieces.cells).size == pieces.size and pieces.cells.min() == 0
    return bool(inside and (ends <= grid.size + 1).all() and filled and (pieces.shares >= 0).all())


def _learnt(grid: Grid, positions: Ints, most: int) -> Pieces:
    missing = int((positions >= grid.size).sum())
    values, counts = np.unique(positions[positions < grid.size], return_counts=True)
    if not values.size:
        return _with_missing(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64), grid, 1)
    least = int(np.clip(len(positions) // 200, 1, LEAST))
    starts, widths, mass = _pieces(values, counts, least) if grid.ordered else (values, np.ones_like(values), counts)
    cells = _quantiles(mass, most) if grid.ordered else _commonest(mass, most)
    return _with_missing(starts, widths, mass.astype(np.float64), cells, grid, missing)


def _pieces(values: Ints, counts: Ints, least: int) -> tuple[Ints, Ints, Ints]:
    """Values that ``least`` rows hold, and between them runs of rarer ones that hold as many together."""
    run = _runs(counts, float(least))
    first = np.flatnonzero(np.diff(run, prepend=-1))
    last = np.append(first[1:], run.size) - 1
    alone = (first == last) & (counts[first] >= least)
    ends = values[last] + 1
    starts = np.where(alone, values[first], np.concatenate([values[:1], ends[:-1]]))
    return starts, ends - starts, np.add.reduceat(counts, first)


def _quantiles(mass: Ints, most: int) -> Ints:
    """Cells of about equal mass; pieces that are heavier than that have a cell of their own."""
    if mass.size <= most:
        return np.arange(mass.size)
    heavy = np.zeros(mass.size, dtype=bool)
    for _ in range(most):
        size = float(mass[~heavy].sum()) / max(1, most - int(heavy.sum()))
        more = mass >= size
        if not (more & ~heavy).any() or int(heavy.sum()) >= most // 2:
            break
        heavy |= more
    return _runs(mass, size)


def _runs(mass: Ints, size: float) -> Ints:
    """A number for each item: items of ``size`` or more stand alone, neighbouring lighter ones share up to it."""
    heavy = mass >= size
    light = np.where(heavy, 0, mass)
    block = np.cumsum(heavy) * 2 - heavy
    chunk = np.floor((np.cumsum(light) - light) / size)
    changed = (np.diff(block, prepend=-1) != 0) | (np.diff(chunk, prepend=-1) != 0)
    return np.cumsum(changed) - 1


def _commonest(mass: Ints, most: int) -> Ints:
    """The commonest categories have cells of their own, the others share one."""
    if mass.size <= most:
        return np.arange(mass.size)
    cells = np.full(mass.size, most - 1)
    cells[np.sort(np.argsort(-mass, kind="stable")[: most - 1])] = np.arange(most - 1)
    return cells


def _with_missing(starts: Ints, widths: Ints, mass: Floats, cells: Ints, grid: Grid, missing: int) -> Pieces:
    if missing:
        starts, widths = np.append(starts, grid.size), np.append(widths, 1)
        mass, cells = np.append(mass, float(missing)), np.append(cells, cells.max(initial=-1) + 1)
    return Pieces(starts, widths, mass / mass.sum(), cells)


def _public(grid: Grid, most: int) -> Pieces:
    bins = min(grid.size, most)
    edges = np.arange(bins + 1) * grid.size // bins if grid.ordered else np.append(np.arange(bins), grid.size)
    starts, widths = edges[:-1].astype(np.int64), np.diff(edges).astype(np.int64)
    return _with_missing(starts, widths, np.ones(bins), np.arange(bins), grid, int(grid.nullable))
