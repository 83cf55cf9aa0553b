"""Agents on the fraud data: how near the simulation is to its source, what it costs, what a detector learns from it.

The detector is LightGBM on four features that say what the handbook's scenarios do; it is trained on days 0 to 34, real
or simulated, and tested on the real days 42 to 59. AUPRC, one seed.
"""

import time
from typing import Any

import numpy as np
import pandas as pd

from generators.protocol import FitRequest, silent
from generators.registry import family
from schemas.contract import Categories, Column, Contract, Policy, Privacy, Range
from schemas.relations import Reference, Sequence
from schemas.table import conform
from tests.benchmarks.generators.score import auc
from tests.benchmarks.generators.tables import DATA

FIRST, DAY, DAYS = 1_522_540_800, 86_400, 60
LAST = FIRST + DAYS * DAY
TRAIN, TEST = 35, 42
PAST, DELAY = 28, 7
WHO, WHERE, WHEN, AMOUNT, FRAUD = "customer_id", "terminal_id", "tx_datetime", "tx_amount", "tx_fraud"
ONCE: dict[str, float] = {"handbook": 1.0}


def contract() -> Contract:
    """Customer, terminal, time, amount and fraud; everything else of the file is left out."""
    columns = (
        Column(
            name=WHEN,
            type="timestamp",
            required=True,
            domain=Range(lower=FIRST, upper=LAST, resolution=1),
        ),
        Column(name=WHO, type="integer", required=True, domain=Range(lower=0, upper=4_999, resolution=1)),
        Column(name=WHERE, type="integer", required=True, domain=Range(lower=0, upper=9_999, resolution=1)),
        Column(name=AMOUNT, type="number", required=True, domain=Range(lower=0, upper=3_000, resolution=0.01)),
        Column(name=FRAUD, type="integer", required=True, domain=Categories(values=(0, 1))),
    )
    policy = Policy(
        privacy=Privacy(scope="fraud", claim="empirical"),
        target=FRAUD,
        sequence=Sequence(entity=WHO, time=WHEN),
        references=(Reference(column=WHERE, table="terminals", key=WHERE),),
    )
    return Contract(dataset="fraud", columns=columns, policy=policy)


def measure(quick: bool) -> list[dict[str, Any]]:
    """One row for the source and one for the simulation."""
    real = conform(pd.read_parquet(DATA / "fraud_transactions.parquet"), contract()).table
    if quick:
        real = real[real[WHO] < 1_000].reset_index(drop=True)
    day = (real[WHEN] - pd.Timestamp(FIRST, unit="s")).dt.days
    early, features = real[day < TRAIN].reset_index(drop=True), described(real)
    test = features[(day >= TEST).to_numpy()]
    started = time.process_time()
    model = family("agents").fit(early, FitRequest(contract(), bytes(32), parameters=ONCE), silent)
    fitted = time.process_time()
    made = model.sample(len(early), 1)  # type: ignore[union-attr]
    sampled = time.process_time()
    costs = {"fit_cpu_s": round(fitted - started, 2), "sample_cpu_s": round(sampled - fitted, 2)}
    size = {"model_bytes": len(model.to_bytes())}  # type: ignore[union-attr]
    return [
        {"source": "real", **facts(early), "auprc": _auprc(features[(day < TRAIN).to_numpy()], test)},
        {"source": "agents", **facts(made), "auprc": _auprc(described(made), test), **costs, **size},
    ]


def facts(table: pd.DataFrame) -> dict[str, Any]:
    """Sizes and shapes that a simulation should keep."""
    rows, by_customer, by_terminal = table.groupby(WHO).size(), table.groupby(WHO)[WHERE], table.groupby(WHERE)[WHO]
    hours = table[WHEN].dt.hour
    return {
        "rows": len(table),
        "customers": len(rows),
        "rows_a_customer": round(float(rows.mean()), 1),
        "rows_a_customer_sd": round(float(rows.std()), 1),
        "terminals_a_customer": round(float(by_customer.nunique().mean()), 1),
        "customers_a_terminal": round(float(by_terminal.nunique().mean()), 1),
        "amount_median": round(float(table[AMOUNT].median()), 2),
        "amount_95": round(float(table[AMOUNT].quantile(0.95)), 2),
        "from_9_to_15": round(float(hours.between(9, 14).mean()), 3),
        "fraud": round(float((table[FRAUD] == 1).mean()), 5),
    }


def described(table: pd.DataFrame) -> pd.DataFrame:
    """Amount, amount over the customer's mean so far, and the terminal's rows and frauds of four weeks, a week ago."""
    ordered = table.assign(place=np.arange(len(table))).sort_values([WHO, WHEN], kind="stable")
    grouped = ordered.groupby(WHO)[AMOUNT]
    before = (grouped.cumsum() - ordered[AMOUNT]) / grouped.cumcount().clip(lower=1)
    ratio = (ordered[AMOUNT] / before.where(before > 0)).set_axis(ordered["place"]).sort_index()
    rows, frauds = _past(table)
    return pd.DataFrame(
        {
            "amount": table[AMOUNT].to_numpy(),
            "ratio": ratio.to_numpy(),
            "terminal_rows": rows,
            "terminal_share": frauds / np.maximum(rows, 1),
            FRAUD: (table[FRAUD] == 1).astype(int).to_numpy(),
        }
    )


def _past(table: pd.DataFrame) -> tuple[Any, Any]:
    """Rows and frauds of each row's terminal in the four weeks that ended a week ago."""
    codes, _ = pd.factorize(table[WHERE])
    day = (table[WHEN] - pd.Timestamp(FIRST, unit="s")).dt.days.to_numpy()
    shape = (int(codes.max()) + 1, DAYS + 2)
    found = []
    for weights in (np.ones(len(table)), (table[FRAUD] == 1).to_numpy(dtype=float)):
        counts = np.zeros(shape)
        np.add.at(counts, (codes, day + 1), weights)
        total = counts.cumsum(axis=1)
        end, begin = np.maximum(0, day - DELAY + 1), np.maximum(0, day - DELAY - PAST + 1)
        found.append(total[codes, end] - total[codes, begin])
    return found[0], found[1]


def _auprc(train: pd.DataFrame, test: pd.DataFrame) -> float:
    return round(auc(train, test, FRAUD, metric="auprc"), 3)
