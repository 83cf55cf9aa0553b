"""Tokens: what a key is called outside, so that nobody reads it back and no two datasets can be joined on it.

A token is HMAC-SHA256 of the key under the dataset's own key, which is derived from one secret by the dataset's name.
Equal keys of one dataset get equal tokens, so references stay valid; those of two datasets have nothing in common.
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from generators.entities.spelling import spelt
from schemas.contract import Contract
from schemas.errors import ContractError
from schemas.factorized import factorized

if TYPE_CHECKING:
    import pandas as pd

TOKEN_LENGTH = 32


def dataset_key(secret: bytes, dataset: str) -> bytes:
    """The 32-byte key of one dataset's tokens (HMAC-SHA256 as a key derivation, NIST SP 800-108).

    Raises ``ContractError`` where the secret is shorter than 16 bytes.
    """
    if len(secret) < 16:
        raise ContractError("the secret of tokens needs 16 bytes at least")
    return hmac.new(secret, b"perennial-token\x00" + dataset.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()


def tokenise(values: "pd.Series[Any]", secret: bytes) -> "pd.Series[Any]":
    """HMAC-SHA256 tokens (32 hex digits) in place of keys; missing stays missing. Equal keys get equal tokens under one
    secret.
    """
    import pandas as pd

    codes, unique = factorized(values)
    tokens = np.array(
        [hmac.new(secret, spelt(value), hashlib.sha256).hexdigest()[:TOKEN_LENGTH] for value in unique] + [None],
        dtype=object,
    )
    return pd.Series(tokens[codes], index=values.index, name=values.name, dtype=object)


def tokenised(table: "pd.DataFrame", contract: Contract, secret: bytes, also: Iterable[str] = ()) -> "pd.DataFrame":
    """The table with tokens in place of its entity and identifier columns, and of ``also``: do this before any
    generator sees it.

    Columns that refer to a key of the same dataset (``policy.references`` without a table) get the key's tokens.
    """
    key = dataset_key(secret, contract.dataset)
    named = {column.name for column in contract.columns if column.role in ("entity", "identifier")} | set(also)
    linked = named | {item.column for item in contract.policy.references if item.table is None and item.key in named}
    table = table.copy()
    for name in linked & set(table.columns):
        table[name] = tokenise(table[name], key)
    return table
