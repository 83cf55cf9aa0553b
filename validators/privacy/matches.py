"""Which pool rows reappear in the synthetic table, whole or but for one column, by keys that can be shortened.

A key is the sum of random 64-bit words, one for each (column, value): taking a column's word away gives
the key without that column. Two different rows share a key with a chance of 2^-64.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from schemas.contract import Column
from validators.encoding import Codes, identities
from validators.privacy.pool import Flags, Integers, Pool

if TYPE_CHECKING:
    import pandas as pd

Keys = npt.NDArray[np.uint64]
STAYS_UNIQUE = 0.99


@dataclass(frozen=True, slots=True)
class Matches:
    """(n_pool_rows,) flags. ``own``: the row's key belongs to one unit only, which counts it once; ``exact`` and
    ``near``: such a row stands in the synthetic table, or stands there but for one column.

    ``kept_unique``: for each column, the share of pool rows whose key stays their own without it.
    """

    own: Flags
    exact: Flags
    near: Flags
    kept_unique: dict[str, float]


def matches(pool: Pool, synthetic: "pd.DataFrame", columns: Sequence[Column], rng: np.random.Generator) -> Matches:
    """Exact matches and matches on all columns but one of those that are not needed to tell rows apart."""
    book = identities([pool.table], columns)
    ours, theirs = book.codes(pool.table), book.codes(synthetic)
    sizes = np.maximum(ours.max(axis=0, initial=0), theirs.max(axis=0, initial=0)) + 1
    words = [rng.integers(0, 2**64, size=int(size), dtype=np.uint64) for size in sizes]
    real, fake = _keys(ours, words), _keys(theirs, words)
    own = _own(real, pool.unit)
    exact = own & np.isin(real, fake)
    near, kept = exact.copy(), {}
    for j, column in enumerate(columns):
        short = real - words[j][ours[:, j]]
        own_short = _own(short, pool.unit)
        kept[column.name] = float(own_short.mean())
        if len(columns) > 1 and own_short.sum() >= STAYS_UNIQUE * own.sum():
            near |= own & own_short & np.isin(short, fake - words[j][theirs[:, j]])
    return Matches(own, exact, near, kept)


def _keys(codes: Codes, words: Sequence[Keys]) -> Keys:
    keys = np.zeros(len(codes), dtype=np.uint64)
    for j, word in enumerate(words):
        keys += word[codes[:, j]]
    return keys


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
