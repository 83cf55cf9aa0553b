"""Frames with whatever cells a producer may send, bins of every type, and the codes that pandas alone gives them."""

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from stream_app.core.drift.coding.bins import ColumnBins, as_numbers, as_texts

EDGES = (-1.5, 0.0, 1.0, 1.5, 2.0, 86_400.0, 1.5e9, 2.0**53, 1e18)
WORDS = ("a", "True", "1", "2020-01-01", "1.5", "9007199254740993")
BINS = (
    ColumnBins("number", "number", "numeric", EDGES),
    ColumnBins("integer", "integer", "numeric", EDGES, lower=-2.0, upper=1e17),
    ColumnBins("date", "date", "numeric", EDGES),
    ColumnBins("timestamp", "timestamp", "numeric", EDGES),
    ColumnBins("string", "string", "categorical", values=WORDS[:3], rest=WORDS[3:]),
    ColumnBins("boolean", "boolean", "categorical", values=("True",)),
)
TEXTS = st.sampled_from([*WORDS, "", " ", "no", "nan", "1e400", "2020-01-01T23:59:59.9999999+02:00", "now", "ü"])
TIMES = st.datetimes(dt.datetime(1678, 1, 1), dt.datetime(2261, 1, 1)) | st.just(dt.datetime(2020, 1, 1))
OBJECTS = st.one_of(
    st.none(),
    TEXTS,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
    st.integers(),
    st.floats(),
    st.booleans(),
    TIMES,
    st.dates(),
    st.just(Decimal("1.50")),
    st.just(pd.NA),
    st.binary(max_size=2),
)


def _series(cells: "st.SearchStrategy[Any]", dtype: str, rows: int) -> "st.SearchStrategy[Any]":
    return st.lists(cells, min_size=rows, max_size=rows).map(lambda found: pd.Series(found, dtype=dtype))


def _columns(rows: int) -> "st.SearchStrategy[Any]":
    whole, times = st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 2), st.none() | TIMES
    return st.one_of(
        _series(OBJECTS, "object", rows),
        _series(TEXTS | st.none(), "object", rows),
        _series(TEXTS | st.none(), "category", rows),
        _series(TEXTS | st.none(), "string", rows),
        _series(st.dates() | st.none(), "object", rows),
        _series(st.floats() | st.integers(-2, 2), "float64", rows),
        _series(st.floats(width=32), "float32", rows),
        _series(st.integers(0, 2**64 - 1) | st.integers(0, 2), "uint64", rows),
        _series(whole, "int64", rows),
        _series(whole | st.none(), "Int64", rows),
        _series(st.integers(-2, 2), "int8", rows),
        _series(st.booleans(), "bool", rows),
        _series(st.booleans() | st.none(), "boolean", rows),
        _series(times, "datetime64[ns]", rows),
        _series(times, "datetime64[us]", rows),
        _series(times, "datetime64[s]", rows),
        _series(times, "datetime64[ns, Europe/Berlin]", rows),
        _series(st.dates(dt.date(1700, 1, 1), dt.date(2200, 1, 1)) | st.none(), "datetime64[ms]", rows),
    )


@st.composite
def frames(draw: Any, bins: tuple[ColumnBins, ...] = BINS) -> pd.DataFrame:
    """Any kind of cells in a column of any type; one column may lack."""
    rows = draw(st.integers(0, 6))
    frame = pd.DataFrame({column.name: draw(_columns(rows)) for column in bins}, index=range(rows))
    return frame.drop(columns=draw(st.sampled_from([column.name for column in bins]))) if draw(st.booleans()) else frame


def old_codes(frame: pd.DataFrame, bins: tuple[ColumnBins, ...]) -> "np.ndarray[Any, Any]":
    """(columns, rows) codes by a plain binary search and a plain look-up."""
    codes = np.zeros((len(bins), len(frame)), dtype="uint8")
    for place, column in enumerate(bins):
        if column.name in frame:
            numeric = column.kind == "numeric"
            codes[place] = (_of_numbers if numeric else _of_texts)(frame[column.name], column)
    return codes


def _of_numbers(cells: "pd.Series[Any]", bins: ColumnBins) -> "np.ndarray[Any, Any]":
    numbers = as_numbers(cells, bins.type)
    codes = np.searchsorted(np.asarray(bins.edges), numbers, side="right") + 2
    if bins.lower is not None and bins.upper is not None:
        codes[(numbers < bins.lower) | (numbers > bins.upper)] = 1
    return np.where(np.isfinite(numbers), codes, 0)


def _of_texts(cells: "pd.Series[Any]", bins: ColumnBins) -> list[int]:
    known = {word: min(place, len(bins.values)) + 2 for place, word in enumerate((*bins.values, *bins.rest))}
    return [0 if pd.isna(text) else known.get(text, 1) for text in as_texts(cells, bins.type)]
