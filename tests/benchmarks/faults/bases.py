"""The unfaulted tables: fresh real rows as the candidate, which no fault's metric may refuse.

Adult with its three small groups of ``race`` taken together, so that each group has support; the same with a code made
of two other columns; and card payments by customer, with keys, references and times.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from schemas.contract import Column, Constraint, Contract, Policy, Privacy, PrivacyUnit, Range, Tier
from schemas.draft import draft
from schemas.relations import Reference, Sequence
from schemas.usage import Usage
from tests.benchmarks.faults.scene import Scene

DATA = Path(__file__).parents[3] / ".." / "shared" / "data"
ADULT, FRAUD = DATA / "adult.parquet", DATA / "fraud_transactions.parquet"
SIZES = (4_000, 6_000, 4_000, 4_000, 8_000)
"""Rows of train, holdout, reference, candidate and pool."""
CUSTOMERS = (500, 500, 500, 500, 500)
"""Alike on every side, so that keys counted from one tell nothing of the side."""
EACH = 8
"""Payments in a row of each customer."""
USAGE = Usage(
    purpose="Development and tests of credit models.",
    intended_uses=("software tests", "model development"),
    prohibited_uses=("decisions about individuals",),
    classification="internal",
    retention_days=90,
    consumers=("model-development",),
    jurisdictions=("EU",),
)
WIDE = {"age": 120.0, "fnlwgt": 1e9, "education_num": 16.0, "capital_gain": 1e6, "capital_loss": 1e5,
        "hours_per_week": 168.0}  # fmt: skip
"""Generous public bounds, so that statistics and not the schema must find what is off."""


def adult_frame() -> pd.DataFrame:
    """Adult, its three small groups of ``race`` taken together."""
    frame = pd.read_parquet(ADULT)
    frame["race"] = frame["race"].where(frame["race"].isin(["White", "Black"]), "Other")
    return frame


def adult() -> Scene:
    """Census rows: 15 columns of every kind but times, the target ``income``, groups by ``sex`` and ``race``."""
    return _adult(adult_frame(), {})


def adult_cohort() -> Scene:
    """Adult and a code: whether ``fnlwgt`` lies above its median, exclusive or ``sex``, one in ten at random."""
    frame = adult_frame()
    rng = np.random.default_rng(16)
    code = (frame["fnlwgt"] > frame["fnlwgt"].median()) ^ (frame["sex"] == "Male")
    code = np.where(rng.random(len(frame)) < 0.1, rng.random(len(frame)) < 0.5, code)
    frame["cohort"] = np.where(code, "A", "B").astype(object)
    return _adult(frame, {"triples": (("fnlwgt", "sex", "cohort"),)})


def _adult(frame: pd.DataFrame, policy: dict[str, object]) -> Scene:
    drafted = draft(frame, "adult", target="income", subgroups=("sex", "race"), public_domains=True).contract
    columns = tuple(
        column.model_copy(update={"domain": Range(lower=0, upper=WIDE[column.name], resolution=1, confirmed=True)})
        if column.name in WIDE
        else column
        for column in drafted.columns
    )
    decided = {
        "privacy": Privacy(claim="empirical", scope="adult"),
        "quasi_identifiers": ("age", "sex", "race", "marital_status", "native_country"),
        "sensitive": ("occupation",),
        "usage": USAGE,
        **policy,
    }
    contract = Contract.model_validate(
        drafted.model_dump() | {"columns": columns, "policy": drafted.policy.model_dump() | decided}
    )
    order = np.random.default_rng(1994).permutation(len(frame))
    parts = [frame.iloc[rows].reset_index(drop=True) for rows in np.split(order, np.cumsum(SIZES))[:5]]
    return Scene(contract, *parts)


def payments() -> Scene:
    """Card payments, eight in a row of each customer; customers are the unit and are split at random.

    ``payment`` is a key, ``terminal`` refers to the table ``terminals``, rows of one ``account`` are a sequence in
    the order of ``at``; ``spent`` is the account's running total, ``settled`` comes one to three days after ``at``.
    """
    frame = _payments_frame()
    order = np.random.default_rng(2018).permutation(frame["customer"].unique())
    parts = [renumbered(frame[frame["customer"].isin(chosen)]) for chosen in np.split(order, np.cumsum(CUSTOMERS))[:5]]
    terminals = pd.DataFrame(
        {"terminal_id": np.sort(pd.read_parquet(FRAUD, columns=["terminal_id"])["terminal_id"].unique())}
    )
    contract = _payments_contract()
    released = [column.name for column in contract.modelled]
    return Scene(contract, *parts[:3], parts[3][released], parts[4][released], {"terminals": terminals})


def _payments_frame() -> pd.DataFrame:
    raw = pd.read_parquet(FRAUD).sort_values(["customer_id", "tx_datetime"], kind="stable")
    rng = np.random.default_rng(60)
    sizes = raw.groupby("customer_id").size()
    kept = sizes[sizes >= 2 * EACH].index.to_numpy()
    kept = np.sort(rng.permutation(kept)[: sum(CUSTOMERS)])
    raw = raw[raw["customer_id"].isin(kept)]
    place = raw.groupby("customer_id").cumcount()
    start = pd.Series(rng.random(len(kept)), index=kept) * (sizes[kept] - EACH)
    first = raw["customer_id"].map(start.astype(int))
    raw = raw[(place >= first) & (place < first + EACH)].reset_index(drop=True)
    at = raw["tx_datetime"].astype("datetime64[us]")
    return pd.DataFrame({
        "customer": raw["customer_id"],
        "at": at,
        "settled": at + rng.integers(86_400, 3 * 86_400, len(raw)).astype("timedelta64[s]"),
        "terminal": raw["terminal_id"],
        "amount": raw["tx_amount"],
        "spent": raw.groupby("customer_id")["tx_amount"].cumsum().round(2),
    })  # fmt: skip


def renumbered(part: pd.DataFrame) -> pd.DataFrame:
    """In order of time, with random keys of this table alone: they tell nothing of time, side or person."""
    part = part.drop(columns=["payment", "account"], errors="ignore")
    part = part.sort_values(["at", "customer"], kind="stable").reset_index(drop=True)
    rng = np.random.default_rng(int(part["customer"].sum()))
    part.insert(0, "payment", rng.permutation(len(part)) + 1)
    customers = np.sort(part["customer"].unique())
    accounts = pd.Series(rng.permutation(len(customers)) + 1, index=customers)
    part.insert(1, "account", part["customer"].map(accounts).to_numpy())
    return part


def _payments_contract() -> Contract:
    def column(name: str, kind: str, **more: object) -> Column:
        return Column.model_validate({"name": name, "type": kind, "required": True, **more})

    return Contract(
        dataset="payments",
        columns=(
            column("payment", "integer", unique=True),
            column("account", "integer"),
            column("at", "timestamp"),
            column("settled", "timestamp"),
            column("terminal", "integer"),
            column("amount", "number"),
            column("spent", "number"),
            column("customer", "integer", role="entity"),
        ),
        policy=Policy(
            privacy=Privacy(
                claim="empirical",
                scope="payments",
                unit=PrivacyUnit(kind="entity", column="customer", max_rows=EACH),
            ),
            tier=Tier(),
            constraints=(
                Constraint(left="amount", operator=">=", constant=0),
                Constraint(left="settled", operator=">=", right="at"),
            ),
            references=(Reference(column="terminal", table="terminals", key="terminal_id"),),
            sequence=Sequence(entity="account", time="at"),
            usage=USAGE,
        ),
    )


BASES: dict[str, Callable[[], Scene]] = {"adult": adult, "adult_cohort": adult_cohort, "payments": payments}


@cache
def base(name: str) -> Scene:
    """The unfaulted scene of that name, made once."""
    return BASES[name]()


def second_fresh(scene: Scene) -> Scene:
    """Another fresh real table in place of the candidate: how much a score moves without any fault."""
    return scene.releasing(scene.pool.head(len(scene.synthetic)))


def private_release(scene: Scene) -> Scene:
    """An honest private release of Adult: ``dp-marginals`` fitted to train at epsilon 1."""
    from generators.protocol import FitRequest
    from generators.registry import family
    from schemas.table import conform

    drafted = draft(adult_frame(), "adult", target="income", public_domains=True).contract
    honest = family("dp-marginals")
    request = FitRequest(drafted, bytes(range(32)), honest.mechanisms(drafted, len(scene.train)))
    model = honest.fit(conform(scene.train, drafted).table, request, lambda done, what: None)
    return replace(scene, synthetic=model.sample(len(scene.synthetic), 1))
