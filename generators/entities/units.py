"""Privacy units: what one is, and which share it falls into.

Everything is a keyed hash of the unit itself, never of its place in a file, so that snapshots and live rows fall alike
and neither order nor the presence of other units changes anyone's fate.
"""

import hashlib
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from generators.arrays import Words
from generators.entities.spelling import spelt
from schemas.contract import Contract, Split
from schemas.errors import ContractError
from schemas.factorized import factorized
from schemas.keyed_hash import RowHash

if TYPE_CHECKING:
    import pandas as pd

SHARES = ("train", "holdout", "second_holdout", "reference")
TRUE, FALSE = "True", "False"
"""How a row's hash spells booleans."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that are privacy units themselves: the modelled columns of a conformed table, and nothing else of it."""

    table: "pd.DataFrame"


def split(keys: "Rows | pd.Series[Any] | npt.NDArray[Any]", secret: bytes, shares: Split) -> npt.NDArray[np.int8]:
    """For each unit 0 train, 1 holdout, 2 second holdout or 3 reference; equal keys share a fate, missing ones too.

    ``keys`` is the entity column, hashed by keyed BLAKE2b, or the ``Rows`` of a table, by ``row_keys``.
    """
    if isinstance(keys, Rows):
        return fates(row_keys(keys.table, secret), shares)
    import pandas as pd

    codes, unique = factorized(pd.Series(keys))
    # Index -1 takes the last key, which is that of no entity.
    return fates(entity_keys((*unique, None), secret), shares)[codes]


def fates(keys: Words, shares: Split) -> npt.NDArray[np.int8]:
    """The share of each 64-bit key: its first 53 bits are a uniform number."""
    uniform = keys >> np.uint64(11)
    fate = np.zeros(len(keys), dtype=np.int8)
    for edge in _edges(shares):
        fate += uniform >= edge
    return fate


def last_kept(shares: Split) -> np.uint64:
    """The highest key of the train share: any above it is in another share."""
    return np.uint64(min(int(_edges(shares)[0]) * 2**11, 2**64) - 1)


def _edges(shares: Split) -> Words:
    """Where the shares of the first 53 bits end."""
    return np.ceil(np.cumsum([shares.train, shares.holdout, shares.second_holdout]) * 2.0**53).astype(np.uint64)


def units(table: "pd.DataFrame", contract: Contract) -> "Rows | pd.Series[Any]":
    """The privacy unit of each row: the entity column's value, or the row's modelled cells, whatever else it has.

    Raises ``ContractError`` where the table lacks a column of its unit.
    """
    column = contract.policy.privacy.unit.column
    names = [column] if column is not None else [modelled.name for modelled in contract.modelled]
    if absent := [name for name in names if name not in table.columns]:
        raise ContractError(f"the table lacks the column of its privacy unit: {', '.join(absent[:5])}")
    return Rows(table[names]) if column is None else table[column].reset_index(drop=True)


def row_keys(table: "pd.DataFrame", secret: bytes, seen: MutableMapping[int, int] | None = None) -> Words:
    """A keyed 64-bit key of each row: its content and which occurrence of that content it is.

    Duplicate rows are units of their own. The first of them has the key that a stream, which remembers no rows, gives
    to all. Tables that are cut into batches hand the same ``seen`` (content to count, updated here) along with each, so
    that rows get the keys that the whole table would give them. Expects the contract's dtypes, in any column order;
    raises ``ContractError`` for others.
    """
    import pandas as pd

    hashing = RowHash(secret, map(str, table.columns))
    content = np.zeros(len(table), dtype=np.uint64)
    for name in table.columns:
        add_cells(hashing, str(name), table[name], content)
    occurrence = pd.Series(content).groupby(content).cumcount().to_numpy().astype(np.uint64)
    if seen is not None:
        occurrence += np.array([seen.get(int(key), 0) for key in content], dtype=np.uint64)
        unique, counts = np.unique(content, return_counts=True)
        for key, count in zip(unique.tolist(), counts.tolist(), strict=True):
            seen[key] = seen.get(key, 0) + count
    return hashing.keys(content, occurrence)


def add_cells(hashing: RowHash, name: str, cells: "pd.Series[Any]", content: Words) -> None:
    """Add a column of a contract's dtype to rows' hashes: numbers as they are, times as seconds since 1970, texts and
    booleans as words. Raises ``ContractError`` for other dtypes.
    """
    kind = cells.dtype.kind
    if kind == "f":
        hashing.add_numbers(name, cells.to_numpy(dtype=np.float64, na_value=np.nan), content)
    elif kind == "i":
        whole = cells.to_numpy(dtype=np.int64, na_value=0)
        hashing.add_numbers(name, whole, content, cells.isna().to_numpy(dtype=bool))
    elif kind == "M":
        microseconds = cells.astype("datetime64[us]")
        seconds = microseconds.astype("int64").to_numpy() / 1_000_000
        hashing.add_numbers(name, np.where(microseconds.isna(), np.nan, seconds), content)
    elif kind == "b":
        true = cells.to_numpy(dtype=np.int8, na_value=-1)
        hashing.add_words(name, true, (FALSE, TRUE), content)
    elif kind == "O":
        codes, unique = factorized(cells)
        hashing.add_words(name, codes, [str(value) for value in unique], content)
    else:
        raise ContractError(f"a column is not of a contract's dtype: {name}")


def entity_keys(values: Iterable[object], secret: bytes) -> Words:
    """A keyed 64-bit key of each entity: BLAKE2b of the one spelling of its value."""
    keyed = hashlib.blake2b(key=secret[:64], digest_size=8, person=b"perennial-split")
    words = []
    for value in values:
        state = keyed.copy()
        state.update(spelt(value))
        words.append(state.digest())
    return np.frombuffer(b"".join(words), dtype="<u8").astype(np.uint64)
