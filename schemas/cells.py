"""Typed columns: every odd cell becomes a value of the contract's logical type, or missing and counted."""

import datetime as dt
import math
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from schemas.contract import LogicalType

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

DTYPES: dict[LogicalType, str] = {
    "integer": "Int64",
    "number": "float64",
    "string": "object",
    "boolean": "boolean",
    "date": "datetime64[us]",
    "timestamp": "datetime64[us]",
}
"""The dtype of each logical type; missing is NA, NaN, None, NA and NaT."""

MISSING_TOKENS = ("", "#N/A", "#NA", "-", "--", "<NA>", "?", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null")
"""What people and programs write where a cell is missing."""

_NO_NUMBER = frozenset(token.lower() for token in MISSING_TOKENS)
_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "0.0"})
_LARGEST_EXACT = 2.0**53
_INT64 = range(-(2**63), 2**63)


def typed(series: "pd.Series[Any]", kind: LogicalType) -> "tuple[pd.Series[Any], pd.Series[Any]]":
    """The column in its logical type's dtype, and where a cell was present but could not be typed (now missing).

    Text that ``says_missing`` counts as missing; infinities and NaN-like objects are handled there.
    """
    import pandas as pd

    plain = _plain(series)
    present = _present(plain, kind)
    values = pd.Series(_CONVERTERS[kind](plain), index=plain.index)
    return values, pd.Series(present & values.isna().to_numpy(dtype=bool), index=plain.index)


def says_missing(text: str, kind: LogicalType) -> bool:
    """Whether text in a column of this type says that the cell is missing: blank text in every type but string, and in
    columns of numbers the usual signs, such as NaN, which are no number of another type.
    """
    if kind == "string":
        return False
    return text.strip().lower() in _NO_NUMBER if kind in ("integer", "number") else not text.strip()


def _plain(series: "pd.Series[Any]") -> "pd.Series[Any]":
    """Numpy's or pandas' own nullable dtypes, or objects: no categories, no Arrow, no sparse, no periods."""
    import numpy as np
    import pandas as pd

    series = series.reset_index(drop=True)
    dtype = series.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biufMO":
        return series
    if isinstance(dtype, (pd.DatetimeTZDtype, pd.BooleanDtype)):
        return series
    if pd.api.types.is_integer_dtype(dtype) and not isinstance(dtype, (pd.CategoricalDtype, pd.SparseDtype)):
        return pd.Series(series.astype("UInt64" if pd.api.types.is_unsigned_integer_dtype(dtype) else "Int64"))
    if pd.api.types.is_float_dtype(dtype) and not isinstance(dtype, (pd.CategoricalDtype, pd.SparseDtype)):
        return pd.Series(series.to_numpy(dtype="float64", na_value=np.nan))
    return pd.Series(list(series), dtype=object)


def _present(series: "pd.Series[Any]", kind: LogicalType) -> "np.ndarray[Any, Any]":
    import numpy as np

    if series.dtype != object:
        return np.asarray(series.notna(), dtype=bool)
    present = [not _is_missing(value) for value in series]
    if kind != "string":
        present = [
            kept and not (isinstance(value, str) and says_missing(value, kind))
            for kept, value in zip(present, series, strict=True)
        ]
    return np.asarray(present, dtype=bool)


def _is_missing(value: object) -> bool:
    import pandas as pd

    if value is None or value is pd.NA or value is pd.NaT:
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    if isinstance(value, float):
        return math.isnan(value)
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return kind in ("f", "M", "m") and not getattr(value, "shape", (1,)) and bool(pd.isna(value))  # type: ignore[call-overload]


def _numbers(series: "pd.Series[Any]") -> "np.ndarray[Any, Any]":
    import numpy as np

    if series.dtype.kind in "mM":
        return np.full(len(series), np.nan)
    if series.dtype != object:
        found = series.to_numpy(dtype="float64", na_value=np.nan)
    else:
        found = np.asarray([_number(value) for value in series], dtype="float64")
    return np.where(np.isfinite(found), found, np.nan)


def _number(value: object) -> float:
    if not isinstance(value, (str, int, float, Decimal)) and getattr(getattr(value, "dtype", None), "kind", "") not in (
        "i",
        "u",
        "f",
        "b",
    ):
        return math.nan
    if isinstance(value, str) and "_" in value:
        return math.nan
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _integers(series: "pd.Series[Any]") -> "pd.Series[Any]":
    import numpy as np
    import pandas as pd

    if series.dtype.kind in "iu":
        too_large = (
            np.asarray(series.fillna(0) > _INT64.stop - 1, dtype=bool)
            if series.dtype.kind == "u"
            else np.zeros(len(series), dtype=bool)
        )
        return series.mask(too_large, 0).astype("Int64").mask(too_large)
    numbers = _numbers(series)
    with np.errstate(invalid="ignore"):
        whole = (numbers == np.floor(numbers)) & (np.abs(numbers) < 2.0**63)
    found = pd.Series(np.where(whole, numbers, 0).astype("int64")).astype("Int64").mask(~whole)
    if series.dtype == object:
        for row in np.flatnonzero(np.abs(np.nan_to_num(numbers)) >= _LARGEST_EXACT):
            found.iloc[int(row)] = _exact(series.iloc[row])
    return found


def _exact(value: Any) -> Any:
    import pandas as pd

    try:
        exact = Decimal(str(value).strip())
    except ArithmeticError:
        return pd.NA
    return int(exact) if exact == exact.to_integral_value() and int(exact) in _INT64 else pd.NA


