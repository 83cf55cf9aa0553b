"""A population with structure, as large as wanted, and the evidence that tests draw from it."""

from typing import Any

import numpy as np
import pandas as pd

from schemas.contract import Categories, Column, Contract, Policy, Privacy, PrivacyUnit
from schemas.table import conform
from validators.protocol import Evidence

REGIONS = ("north", "south", "east", "west", "isles")


def contract(**policy: Any) -> Contract:
    """Seven columns of every kind; a binary target that depends on four of them."""
    columns = (
        Column(name="age", type="integer"),
        Column(name="income", type="number"),
        Column(name="region", type="string", domain=Categories(values=REGIONS)),
        Column(name="plan", type="string"),
        Column(name="since", type="date"),
        Column(name="active", type="boolean"),
        Column(name="churned", type="boolean"),
        Column(name="customer", type="integer", role="entity"),
    )
    settings: dict[str, Any] = {"privacy": Privacy(claim="empirical", scope="test"), "target": "churned"} | policy
    return Contract(dataset="test", columns=columns, policy=Policy(**settings))


def by_customer(max_rows: int = 5) -> Contract:
    """The same, where the privacy unit is the customer."""
    unit = PrivacyUnit(kind="entity", column="customer", max_rows=max_rows)
    return contract(privacy=Privacy(claim="empirical", scope="test", unit=unit))


def rows(size: int, rng: np.random.Generator, rows_each: int = 1) -> pd.DataFrame:
    """Independent draws; with ``rows_each`` above 1, customers have that many rows that are alike."""
    customers = np.repeat(np.arange(-(-size // rows_each)), rows_each)[:size]
    trait = rng.normal(size=customers.max(initial=-1) + 1)[customers]
    age = np.clip(np.round(45 + 12 * trait + rng.normal(0, 6, size)), 18, 95)
    region = rng.choice(5, size, p=[0.4, 0.3, 0.15, 0.1, 0.05])
    income = np.round(np.exp(10 + 0.4 * trait + 0.2 * (region == 0) + rng.normal(0, 0.3, size)), 1)
    plan = np.where(income > 25_000, "gold", np.where(rng.random(size) < 0.6, "basic", "plus")).astype(object)
    churn = rng.random(size) < 1 / (1 + np.exp(-(0.12 * (45 - age) + 1.5 * (plan == "basic") - 1 + (region == 4))))
    since = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1_000, size), unit="D")
    income[rng.random(size) < 0.05] = np.nan
    plan[rng.random(size) < 0.03] = None
    return pd.DataFrame({
        "age": age.astype(np.int64), "income": income, "region": np.array(REGIONS, dtype=object)[region], "plan": plan,
        "since": since, "active": rng.random(size) < 0.7, "churned": churn, "customer": customers,
    })  # fmt: skip


def evidence(sizes: tuple[int, int, int, int] = (1_500, 800, 500, 1_500), seed: int = 0, **changes: Any) -> Evidence:
    """Train, holdout, reference and a fresh synthetic table of these sizes, all from the population, typed."""
    rng = np.random.default_rng([seed, 77])
    stated = changes.pop("contract", contract())
    parts = [conform(rows(size, rng), stated).table for size in sizes]
    settings = {"contract": stated, "train": parts[0], "holdout": parts[1], "reference": parts[2],
                "synthetic": parts[3], "seed": seed} | changes  # fmt: skip
    return Evidence(**settings)


def independent(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Every column shuffled by itself: right marginals, nothing else."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        name: table[name].iloc[rng.permutation(len(table))].reset_index(drop=True) for name in table
    })  # fmt: skip
