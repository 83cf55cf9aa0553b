"""A marginal coarse enough to be shown: which codes make a cell, and what the cell may be called."""

from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.contract import Categories, Column
from stream_app.core.drift.coding.bins import MISSING, NEW, ColumnBins, Floats

Places = np.ndarray[Any, np.dtype[np.int64]]

MOST_CELLS = 12
_STEPS = 8


def cells_of(
    column: ColumnBins, known: Column, before: Floats, after: Floats, public_bins: bool
) -> list[tuple[str, Places]]:
    """At most 12 cells, which together hold every code once: missing, new, then bins in order or categories by size."""
    found = [("missing", np.asarray([MISSING])), ("new", np.asarray([NEW]))]
    if column.kind == "numeric":
        return found + _steps(column, before, public_bins)
    return found + _categories(column, known, before, after)


def category_name(known: Column, column: ColumnBins, place: int) -> str | None:
    """The name of category bin ``place`` where the contract's domain has it, else none."""
    if place >= len(column.values) or not isinstance(known.domain, Categories):
        return None
    named = {str(value) for value in known.domain.values}
    return column.values[place] if column.values[place] in named else None


def share(counts: npt.ArrayLike, code: int) -> float:
    """Of all rows."""
    given = np.asarray(counts, dtype=np.float64)
    return float(given[code]) / max(1.0, float(given.sum()))


def total_variation(before: "np.ndarray[Any, Any]", after: "np.ndarray[Any, Any]") -> float:
    """Share of rows that would have to move; 0 where a side has none."""
    if not before.sum() or not after.sum():
        return 0.0
    return float(np.abs(after / after.sum() - before / before.sum()).sum() / 2)


def _steps(column: ColumnBins, before: Floats, public_bins: bool) -> list[tuple[str, Places]]:
    """Neighbouring bins merged to about equal shares of the rows before."""
    present = before[2 : column.size]
    total = max(1.0, float(present.sum()))
    step = np.minimum((np.cumsum(present) - present / 2) / total * _STEPS, _STEPS - 1).astype(np.int64)
    # A group of bins is a stretch without gaps; steps in which no bin's middle lies are left out.
    starts = np.flatnonzero(np.diff(step, prepend=-1))
    ends = [*starts[1:].tolist(), len(present)]
    return [
        (_bounds(column, int(start), end) if public_bins else f"bin {number}", np.arange(start, end) + 2)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), start=1)
    ]


def _bounds(column: ColumnBins, start: int, end: int) -> str:
    """Of bins ``start`` to ``end``: half-open, the lower bound belongs to the cell."""
    lower = f"{column.edges[start - 1]:g}" if start > 0 else None
    upper = f"{column.edges[end - 1]:g}" if end <= len(column.edges) else None
    if lower is None or upper is None:
        return "all" if lower is upper else f"under {upper}" if lower is None else f"from {lower}"
    return f"{lower} to {upper}"


def _categories(column: ColumnBins, known: Column, before: Floats, after: Floats) -> list[tuple[str, Places]]:
    """The categories with the largest share on either side, then all others as one."""
    sides = [counts[2 : column.size] / max(1.0, float(counts.sum())) for counts in (before, after)]
    size = np.maximum(*sides)
    kept = len(column.values) if len(size) <= MOST_CELLS - 2 else MOST_CELLS - 3
    order = [int(place) for place in np.argsort(-size, kind="stable") if place < len(column.values)]
    found = [(_label(column, known, place), np.asarray([place + 2])) for place in order[:kept]]
    rest = np.setdiff1d(np.arange(len(size)), order[:kept])
    return found + ([("all others", rest + 2)] if len(rest) else [])


def _label(column: ColumnBins, known: Column, place: int) -> str:
    name = category_name(known, column, place)
    return name if name is not None else f"category {place + 1}"