def _booleans(series: "pd.Series[Any]") -> "pd.Series[Any]":
    import numpy as np
    import pandas as pd

    if series.dtype.kind == "b":
        return series.astype("boolean")
    if series.dtype == object:
        return pd.Series(pd.array([_boolean(value) for value in series], dtype="boolean"))
    numbers = _numbers(series)
    return pd.Series(pd.array(numbers == 1, dtype="boolean")).mask(~np.isin(numbers, (0.0, 1.0)))


def _boolean(value: object) -> bool | None:
    text = value.strip().lower() if isinstance(value, str) else None
    if text is not None:
        return True if text in _TRUE else False if text in _FALSE else None
    number = _number(value)
    return bool(number) if number in (0.0, 1.0) else None


def _strings(series: "pd.Series[Any]") -> "pd.Series[Any]":
    import pandas as pd

    if series.dtype == object and pd.api.types.infer_dtype(series, skipna=True) == "string" and _encodable(series):
        return pd.Series(series.where(series.notna(), None))  # type: ignore[call-overload]
    known: dict[Any, str | None] = {}
    cells = []
    for value in series.astype(object):
        try:
            key = (type(value), value)
            if key not in known:
                known[key] = _string(value)
            cells.append(known[key])
        except TypeError:
            cells.append(None)
    return pd.Series(cells, dtype=object)


def _encodable(series: "pd.Series[Any]") -> bool:
    import pyarrow as pa

    try:
        pa.array(series, type=pa.string(), from_pandas=True)
    except (UnicodeEncodeError, pa.ArrowException):
        return False
    return True


def _string(value: object) -> str | None:
    import pandas as pd

    if _is_missing(value):
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8") if _is_text(value) else None
    if isinstance(value, str):
        return str(value) if _is_text(value) else None
    if isinstance(value, (dt.datetime, dt.date, dt.time, pd.Timestamp)):
        return value.isoformat()
    number = _number(value)
    if math.isnan(number):
        return None
    # A column of whole numbers with gaps is read as floats; the text people mean has no ".0".
    return (
        str(int(number))
        if isinstance(value, float) and number.is_integer() and abs(number) < _LARGEST_EXACT
        else str(value)
    )


def _is_text(value: str | bytes) -> bool:
    try:
        value.encode("utf-8") if isinstance(value, str) else value.decode("utf-8")
    except UnicodeError:
        return False
    return True


def _timestamps(series: "pd.Series[Any]") -> "pd.Series[Any]":
    import pandas as pd

    if isinstance(series.dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    if series.dtype.kind == "M":
        return _microseconds(series)
    if series.dtype != object:
        return pd.Series(pd.NaT, index=series.index, dtype="datetime64[us]")
    return pd.Series([_timestamp(value) for value in _parsed(series)], index=series.index, dtype="datetime64[us]")


def _microseconds(series: "pd.Series[Any]") -> "pd.Series[Any]":
    import pandas as pd

    try:
        return series.astype("datetime64[us]")
    except (pd.errors.OutOfBoundsDatetime, OverflowError, ValueError):
        bound = dt.datetime(9999, 12, 31)
        return series.where((series <= bound) & (series >= dt.datetime(1, 1, 1))).astype("datetime64[us]")


def _parsed(series: "pd.Series[Any]") -> list[Any]:
    """Each different text parsed once, as a whole where that works; cells that are no text are handed on."""
    import pandas as pd

    text = series.map(lambda value: isinstance(value, str)).to_numpy(dtype=bool)
    cells: list[Any] = list(series)
    if not text.any():
        return cells
    unique = pd.Series(pd.unique(series[text]), dtype=object)
    # Even the strict parser knows "now" and "today", and would read the clock.
    dated = unique.where(unique.str.lstrip().str.slice(0, 1).str.isdigit(), "")
    stamps = pd.to_datetime(dated, errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
    found = [
        _timestamp(value) if missing else stamp
        for value, stamp, missing in zip(unique, stamps, stamps.isna(), strict=True)
    ]
    known = dict(zip(unique, found, strict=True))
    return [known[value] if is_text else value for value, is_text in zip(cells, text, strict=True)]


def _timestamp(value: Any) -> Any:
    """A naive UTC time that datetime64[us] holds, or ``NaT``; numbers are no times, for nobody said in which unit."""
    import numpy as np
    import pandas as pd

    try:
        if isinstance(value, str):
            value = _from_text(value)
        if isinstance(value, np.datetime64):
            value = pd.Timestamp(value)
        if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            return dt.datetime(value.year, value.month, value.day)
        if isinstance(value, dt.datetime) and not pd.isna(value):
            return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
    except (ValueError, OverflowError, TypeError):
        pass
    return pd.NaT


def _from_text(text: str) -> object:
    import pandas as pd

    try:
        return dt.datetime.fromisoformat(text.strip())
    except ValueError:
        # The lenient parser would complete "10" or "may" with today's date, and knows "now".
        if sum(letter.isdigit() for letter in text) < 6 or len(text) > 40:
            raise
        return pd.Timestamp(text)


def _dates(series: "pd.Series[Any]") -> "pd.Series[Any]":
    dates: pd.Series[Any] = _timestamps(series).dt.floor("D").astype("datetime64[us]")
    return dates


_CONVERTERS: "dict[LogicalType, Callable[[pd.Series[Any]], Any]]" = {
    "integer": _integers,
    "number": _numbers,
    "string": _strings,
    "boolean": _booleans,
    "date": _dates,
    "timestamp": _timestamps,
}
