"""Sequences through the leak gate: card payments by trees, refused or not over draws of train and held-out rows.

Rows are split as a contract may split them: each by itself, or whole customers. The gate looks at the release as it
is, and at two tables read off it that would show what the release hides. ``events`` leave out customer and terminal,
whose shuffled keys hide a payment that reappears, and tell the time by the hour. ``lives`` are a row a customer: how
many payments, from when to when, how much, at how many terminals, how many frauds. Beside each, the same release with
copied training rows in it: a gate that passed those would say nothing.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from generators.generation import generate
from generators.protocol import FitFailed
from schemas.contract import Column, Contract, Policy, Privacy, PrivacyUnit
from schemas.table import conform
from tests.benchmarks.generators.fraud import COLUMNS, FIRST, TARGET, contract, days
from validators.privacy.leak import Leak
from validators.protocol import Evidence
from validators.statistics import clopper_pearson

CUSTOMER, TERMINAL, WHEN, AMOUNT = COLUMNS[:4]
CUSTOMERS = (1_000, 5_000)
EDGES = (0.5, 0.7)
"""Half of the rows or customers are fitted to, a fifth is held out, the rest is the attacker's reference."""
MOST = 200
"""More payments than any customer makes in the fitted days, so that no sequence is cut."""
LEAKED = 0.005
SEEDS, QUICK_SEEDS = 20, 2

Split = Literal["rows", "customers"]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Train, holdout and reference rows; ``owners`` are their customers where customers were split."""

    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
    owners: "tuple[np.ndarray[Any, Any], ...] | None"


def measure(quick: bool) -> list[dict[str, Any]]:
    """A row for each split, number of customers and look: releases refused, and releases with copies refused."""
    real, found = days().fitted, []
    for split in ("rows", "customers"):
        for customers in CUSTOMERS[:1] if quick else CUSTOMERS:
            found += refusals(real, split, customers, QUICK_SEEDS if quick else SEEDS)
    return found


def refusals(
    real: pd.DataFrame, split: Split, customers: int, seeds: int, parameters: dict[str, float] | None = None
) -> list[dict[str, Any]]:
    """Over ``seeds`` draws of customers and of their split, each with its own fit."""
    counts: dict[str, list[bool]] = {}
    caught: dict[str, list[bool]] = {}
    chances: dict[str, list[float]] = {}
    started, rows = time.process_time(), 0
    for seed in range(seeds):
        drawn = draw(real, split, customers, seed)
        made = generate(drawn.tables[0], pinned(split), "trees", None, seed, parameters=parameters)
        if isinstance(made, FitFailed):
            raise RuntimeError(made.detail)
        rows += len(made.table)
        for name, evidence, leaking in looks(drawn, made.table, split, seed):
            finding = Leak().measure(evidence)[0]
            counts.setdefault(name, []).append(finding.verdict == "FAIL")
            chances.setdefault(name, []).append(float(finding.value or 0.0))
            caught.setdefault(name, []).append(Leak().measure(leaking)[0].verdict == "FAIL")
    return [
        {
            "split by": split, "customers": customers, "rows fitted to": rows // seeds, "look at": name,
            "leak_gate_refused": sum(refused), "seeds": seeds, "interval": list(clopper_pearson(sum(refused), seeds)),
            "smallest p": min(chances[name]), "refused with copies": sum(caught[name]),
            "CPU s a seed": round((time.process_time() - started) / seeds, 1),
        }
        for name, refused in counts.items()
    ]  # fmt: skip


def pinned(split: Split) -> Contract:
    """The benchmark's contract; the customer is the privacy unit where customers are split."""
    given = contract()
    if split == "rows":
        return given
    unit = PrivacyUnit(kind="entity", column=CUSTOMER, max_rows=MOST)
    policy = given.policy.model_copy(update={"privacy": given.policy.privacy.model_copy(update={"unit": unit})})
    return given.model_copy(update={"policy": policy})


def draw(real: pd.DataFrame, split: Split, customers: int, seed: int) -> Drawn:
    """The rows of so many customers, split at random."""
    rng = np.random.default_rng(seed)
    owner = real[CUSTOMER].to_numpy(dtype=np.int64)
    chosen = np.isin(owner, rng.permutation(owner.max() + 1)[:customers])
    rows, owner = real[chosen], owner[chosen]
    lots = rng.random(len(rows)) if split == "rows" else rng.random(owner.max() + 1)[owner]
    part = np.searchsorted(EDGES, lots, side="right")
    train, holdout, reference = (rows[part == side].reset_index(drop=True) for side in range(3))
    owners = None if split == "rows" else tuple(owner[part == side] for side in range(3))
    return Drawn((train, holdout, reference), owners)


