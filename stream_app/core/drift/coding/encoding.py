"""Whole columns of cells as bin codes: numbers by a grid over the edges, words by one look-up per distinct word.

A grid cell is a non-decreasing function of a number, so edges of lower cells are not above the number, edges of higher
cells are, and only the few edges of its own cell are compared, by halving. Compiled by numba where that is installed
(extra ``fast``) and loaded, or the columns are many cells; numpy gives the same codes.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from schemas.contiguous import contiguous
from stream_app.core.drift.coding.bins import MISSING, NEW, Codes, ColumnBins, as_numbers, as_texts
from stream_app.core.drift.coding.cells import Cells, Columns, Floats, Indices, Numbers

if TYPE_CHECKING:
    import pandas as pd

Path = Literal["numpy", "numba"]
LARGE = 20_000_000
"""Cells at once from which loading compiled code costs less than it saves."""
GRID = 512
TRIMMED = (0, 3, 7)
"""Edges that the grid's range may leave out at either end, where long tails would leave the middle to few cells."""
REMEMBERED = 2_048
"""Words of a column whose parsed codes are kept, such as dates that arrive as text."""
SHORT, TABLES = 256, 16
"""Words at most of the tables of codes that are kept, and how many of them."""


class Grid(NamedTuple):
    """Where in sorted ``edges`` (padded with infinity) a number belongs: from ``first`` of its grid cell onwards.

    The cell is ``(number - low) * scale``, held inside the grid; ``stride`` is the first step of the halving.
    Numbers outside ``lower`` and ``upper`` are new.
    """

    edges: Floats
    first: np.ndarray[Any, np.dtype[np.intp]]
    low: float
    scale: float
    stride: int
    lower: float
    upper: float


def grid(bins: ColumnBins) -> Grid:
    """Of several ranges the one whose fullest cell has the fewest edges."""
    edges = np.asarray([edge for edge in bins.edges if edge == edge], dtype="float64")
    finite = edges[np.isfinite(edges)]
    ranges = [(finite[cut], finite[-1 - cut]) for cut in TRIMMED if 2 * cut < len(finite)] or [(0.0, 0.0)]
    found = [(*_laid(edges, float(low), float(high)), float(low)) for low, high in ranges]
    counts, scale, low = min(found, key=lambda one: int(one[0].max()))
    stride = 1
    while 2 * stride - 1 < counts.max():
        stride *= 2
    bounded = bins.lower is not None and bins.upper is not None
    return Grid(
        np.concatenate((edges, np.full(2 * stride, np.inf))),
        np.cumsum(counts) - counts,
        low,
        scale,
        stride,
        float(bins.lower) if bounded and bins.lower is not None else -np.inf,
        float(bins.upper) if bounded and bins.upper is not None else np.inf,
    )


def _laid(edges: Floats, low: float, high: float) -> "tuple[np.ndarray[Any, np.dtype[np.intp]], float]":
    """Edges in each cell of a grid from ``low`` to ``high``, and its scale; one cell where there is no such grid."""
    with np.errstate(all="ignore"):
        scale = float(np.float64(GRID) / np.float64(high - low))
    scale = scale if np.isfinite(scale) else 0.0
    return np.bincount(_cell(edges, low, scale), minlength=GRID), scale


def _cell(numbers: Floats, low: float, scale: float) -> "np.ndarray[Any, np.dtype[np.intp]]":
    with np.errstate(all="ignore"):
        place = numbers - low
        place *= scale
        # NaN is neither: fmax takes the 0.
        np.fmax(place, 0.0, out=place)
        np.fmin(place, GRID - 1.0, out=place)
        return place.astype(np.intp)


def bin_numbers(numbers: Floats, into: Grid, out: Codes) -> None:
    """(rows,) codes into ``out``, as ``searchsorted`` from the right would give them."""
    found = into.first.take(_cell(numbers, into.low, into.scale))
    step = into.stride
    while step:
        passed = into.edges.take(found + (step - 1)) <= numbers
        found += passed if step == 1 else passed * step
        step >>= 1
    found += 2
    if into.lower > -np.inf or into.upper < np.inf:
        np.putmask(found, (numbers < into.lower) | (numbers > into.upper), NEW)
    # MISSING is 0.
    np.multiply(found, np.isfinite(numbers), out=out, casting="unsafe")


def look_up(indices: Indices, table: Codes, out: Codes) -> None:
    """The table's codes, of which the last is that of index -1; raises ``IndexError`` beyond the table."""
    out[:] = table.take(indices)


Grids = tuple[Floats, Codes, Floats]


class Spelt(NamedTuple):
    """Indices into words, the last of ``table`` being the code of a missing cell."""

    indices: Indices
    table: Codes


class Measured(NamedTuple):
    """Numbers, and where they belong."""

    numbers: Floats
    grid: Grid


Ready = Spelt | Measured | Codes


