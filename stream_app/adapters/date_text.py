"""Text that is dates: recognised by shape, parsed by one format for a whole column."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_FORMATS = (
    "ISO8601",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%d-%m-%Y",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%d-%b-%Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%d %B %Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%a, %d %b %Y %H:%M:%S %z",
)
_LOOKS = re.compile(r"^\s*(\d{1,4}[-/. ]\w{1,9}[-/. ,]|[A-Z][a-z]{2,8},? \d{1,2})", re.ASCII)
_NEARLY_ALL = 0.99
_SAMPLE = 500


def date_formats(frame: "pd.DataFrame") -> dict[str, str]:
    """The date format of each text column that (nearly) wholly is dates.

    Where 03/04/2020 can be read in two ways throughout a column, the month is taken to come first.
    """
    found = {str(name): _format(frame[name]) for name in frame.columns if frame[name].dtype == object}
    return {name: text for name, text in found.items() if text is not None}


def parse_dates(frame: "pd.DataFrame", formats: Mapping[str, str]) -> "pd.DataFrame":
    """The frame with these columns as datetime64[us], naive UTC; the few cells that do not parse become missing."""
    parsed = {
        name: _parse(frame[name], text)
        for name, text in formats.items()
        if name in frame.columns and frame[name].dtype == object
    }
    return frame.assign(**parsed)


def _format(values: "pd.Series[Any]") -> str | None:
    present = values.dropna()
    if present.empty or not all(isinstance(value, str) and _LOOKS.match(value) for value in present.iloc[:_SAMPLE]):
        return None
    shares = {text: float(_parse(present.iloc[:_SAMPLE], text).notna().mean()) for text in _FORMATS}
    for text in sorted((text for text in shares if shares[text] >= _NEARLY_ALL), key=lambda text: -shares[text]):
        if float(_parse(present, text).notna().mean()) >= _NEARLY_ALL:
            return text
    return None


def _parse(values: "pd.Series[Any]", text: str) -> "pd.Series[Any]":
    import pandas as pd

    stamps = pd.to_datetime(values, format=text, errors="coerce", utc=True)
    return pd.Series(stamps.dt.tz_localize(None).astype("datetime64[us]"))
