"""Periods of a season: what tells Monday from Saturday, and which reference a row is compared with."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from schemas.drift import Season
from stream_app.core.drift.counts.layout import Integers

WHOLE = -1
"""The key of rows without a time, and of every row where there is no season."""

_DAY = 86_400.0


def keys_of(seconds: npt.NDArray[np.float64], season: Season) -> Integers:
    """(rows,) hour 0 to 23, weekday 0 (Monday) to 6 or month 1 to 12 of times in seconds since 1970; else ``WHOLE``."""
    known = np.isfinite(seconds)
    times = np.where(known, seconds, 0.0)
    if season == "none":
        return np.full(len(seconds), WHOLE)
    if season == "month":
        keys = np.floor(times).astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    else:
        days = np.floor(times / _DAY)
        keys = ((times - days * _DAY) // 3600 if season == "hour" else (days + 3) % 7).astype(np.int64)
    return np.where(known, keys, WHOLE)


def even_blocks(rows: int, block_rows: int) -> tuple[Integers, Integers]:
    """What ``blocks_of`` gives of so many rows of one period, which is 0."""
    limits = np.minimum(np.arange(block_rows, rows + block_rows, block_rows), rows)
    return limits, np.zeros(len(limits), dtype=np.int64)


def blocks_of(periods: Integers, block_rows: int) -> tuple[Integers, Integers]:
    """Where consecutive blocks end, none longer than ``block_rows`` or of two periods, and the period of each."""
    changes = (np.flatnonzero(periods[1:] != periods[:-1]) + 1).tolist()
    ends: list[int] = []
    for start, stop in pairwise([0, *changes, len(periods)] if len(periods) else []):
        ends += (*range(start + block_rows, stop, block_rows), stop)
    limits = np.asarray(ends, dtype=np.int64)
    return limits, periods[limits - 1]
