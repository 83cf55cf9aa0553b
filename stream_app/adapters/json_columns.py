"""Cells of one column, as JSON gave them, as an Arrow array."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from msgspec import UNSET

from schemas.contract import LogicalType

if TYPE_CHECKING:
    import pyarrow as pa

_EXACT = 2**53


def column_of(cells: list[Any], kind: LogicalType | None, present: npt.NDArray[np.int64] | None = None) -> "pa.Array":
    """int64, float64, bool or string (times are still text); without a ``kind`` the one that the cells have.

    ``UNSET`` cells become missing and are taken off ``present``, the keys that each row has.
    """
    import pyarrow as pa

    kinds = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
    if kind is None:
        return _inferred(cells)
    try:
        return pa.array(cells, kinds.get(kind, pa.string()))
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        absent = np.fromiter((cell is UNSET for cell in cells), bool, len(cells))
        if present is not None:
            present -= absent
        return pa.array([None if cell is UNSET else cell for cell in cells], kinds.get(kind, pa.string()))


def parsed_times(texts: "pa.Array") -> tuple["pa.Array", list[int]]:
    """ISO 8601 text as timestamp[us] in naive UTC, and the rows whose text is no time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # A cast that fails costs more than all the others together: the first text says which to try first.
    zones = ("UTC", None) if _names_zone(texts) else (None, "UTC")
    for zone in zones:
        try:
            times = texts.cast(pa.timestamp("us", tz=zone))
            if zone is not None:
                times = times.cast(pa.timestamp("us"))
        except pa.ArrowInvalid:
            continue
        # Arrow reads a year 0, and no calendar of the contract's has one.
        first = pc.min(times.cast(pa.int64())).as_py()
        if first is None or first >= _YEAR_ONE:
            return times, []
    return _times_one_by_one(texts)


def _names_zone(texts: "pa.Array") -> bool:
    first = next((text for text in (texts[at].as_py() for at in range(min(len(texts), 16))) if text), "")
    return first.endswith("Z") or "+" in first or first.count("-") > 2


_YEAR_ONE = int(np.datetime64("0001-01-01", "us").astype(np.int64))


def _times_one_by_one(texts: "pa.Array") -> tuple["pa.Array", list[int]]:
    """With and without zones mixed, and everything that tables may hold: as ``schemas.cells`` reads it."""
    import pandas as pd
    import pyarrow as pa

    from schemas.cells import typed

    values, wrong = typed(pd.Series(texts.to_pylist(), dtype=object), "timestamp")
    wrong |= values < np.datetime64("0001-01-01")
    return pa.array(values, pa.timestamp("us"), from_pandas=True), np.flatnonzero(wrong.to_numpy(dtype=bool)).tolist()


def _inferred(cells: list[Any]) -> "pa.Array":
    import pyarrow as pa

    kinds = set(map(type, cells)) - {type(None)}
    if kinds == {int}:
        return pa.array(cells, pa.int64())
    if kinds == {bool}:
        return pa.array(cells, pa.bool_())
    if kinds == {float}:
        return pa.array(cells, pa.float64())
    if kinds == {int, float} and all(abs(cell) <= _EXACT for cell in cells if type(cell) is int):
        return pa.array([None if cell is None else float(cell) for cell in cells], pa.float64())
    return pa.array(cells if kinds <= {str} else [_text(cell) for cell in cells], pa.string())


def _text(cell: Any) -> str | None:
    return (
        cell if cell is None or isinstance(cell, str) else str(cell).lower() if isinstance(cell, bool) else repr(cell)
    )
