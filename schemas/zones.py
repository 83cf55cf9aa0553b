"""Times whose zone is in doubt: a contract's times are UTC, and nothing is converted silently at the schema gate."""

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_OFFSET = re.compile(r"\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)? ?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?$")
_UTC = frozenset({"Z", "UTC", "GMT", "+00", "+0000", "+00:00", "-00", "-0000", "-00:00"})


def doubtful_zones(series: "pd.Series[Any]") -> int:
    """How many cells are times in another zone than UTC, or without a zone in a column that has them elsewhere.

    A column without any zone is UTC by the contract; plain dates have none and need none. Never raises on contents.
    """
    import pandas as pd

    if isinstance(series.dtype, pd.DatetimeTZDtype):
        clock = series.dt.tz_localize(None) - series.dt.tz_convert("UTC").dt.tz_localize(None)
        return int((clock.dropna() != pd.Timedelta(0)).sum())
    if series.dtype != object and not isinstance(series.dtype, (pd.StringDtype, pd.CategoricalDtype)):
        return 0
    zones = [_zone(value) for value in series]
    naive, elsewhere, utc = (zones.count(zone) for zone in ("naive", "elsewhere", "utc"))
    return elsewhere + (naive if elsewhere + utc else 0)


def _zone(value: object) -> str | None:
    if isinstance(value, str):
        found = _OFFSET.search(value[-40:].rstrip())
        if found is None:
            return None
        return "naive" if found.group(1) is None else "utc" if found.group(1) in _UTC else "elsewhere"
    if not isinstance(value, dt.datetime) or value != value:
        return None
    offset = value.utcoffset()
    return "naive" if offset is None else "elsewhere" if offset else "utc"
