"""Periods of a season: what tells Monday from Saturday, and which reference a row is compared with."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
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


@dataclass(frozen=True, eq=False)
class Cut:
    """Where neighbouring blocks end (``limits``), their ``periods``, and which of them have the counts of pairs.

    Others may hold the same cut: nobody writes into its arrays.
    """

    limits: Integers
    periods: Integers
    paired: "npt.NDArray[np.bool_]"

    @cached_property
    def starts(self) -> Integers:
        """(blocks,) the first row of each."""
        return _before(self.limits)

    @cached_property
    def rows(self) -> Integers:
        """(blocks,) how many rows each has."""
        found: Integers = self.limits - self.starts
        return found

    @cached_property
    def pair_rows(self) -> Integers:
        """(blocks,) how many rows its counts of pairs are of; none where it has none."""
        found, ends = np.zeros_like(self.limits), self.limits[self.paired]
        found[self.paired] = ends - _before(ends)
        return found


def _before(ends: Integers) -> Integers:
    found = np.zeros_like(ends)
    found[1:] = ends[:-1]
    return found


@lru_cache(maxsize=32)
def even_blocks(rows: int, block_rows: int, pair_blocks: int) -> Cut:
    """Blocks of so many rows of one period, which is 0; most messages have as many rows as the one before."""
    limits = np.minimum(np.arange(block_rows, rows + block_rows, block_rows), rows)
    paired = np.zeros(len(limits), dtype=bool)
    paired[pair_blocks - 1 :: pair_blocks] = paired[-1:] = True
    return Cut(limits, np.zeros(len(limits), dtype=np.int64), paired)


def cut_blocks(periods: Integers, block_rows: int, pair_blocks: int) -> Cut:
    """Blocks of rows of (rows,) ``periods``, as ``blocks_of`` and ``paired_at`` have it."""
    limits, own = blocks_of(periods, block_rows)
    return Cut(limits, own, paired_at(own, pair_blocks))


def paired_at(periods: Integers, number: int) -> "npt.NDArray[np.bool_]":
    """(blocks,) the last of every ``number`` neighbouring blocks of one of (blocks,) ``periods``, and of what is left
    of them where a period ends.
    """
    if number == 1 or not len(periods):
        return np.ones(len(periods), dtype=bool)
    changes = np.append(periods[1:] != periods[:-1], True)
    starts = np.append(0, np.flatnonzero(changes[:-1]) + 1)
    nth = np.arange(len(periods)) - np.repeat(starts, np.diff(starts, append=len(periods)))
    found: npt.NDArray[np.bool_] = changes | (nth % number == number - 1)
    return found


def blocks_of(periods: Integers, block_rows: int) -> tuple[Integers, Integers]:
    """Where consecutive blocks end, none longer than ``block_rows`` or of two periods, and the period of each."""
    changes = (np.flatnonzero(periods[1:] != periods[:-1]) + 1).tolist()
    ends: list[int] = []
    for start, stop in pairwise([0, *changes, len(periods)] if len(periods) else []):
        ends += (*range(start + block_rows, stop, block_rows), stop)
    limits = np.asarray(ends, dtype=np.int64)
    return limits, periods[limits - 1]
