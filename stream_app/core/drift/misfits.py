"""How the columns of a recorded table fit its contract, part by part, where only cells can tell."""

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.cells import says_missing
from schemas.contract import Contract, LogicalType
from stream_app.core.drift.coding.bins import MISSING, Codes
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.reference import Reference

if TYPE_CHECKING:
    import pandas as pd

Misfit = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
"""Names of modelled columns that are absent, of columns that the contract does not have, and of retyped ones."""
FITS: Misfit = ((), (), ())
FEWEST = 20
"""Cells that a part would hold, or holds, of a column before it counts as gone, or as of another type."""


def misfits(
    frame: "pd.DataFrame", codes: Codes, reference: Reference, contract: Contract, part_rows: int
) -> tuple[Misfit, ...]:
    """One for each part of ``part_rows`` rows; (columns, rows) ``codes`` are the frame's.

    A column is absent from a part without a cell of it where the reference lets expect ``FEWEST``; one that the
    contract does not have is there from its first cell to its last; and one is retyped where none of ``FEWEST`` cells
    can be read. Never raises on cell contents.
    """
    starts = np.arange(0, len(frame), part_rows)
    if not len(starts):
        return ()
    rows = np.diff(starts, append=len(frame))
    kinds = {column.name: column.type for column in contract.columns}
    given = {
        str(name): _given(frame.iloc[:, place], starts, kinds.get(str(name), "string"))
        for place, name in reversed([*enumerate(frame.columns)])
    }
    unknown = {name: _span(cells) for name, cells in given.items() if name not in contract.names}
    none = np.zeros(len(starts), dtype=np.int64)
    absent, retyped = {}, {}
    for place, column in enumerate(reference.bins):
        cells = given.get(column.name, none)
        read = np.add.reduceat(codes[place] != MISSING, starts, dtype=np.int64)
        absent[column.name] = (cells == 0) & (rows * _present(reference, place) >= FEWEST)
        retyped[column.name] = (cells >= FEWEST) & (read == 0)
    return tuple((_at(absent, part), _at(unknown, part), _at(retyped, part)) for part in range(len(starts)))


def _given(cells: "pd.Series[Any]", starts: Integers, kind: LogicalType) -> Integers:
    """(parts,) cells that are not missing; infinities and text that says so count as missing, as in a message."""
    present = cells.notna().to_numpy(dtype=bool)
    if cells.dtype == object and kind != "string":
        present &= [not (isinstance(cell, str) and says_missing(cell, kind)) for cell in cells]
    if cells.dtype.kind == "f":
        present = np.isfinite(cells.to_numpy(dtype=np.float64, na_value=np.nan))
    return np.add.reduceat(present, starts, dtype=np.int64)


def _span(cells: Integers) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """(parts,) true from the first part with a cell to the last."""
    seen = cells > 0
    return np.maximum.accumulate(seen) & np.maximum.accumulate(seen[::-1])[::-1]


def _present(reference: Reference, place: int) -> float:
    """The share of the reference's rows that have a cell of this column."""
    counts = reference.counts[0, reference.layout.column_cells(place)]
    return 1 - float(counts[MISSING]) / max(1, int(counts.sum()))


def _at(found: "dict[str, np.ndarray[Any, Any]]", part: int) -> tuple[str, ...]:
    return tuple(sorted(name for name, where in found.items() if where[part]))
