"""The tables that generators are measured on, with their contracts: public domains stated, nothing else declared."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from generators.arrays import Floats, Ints
from schemas.contract import Contract
from schemas.draft import draft
from schemas.table import conform
from tests.benchmarks.generators import simulators

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


def small(seed: int = 0, epsilon: str = "1", claim: str = "formal") -> Table:
    """Small: 569 biopsies, 20 measures and the diagnosis (scikit-learn's breast cancer table)."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer(as_frame=True)
    frame = found.data[[name for name in found.data if name.startswith(("mean", "worst"))]].copy()
    frame = frame.apply(_at_three_digits)
    frame["diagnosis"] = np.where(found.target == 1, "benign", "malignant")
    return table_of("small", frame, "diagnosis", seed, epsilon, claim)


def wide(seed: int = 0, epsilon: str = "1", claim: str = "formal") -> Table:
    """Wide: 20,000 rows of 61 columns, simulated."""
    return table_of("wide", simulators.survey(), "outcome", seed, epsilon, claim)


def rare(seed: int = 0, epsilon: str = "1", claim: str = "formal") -> Table:
    """Rare positives: 60,000 card transactions, .7 % of them fraud, with what card and terminal did before."""
    return table_of("rare", _transactions().sample(60_000, random_state=7), "tx_fraud", seed, epsilon, claim)


def many(seed: int = 0, epsilon: str = "1", claim: str = "formal") -> Table:
    """High cardinality: 30,000 orders of 480 products from 300 cities, simulated."""
    return table_of("many", simulators.orders(), "returned", seed, epsilon, claim)


def electricity(seed: int = 0, epsilon: str = "1", claim: str = "formal") -> Table:
    """Numbers only: 45,312 half hours of an electricity market, rounded to thousandths."""
    frame = pd.read_parquet(DATA / "elec2.parquet")
    frame["period"] = (frame["period"] * 47).round().astype(int)
    return table_of("electricity", frame.round(3), "class", seed, epsilon, claim)


TABLES: dict[str, Callable[..., Table]] = {
    "adult": adult,
    "small": small,
    "wide": wide,
    "rare": rare,
    "many": many,
    "electricity": electricity,
}
"""Every table by name; each takes ``seed`` (of the split), ``epsilon`` and ``claim``."""


def _at_three_digits(values: "pd.Series[float]") -> "pd.Series[float]":
    """Rounded so that the largest value has three digits: the resolution that the measure has."""
    return values.round(2 - math.floor(math.log10(values.max())))


def _transactions() -> pd.DataFrame:
    """Transactions with the card's mean amount on earlier days and its terminal's frauds 7 to 21 days before."""
    frame = pd.read_parquet(DATA / "fraud_transactions.parquet")
    day = frame["tx_time_days"].to_numpy()
    amount = frame["tx_amount"].to_numpy()
    card, terminal = frame["customer_id"].to_numpy(), frame["terminal_id"].to_numpy()
    spent, made = (_until(card, day, weights) for weights in (amount, np.ones(len(frame))))
    frauds = _until(terminal, day, frame["tx_fraud"].to_numpy())
    before = np.where(made[card, day] > 0, spent[card, day] / np.maximum(made[card, day], 1), 0)
    window = frauds[terminal, np.maximum(day - 7, 0)] - frauds[terminal, np.maximum(day - 21, 0)]
    seconds = frame["tx_time_seconds"].to_numpy()
    return pd.DataFrame(
        {
            "tx_amount": amount,
            "hour": seconds // 3_600 % 24,
            "weekday": day % 7,
            "mean_amount_before": before.round(1),
            "terminal_frauds_before": window.astype(int),
            "tx_fraud": frame["tx_fraud"].to_numpy(),
        }
    )


def _until(keys: Ints, day: Ints, weights: Floats) -> Floats:
    """(keys, days + 1): what a key's weights sum to before each day."""
    days = int(day.max()) + 1
    daily = np.bincount(keys * days + day, weights=weights, minlength=(int(keys.max()) + 1) * days)
    return np.pad(daily.reshape(-1, days).cumsum(axis=1), ((0, 0), (1, 0)))


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