def looks(drawn: Drawn, made: pd.DataFrame, split: Split, seed: int) -> Iterator[tuple[str, Evidence, Evidence]]:
    """Each look's name, its evidence, and the evidence where copies of training rows stand in the release."""
    copied = leaking(made, drawn.tables[0], split, seed)
    yield _look("the release", drawn, (made, copied), lambda table: table, pinned(split), drawn.owners, seed)
    yield _look("events", drawn, (made, copied), events, None, drawn.owners, seed)
    if split == "customers":
        yield _look("lives", drawn, (made, copied), lives, None, None, seed)


def leaking(made: pd.DataFrame, train: pd.DataFrame, split: Split, seed: int) -> pd.DataFrame:
    """The release with a share of it copied from ``train``: rows, or all rows of as many customers as the share takes
    (ten at least, under their own keys).
    """
    rng = np.random.default_rng(1_000 + seed)
    if split == "rows":
        copies = train.iloc[rng.permutation(len(train))[: round(LEAKED * len(made))]]
    else:
        named = rng.permutation(train[CUSTOMER].unique())
        copies = train[train[CUSTOMER].isin(named[: max(10, round(LEAKED * len(named)))])]
        made = made[~made[CUSTOMER].isin(copies[CUSTOMER])]
    return pd.concat([made.iloc[: len(made) - len(copies)], copies], ignore_index=True)


def events(table: pd.DataFrame) -> pd.DataFrame:
    """Payments without their keys, by the hour."""
    found = {"hour": _seconds(table) // 3_600, "amount": table[AMOUNT].astype(float), "fraud": table[TARGET]}
    return pd.DataFrame(found).astype({"hour": "int64", "fraud": "int64"})


def lives(table: pd.DataFrame) -> pd.DataFrame:
    """A row a customer."""
    facts = pd.DataFrame({"customer": table[CUSTOMER], "hour": _seconds(table) // 3_600, "terminal": table[TERMINAL],
                          "amount": table[AMOUNT].astype(float), "fraud": table[TARGET].astype("int64")})  # fmt: skip
    by = facts.groupby("customer")
    found = {"rows": by.size(), "first": by["hour"].min(), "last": by["hour"].max(),
             "terminals": by["terminal"].nunique(), "frauds": by["fraud"].sum(), "median": by["amount"].median(),
             "mean": by["amount"].mean().round(2), "largest": by["amount"].max()}  # fmt: skip
    whole = dict.fromkeys(("rows", "first", "last", "terminals", "frauds"), "int64")
    return pd.DataFrame(found).astype(whole).reset_index(drop=True)


def _seconds(table: pd.DataFrame) -> "pd.Series[int]":
    return (table[WHEN] - FIRST).dt.total_seconds().astype("int64")


def _look(
    name: str,
    drawn: Drawn,
    made: tuple[pd.DataFrame, pd.DataFrame],
    view: Callable[[pd.DataFrame], pd.DataFrame],
    pinned_to: Contract | None,
    owners: "tuple[np.ndarray[Any, Any], ...] | None",
    seed: int,
) -> tuple[str, Evidence, Evidence]:
    seen = [view(table) for table in (*drawn.tables, *made)]
    agreed = pinned_to or plain(seen[0], owners is not None)
    train, holdout, reference, released, copied = (conform(table, agreed).table for table in seen)
    entities = None if owners is None else (owners[0], owners[1], owners[2])
    evidence = Evidence(agreed, released, train, holdout, reference, seed, entities)
    return name, evidence, replace(evidence, synthetic=copied)


def plain(table: pd.DataFrame, by_entity: bool) -> Contract:
    """A contract without domains; where units are entities, they are handed over beside the rows."""
    columns = tuple(
        Column(name=name, type="number" if values.dtype.kind == "f" else "integer") for name, values in table.items()
    )
    columns += (Column(name=CUSTOMER, type="integer", role="entity"),) if by_entity else ()
    unit = PrivacyUnit(kind="entity", column=CUSTOMER, max_rows=MOST) if by_entity else PrivacyUnit()
    privacy = Privacy(scope="fraud", claim="empirical", unit=unit)
    return Contract(dataset="fraud", columns=columns, policy=Policy(privacy=privacy))