@dataclass(frozen=True, slots=True)
class Encoder:
    """Codes of every column of ``bins``; ``path`` is the quicker one unless it is named."""

    bins: tuple[ColumnBins, ...]
    path: Path | None = None
    _columns: "tuple[_Column, ...]" = field(init=False, repr=False, compare=False)
    _grids: Grids = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        columns = tuple(map(_column, self.bins))
        object.__setattr__(self, "_columns", columns)
        object.__setattr__(self, "_grids", _grids(columns))

    def codes(self, columns: Columns) -> Codes:
        """(columns, rows) uint8, one contiguous row per column of ``bins``; a lacking column is missing throughout.

        Never raises on cell contents: cells of another type than the column's are typed again as pandas holds them.
        """
        out = np.full((len(self.bins), columns.rows), MISSING, dtype=np.uint8)
        given = [columns.cells.get(column.bins.name) for column in self._columns]
        ready = [None if cells is None else own.ready(cells) for own, cells in zip(self._columns, given, strict=True)]
        if (self.path or _quicker(out.size)) == "numba":
            self._compiled(ready, out)
            return out
        for cells, row in zip(ready, out, strict=True):
            if isinstance(cells, Spelt):
                look_up(*cells, row)
            elif isinstance(cells, Measured):
                bin_numbers(*cells, row)
            elif cells is not None:
                row[:] = cells
        return out

    def _compiled(self, ready: list[Ready | None], out: Codes) -> None:
        from schemas.compiled_addresses import address
        from stream_app.core.drift.coding.compiled_encoding import NUMBERS, WORDS, encode

        sources, rows = list[tuple[int, int, int, int]](), out.shape[1]
        for cells, row in zip(ready, out, strict=True):
            if isinstance(cells, Spelt):
                indices, table = cells
                sources.append((WORDS, address(indices, rows), address(table, len(table)), len(table)))
            elif isinstance(cells, Measured):
                sources.append((NUMBERS, address(cells.numbers, rows), 0, 0))
            else:
                sources.append((0, 0, 0, 0))
                if cells is not None:
                    row[:] = cells
        if sources and encode(np.array(sources, dtype=np.int64), *self._grids, out) >= 0:
            raise IndexError("an index beyond the words of its column")


@dataclass(frozen=True, slots=True)
class _Column:
    """One column's look-ups; ``parsed`` and ``tables`` remember codes of words, and change no result."""

    bins: ColumnBins
    grid: Grid | None
    known: dict[str, int]
    parsed: dict[str, int]
    tables: dict[tuple[str, ...], Codes]

    def ready(self, cells: Cells) -> Ready:
        """What a loop over rows makes codes of, or, for cells of another type, the codes."""
        fits = self.bins.type in cells.types
        if isinstance(cells, Numbers):
            if fits and self.grid is not None:
                return Measured(contiguous(cells.values, np.float64), self.grid)
            return self._typed(_series(cells))
        if self.grid is None and fits:
            return Spelt(contiguous(cells.indices, np.int32), self._spelt(cells.values))
        if cells.series is None:
            return Spelt(contiguous(cells.indices, np.int32), _table(self._parsed(cells.values)))
        return self._typed(cells.series())

    def _spelt(self, words: tuple[str, ...]) -> Codes:
        """The codes of words and of a missing cell; a few short tables are kept, for most columns have the same words
        in message after message.
        """
        found = self.tables.get(words)
        if found is None:
            known = self.known
            found = _table([known.get(word, NEW) for word in words])
            if len(words) <= SHORT:
                if len(self.tables) >= TABLES:
                    self.tables.clear()
                self.tables[words] = found
        return found

    def _parsed(self, words: Sequence[str]) -> list[int]:
        """Each word typed by itself: what a cell becomes does not depend on the cells beside it."""
        parsed = self.parsed
        if len(words) > REMEMBERED:
            return self._of_words(words)
        fresh = [word for word in words if word not in parsed]
        if len(parsed) + len(fresh) > REMEMBERED:
            parsed.clear()
            fresh = list(words)
        if fresh:
            parsed.update(zip(fresh, self._of_words(fresh), strict=True))
        return [parsed[word] for word in words]

    def _of_words(self, words: Sequence[str]) -> list[int]:
        import pandas as pd

        codes: list[int] = self._typed(pd.Series(list(words), dtype=object)).tolist()
        return codes

    def _typed(self, cells: "pd.Series[Any]") -> Codes:
        """The long way, for cells of another type than the column's."""
        if self.grid is None:
            texts = as_texts(cells, self.bins.type)
            # Words that are missing are None or NaN.
            codes = [self.known.get(text, NEW) if isinstance(text, str) else MISSING for text in texts]
            return np.asarray(codes, dtype=np.uint8)
        out = np.empty(len(cells), dtype=np.uint8)
        bin_numbers(as_numbers(cells, self.bins.type), self.grid, out)
        return out


def _column(bins: ColumnBins) -> _Column:
    if bins.kind == "numeric":
        return _Column(bins, grid(bins), {}, {}, {})
    known = dict.fromkeys(bins.rest, len(bins.values) + 2) | {word: at + 2 for at, word in enumerate(bins.values)}
    return _Column(bins, None, known, {}, {})


def _table(codes: list[int]) -> Codes:
    return np.frombuffer(bytes((*codes, MISSING)), dtype=np.uint8)


def _series(cells: Numbers) -> "pd.Series[Any]":
    import pandas as pd

    return pd.Series(cells.values) if cells.series is None else cells.series()


def _quicker(cells: int) -> Path:
    loaded = sys.modules.get("numba") is not None
    return "numba" if loaded or (cells >= LARGE and find_spec("numba") is not None) else "numpy"


def _grids(columns: "tuple[_Column, ...]") -> Grids:
    """(columns, 5) low, scale, lower and upper end and stride of the columns' grids, (columns, cells) first edges of
    their cells and (columns, most) edges, as compiled code takes them.
    """
    grids = [column.grid for column in columns]
    numbers = np.zeros((len(grids), 5))
    firsts = np.zeros((len(grids), GRID), dtype=np.uint8)
    edges = np.full((len(grids), max((len(grid.edges) for grid in grids if grid is not None), default=0)), np.inf)
    for place, grid in enumerate(grids):
        if grid is not None:
            numbers[place] = grid.low, grid.scale, grid.lower, grid.upper, grid.stride
            firsts[place], edges[place, : len(grid.edges)] = grid.first, grid.edges
    return numbers, firsts, edges
