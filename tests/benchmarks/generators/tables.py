"""The tables that generators are measured on, with their contracts: public domains stated, nothing else declared."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from schemas.contract import Contract
from schemas.draft import draft
from schemas.table import conform

DATA = Path(__file__).parents[3] / ".." / "shared" / "data"
HOLDOUT = 0.2


@dataclass(frozen=True, slots=True)
class Table:
    """Typed train and held-out rows of a dataset, its contract and its target."""

    name: str
    contract: Contract
    train: pd.DataFrame
    holdout: pd.DataFrame
    target: str


def adult(seed: int = 0, epsilon: str = "1", claim: str = "formal") -> Table:
    """Adult: 39,073 rows to fit to, 9,769 held out."""
    return table_of("adult", pd.read_parquet(DATA / "adult.parquet"), "income", seed, epsilon, claim)


def table_of(
    name: str, frame: pd.DataFrame, target: str, seed: int = 0, epsilon: str = "1", claim: str = "formal"
) -> Table:
    """A frame split at random, under a contract drafted from it whose domains count as public."""
    drafted = draft(frame, name, target, epsilon=epsilon, public_domains=True).contract
    privacy = drafted.policy.privacy.model_copy(update={"claim": claim})
    policy = drafted.policy.model_copy(update={"privacy": privacy, "dependencies": ()})
    contract = drafted.model_copy(update={"policy": policy})
    typed = conform(frame, contract).table
    order = np.random.default_rng(seed).permutation(len(typed))
    cut = round(HOLDOUT * len(typed)) if len(typed) != 48_842 else 9_769
    held, kept = order[:cut], order[cut:]
    return Table(
        name, contract, typed.iloc[kept].reset_index(drop=True), typed.iloc[held].reset_index(drop=True), target
    )
