"""Exact copies: how often a synthetic row equals a training row, beside how often an unseen real row does."""

import pandas as pd


def copy_rates(train: pd.DataFrame, holdout: pd.DataFrame, synthetic: pd.DataFrame) -> dict[str, float]:
    """``copies`` of training rows among synthetic rows, ``holdout_copies`` among unseen ones, as shares."""
    known = set(_keys(train))
    return {
        "copies": float(_keys(synthetic).isin(known).mean()),
        "holdout_copies": float(_keys(holdout).isin(known).mean()),
    }


def _keys(table: pd.DataFrame) -> "pd.Series[int]":
    """A 64-bit hash of each row, alike for equal values whatever their storage."""
    return pd.util.hash_pandas_object(table.astype(str), index=False)
