"""Bounded contributions: how many rows of one entity are used, in one table or in several tables together."""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from generators.arrays import Bools, Words
from schemas.errors import ContractError
from schemas.factorized import factorized

if TYPE_CHECKING:
    import pandas as pd


def bound(table: "pd.DataFrame", column: str, max_rows: int, secret: bytes) -> "pd.DataFrame":
    """At most ``max_rows`` rows of each entity, chosen by a keyed hash of the rows themselves; rows without one are
    left out.

    The choice within an entity looks at its own rows only, so adding or removing an entity changes ``max_rows`` rows at
    most, and the L2 sensitivity of any table of counts is ``max_rows``. The rest keep their order.
    """
    import pandas as pd

    if column not in table.columns:
        raise ContractError(f"the table lacks the column of its privacy unit: {column}")
    codes, _ = factorized(table[column])
    order = np.lexsort((_content(table, secret), codes))
    rank = pd.Series(codes[order]).groupby(codes[order]).cumcount().to_numpy()
    kept = np.zeros(len(table), dtype=bool)
    kept[order] = (rank < max_rows) & (codes[order] >= 0)
    return table[kept].reset_index(drop=True)


def _content(table: "pd.DataFrame", secret: bytes) -> Words:
    """A 64-bit hash of each row's content. Collisions only let two units share a fate."""
    import pandas as pd

    key = hashlib.blake2b(b"rows", key=secret[:64], digest_size=8).hexdigest()
    return np.asarray(pd.util.hash_pandas_object(table, index=False, hash_key=key, categorize=True), dtype=np.uint64)


def bounded_together(
    tables: "Mapping[str, tuple[pd.DataFrame, pd.Series[Any]]]", secret: bytes, most: int, each: Mapping[str, int]
) -> dict[str, Bools]:
    """Which rows of several tables are used: of each entity at most ``most`` of all tables together, and at most
    ``each`` of a table that it names.

    ``tables`` are rows with the entity that each belongs to; rows without one are left out. Which rows of an entity
    are taken looks at its own rows only (keyed hashes of the rows, tables told apart), so adding or removing an entity
    changes ``most`` rows at most, and the L2 sensitivity of all counts of all tables together is ``most``.
    """
    import pandas as pd

    owners = pd.concat([owner.astype(object) for _, owner in tables.values()], ignore_index=True)
    place = np.concatenate([np.full(len(table), number) for number, (table, _) in enumerate(tables.values())])
    content = np.concatenate(
        [_content(table, _of_table(secret, name)) for name, (table, _) in tables.items()] or [np.zeros(0, np.uint64)]
    )
    codes, _ = factorized(owners)
    kept = codes >= 0
    for number, name in enumerate(tables):
        if name in each:
            kept &= (place != number) | (_ranks(content, np.where(place == number, codes, -1)) < each[name])
    kept &= _ranks(content, np.where(kept, codes, -1)) < most
    cuts = np.cumsum([len(table) for table, _ in tables.values()])[:-1]
    return dict(zip(tables, np.split(kept, cuts), strict=True))


def _ranks(content: Words, codes: "np.ndarray[Any, np.dtype[np.int64]]") -> "np.ndarray[Any, np.dtype[np.int64]]":
    """The place of each row among those of its entity in the order of their hashes; equal rows in their own order."""
    import pandas as pd

    order = np.lexsort((content, codes))
    ranks = np.empty(len(codes), dtype=np.int64)
    ranks[order] = pd.Series(codes[order]).groupby(codes[order]).cumcount().to_numpy()
    return ranks


def _of_table(secret: bytes, name: str) -> bytes:
    return hashlib.blake2b(name.encode(), key=secret[:64], digest_size=32, person=b"perennial-views").digest()
