"""Which pool rows reappear in a table, whole or but for one or two columns, by keys that can be shortened.

A key is the sum of random 64-bit words, one for each (column, value): taking a column's word away gives
the key without that column. Two different rows share a key with a chance of 2^-64.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from schemas.contract import Column
from validators.encoding import Codebook, Codes, identities
from validators.privacy.pool import Flags, Integers, Pool

if TYPE_CHECKING:
    import pandas as pd

Keys = npt.NDArray[np.uint64]
STAYS_UNIQUE = 0.99
COLUMNS = 24
"""Columns of which any two may be left out: those without which the fewest rows gain a twin."""
SHIFT = np.uint64(42)
"""Keys are first compared by their 22 highest bits, in a table that fits the cache."""
LONE = -1


@dataclass(frozen=True, slots=True)
class Shortened:
    """Keys without ``columns``: (n_pool_rows,) flags of rows whose key is their unit's ``own``, and how many are
    ``twins``, that is, not their own.
    """

    columns: tuple[int, ...]
    own: Flags
    twins: int


@dataclass(frozen=True, slots=True)
class Keyed:
    """A pool's keys, worked out once: the columns' ``words``, (n_rows, n_columns) ``parts`` of each row's ``key``, and
    the ``ways`` in which keys may be shortened, the whole key first, then by their number of twins.

    ``kept_unique``: for each column, the share of pool rows whose key stays their own without it.
    """

    book: Codebook
    words: tuple[Keys, ...]
    parts: Keys
    key: Keys
    ways: tuple[Shortened, ...]
    kept_unique: dict[str, float]

    @property
    def own(self) -> Flags:
        """Rows whose whole key belongs to one unit only, which counts it once."""
        return self.ways[0].own


@dataclass(frozen=True, slots=True)
class Matches:
    """(n_pool_rows,) ``changed``: in how few columns such a row differs from one of the table, ``LONE`` where in more
    than two; ``twins``: how many pool rows are not told apart by the columns that match, the fewest of all ways.
    """

    changed: npt.NDArray[np.int8]
    twins: Integers


def keyed(pool: Pool, columns: Sequence[Column], rng: np.random.Generator) -> Keyed:
    """Keys of the pool. Left out are only columns without which at least 99 % of the rows that were unique stay so."""
    book = identities([pool.table], columns)
    codes = book.codes(pool.table)
    words = tuple(rng.integers(0, 2**64, size=int(top) + 1, dtype=np.uint64) for top in codes.max(axis=0, initial=0))
    parts = np.column_stack([word[codes[:, j]] for j, word in enumerate(words)])
    key = parts.sum(axis=1, dtype=np.uint64)
    whole = _shortened(key, pool, ())
    single = [_shortened(key - parts[:, j], pool, (j,)) for j in range(len(columns))]
    kept = {column.name: float(way.own.mean()) for column, way in zip(columns, single, strict=True)}
    able = sorted((way for way in single if _tells(way, whole)), key=lambda way: way.twins)[:COLUMNS]
    pairs = combinations(sorted(way.columns[0] for way in able), 2) if len(columns) > 2 else ()
    double = [_shortened(key - parts[:, i] - parts[:, j], pool, (i, j)) for i, j in pairs]
    ways = [way for way in able if len(columns) > 1] + [way for way in double if _tells(way, whole)]
    return Keyed(book, words, parts, key, (whole, *sorted(ways, key=lambda way: way.twins)), kept)


def _tells(way: Shortened, whole: Shortened) -> bool:
    return bool(way.own.sum() >= STAYS_UNIQUE * whole.own.sum())


def _shortened(key: Keys, pool: Pool, columns: tuple[int, ...]) -> Shortened:
    own = _lone(key) if pool.by_row else _own(key, pool.unit)
    return Shortened(columns, own, len(own) - int(own.sum()))


def matches(pool: Keyed, table: "pd.DataFrame") -> Matches:
    """The pool's rows that stand in ``table``. A value that the pool does not have matches nothing."""
    codes = pool.book.codes(table)
    parts = np.column_stack([_worded(codes[:, j], word, j) for j, word in enumerate(pool.words)])
    key = parts.sum(axis=1, dtype=np.uint64)
    changed = np.full(len(pool.key), LONE, dtype=np.int8)
    twins = np.zeros(len(pool.key), dtype=np.int64)
    marks = np.zeros(2**22, dtype=bool)
    for way in sorted(pool.ways, key=lambda way: (len(way.columns), way.twins)):
        hit = way.own & (changed == LONE)
        ours, theirs = _without(pool.key, pool.parts, way.columns), _without(key, parts, way.columns)
        rows = _among(ours, np.flatnonzero(hit), theirs, marks)
        changed[rows], twins[rows] = len(way.columns), way.twins
    return Matches(changed, twins)


def _worded(codes: Codes, word: Keys, column: int) -> Keys:
    """The words of codes; codes that the pool lacks get words of their own, which no row of the pool has."""
    known = codes < len(word)
    fresh = (codes.astype(np.uint64) + np.uint64(column << 40)) * np.uint64(0x9E3779B97F4A7C15)
    return np.where(known, word[np.where(known, codes, 0)], fresh)


def _without(key: Keys, parts: Keys, columns: Iterable[int]) -> Keys:
    for j in columns:
        key = key - parts[:, j]
    return key


def _among(ours: Keys, rows: Integers, theirs: Keys, marks: Flags) -> Integers:
    """Those of ``rows`` whose key is among ``theirs``; ``marks`` is all false before and after."""
    their_slots, our_slots = theirs >> SHIFT, ours[rows] >> SHIFT
    marks[their_slots] = True
    rows, our_slots = rows[marks[our_slots]], our_slots[marks[our_slots]]
    marks[their_slots] = False
    marks[our_slots] = True
    theirs = theirs[marks[their_slots]]
    marks[our_slots] = False
    return rows[np.isin(ours[rows], theirs)]


def _lone(keys: Keys) -> Flags:
    order = np.argsort(keys)
    same = keys[order[1:]] == keys[order[:-1]]
    found = np.ones(len(keys), dtype=bool)
    found[order[1:][same]] = False
    found[order[:-1][same]] = False
    return found


def _own(keys: Keys, unit: Integers) -> Flags:
    """Rows whose key no other unit has; of a unit's repeated rows the first alone."""
    order = np.lexsort((unit, keys))
    sorted_keys, sorted_unit = keys[order], unit[order]
    starts = (
        np.flatnonzero(np.r_[True, sorted_keys[1:] != sorted_keys[:-1]]) if len(keys) else np.zeros(0, dtype=np.int64)
    )
    ends = np.r_[starts[1:], len(keys)].astype(np.int64) - 1
    alone = sorted_unit[starts] == sorted_unit[ends] if len(starts) else np.zeros(0, dtype=bool)
    found = np.zeros(len(keys), dtype=bool)
    found[order[starts[alone]]] = True
    return found
