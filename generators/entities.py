"""Privacy units: who falls into which share, how much one may contribute, and what name it bears outside.

Everything is a keyed hash of the unit itself, never of its place in a file, so that snapshots and live rows fall alike
and neither order nor the presence of other units changes anyone's fate.
"""

import hashlib
import hmac
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from generators.arrays import Words
from schemas.contract import Contract, Split
from schemas.errors import ContractError

if TYPE_CHECKING:
    import pandas as pd

SHARES = ("train", "holdout", "second_holdout", "reference")
TOKEN_LENGTH = 32


def split(keys: "pd.Series[Any] | npt.NDArray[Any]", secret: bytes, shares: Split) -> npt.NDArray[np.int8]:
    """For each key 0 train, 1 holdout, 2 second holdout or 3 reference; equal keys share a fate, missing ones too.

    ``keys`` is the entity column, or ``row_keys`` where the unit is the row. Keyed BLAKE2b, 53 bits to a uniform
    number.
    """
    import pandas as pd

    codes, unique = pd.factorize(pd.Series(keys), use_na_sentinel=False)
    edges = np.cumsum([shares.train, shares.holdout, shares.second_holdout])
    uniform = np.array([_uniform(_text(value), secret) for value in unique], dtype=np.float64)
    return np.searchsorted(edges, uniform, side="right").astype(np.int8)[codes]


def units(table: "pd.DataFrame", contract: Contract) -> "pd.Series[Any]":
    """The privacy unit of each row: the entity column's value, or the row's own key."""
    import pandas as pd

    column = contract.policy.privacy.unit.column
    if column is None:
        return pd.Series(row_keys(table))
    if column not in table.columns:
        raise ContractError(f"the table lacks the column of its privacy unit: {column}")
    return table[column].reset_index(drop=True)


def row_keys(table: "pd.DataFrame", seen: MutableMapping[int, int] | None = None) -> Words:
    """A 64-bit key of each row: its content and which occurrence of that content it is.

    Duplicate rows are units of their own. A stream hands the same ``seen`` (content to count, updated here) along with
    each batch, so that rows arriving in batches get the keys that the whole table would give them. Expects the
    contract's dtypes and column order.
    """
    import pandas as pd

    content = _content(table, b"")
    occurrence = pd.Series(content).groupby(content).cumcount().to_numpy(dtype=np.uint64)
    if seen is not None:
        occurrence += np.array([seen.get(int(key), 0) for key in content], dtype=np.uint64)
        unique, counts = np.unique(content, return_counts=True)
        for key, count in zip(unique.tolist(), counts.tolist(), strict=True):
            seen[key] = seen.get(key, 0) + count
    return content + occurrence * np.uint64(0x9E3779B97F4A7C15)


def bound(table: "pd.DataFrame", column: str, max_rows: int, secret: bytes) -> "pd.DataFrame":
    """At most ``max_rows`` rows of each entity, chosen by a keyed hash of the rows themselves; rows without one are
    left out.

    The choice within an entity looks at its own rows only, so adding or removing an entity changes ``max_rows`` rows at
    most, and the L2 sensitivity of any table of counts is ``max_rows``. The rest keep their order.
    """
    import pandas as pd

    if column not in table.columns:
        raise ContractError(f"the table lacks the column of its privacy unit: {column}")
    codes, _ = pd.factorize(table[column])
    order = np.lexsort((_content(table, secret), codes))
    rank = pd.Series(codes[order]).groupby(codes[order]).cumcount().to_numpy()
    kept = np.zeros(len(table), dtype=bool)
    kept[order] = (rank < max_rows) & (codes[order] >= 0)
    return table[kept].reset_index(drop=True)


def tokenise(values: "pd.Series[Any]", secret: bytes) -> "pd.Series[Any]":
    """HMAC-SHA256 tokens (32 hex digits) in place of keys; missing stays missing. Equal keys get equal tokens under one
    secret.
    """
    import pandas as pd

    codes, unique = pd.factorize(values)
    tokens = np.array(
        [hmac.new(secret, _text(value), hashlib.sha256).hexdigest()[:TOKEN_LENGTH] for value in unique] + [None],
        dtype=object,
    )
    return pd.Series(tokens[codes], index=values.index, name=values.name, dtype=object)


def _content(table: "pd.DataFrame", secret: bytes) -> Words:
    """A 64-bit hash of each row's content. Collisions only let two units share a fate."""
    import pandas as pd

    key = hashlib.blake2b(b"rows", key=secret[:64], digest_size=8).hexdigest()
    return np.asarray(pd.util.hash_pandas_object(table, index=False, hash_key=key, categorize=True), dtype=np.uint64)


def _uniform(value: bytes, secret: bytes) -> float:
    word = hashlib.blake2b(value, key=secret[:64], digest_size=8, person=b"perennial-split").digest()
    return float(int.from_bytes(word, "little") >> 11) / float(2**53)


def _text(value: object) -> bytes:
    """One spelling for one key: whole numbers of any width and float type alike, missing values alike."""
    import pandas as pd

    if pd.api.types.is_scalar(value) and bool(pd.isna(value)):  # type: ignore[call-overload]
        return b"\x00missing"
    if isinstance(value, (bool, np.bool_)):
        return b"b" + str(bool(value)).encode()
    if isinstance(value, (int, np.integer)):
        return b"i" + str(int(value)).encode()
    if isinstance(value, (float, np.floating)):
        return b"i" + str(int(value)).encode() if float(value).is_integer() else b"f" + repr(float(value)).encode()
    if isinstance(value, bytes):
        return b"s" + value
    return b"s" + str(value).encode("utf-8", "surrogatepass")
