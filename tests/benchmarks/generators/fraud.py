"""Card transactions: detectors trained on what generators draw, tested on later real days.

Families are fitted to the first 45 days; the last 8 are the test, so that the 7 days between are the delay after which
a fraud is known. The features are the usual ones of the Fraud Detection Handbook, computed alike from real and from
synthetic rows (sequences at their natural rate). The balanced set is drawn afterwards from rows with their features: a
history is read off whole sequences, never off a set in which most rows are missing.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from generators.generation import generate
from generators.protocol import FitFailed, FitRequest, silent
from generators.registry import family
from schemas.contract import Categories, Column, Contract, Policy, Privacy, PrivacyUnit, Range
from schemas.draft import draft
from schemas.relations import Reference, Sequence
from schemas.table import conform
from tests.benchmarks.generators.score import auc, booster, coded
from tests.benchmarks.generators.tables import DATA

FIRST = pd.Timestamp("2018-04-01")
DAY = 86_400
FITTED, WARM, TESTED = 45, 15, 52
"""Days fitted to, days whose rows have too short a history to learn from, and the first day of the test."""
DELAY = 7
WINDOWS = (1, 7, 30)
FRAUD = 0.2
TARGET = "tx_fraud"
COLUMNS = ["customer_id", "terminal_id", "tx_datetime", "tx_amount", TARGET]
ASIDE = ("day", "customer_id", "draw")
"""What is kept beside the features."""
MAX_ROWS = 5
OWN = ["tx_amount", "customer_rows_1", "customer_mean_7"]
"""Features that rest on the rows of one customer alone: what a guarantee for customers allows. Few, as each costs
budget.
"""


def contract() -> Contract:
    """Customers and terminals are keys of other tables, and public; a customer's rows are in order of time."""
    start = FIRST.timestamp()
    keys = {"customer_id": 4_999, "terminal_id": 9_999}
    columns = [
        Column(name=name, type="integer", required=True, domain=Range(lower=0, upper=upper, resolution=1))
        for name, upper in keys.items()
    ]
    whole = Range(lower=start, upper=start + FITTED * DAY - 1, resolution=1)
    columns += [
        Column(name="tx_datetime", type="timestamp", required=True, domain=whole),
        Column(name="tx_amount", type="number", required=True, domain=Range(lower=0, upper=3_000, resolution=0.01)),
        Column(name=TARGET, type="integer", required=True, domain=Categories(values=(0, 1))),
    ]
    policy = Policy(
        privacy=Privacy(scope="fraud", claim="empirical"),
        target=TARGET,
        sequence=Sequence(entity="customer_id", time="tx_datetime"),
        references=(
            Reference(column="customer_id", table="customers", key="customer_id"),
            Reference(column="terminal_id", table="terminals", key="terminal_id"),
        ),
    )
    return Contract(dataset="fraud", columns=tuple(columns), policy=policy)


def featured(table: pd.DataFrame) -> pd.DataFrame:
    """The detector's features of each row, with ``tx_fraud``, ``day`` and ``customer_id``."""
    when = pd.to_datetime(table["tx_datetime"])
    seconds = (when - FIRST).dt.total_seconds().to_numpy().astype(np.int64)
    amount, fraud = table["tx_amount"].to_numpy(dtype=np.float64), table[TARGET].to_numpy(dtype=np.float64)
    found = {"tx_amount": amount, "weekend": (when.dt.dayofweek >= 5).to_numpy().astype(int),
             "night": (when.dt.hour <= 6).to_numpy().astype(int)}  # fmt: skip
    customer = Windows(table["customer_id"].to_numpy(dtype=np.int64), seconds)
    terminal = Windows(table["terminal_id"].to_numpy(dtype=np.int64), seconds)
    for days in WINDOWS:
        rows, spent = customer.sums((np.ones(amount.size), amount), days * DAY, 0)
        found |= {f"customer_rows_{days}": rows, f"customer_mean_{days}": (spent / np.maximum(rows, 1)).round(2)}
    for days in WINDOWS:
        rows, frauds = terminal.sums((np.ones(amount.size), fraud), days * DAY, DELAY * DAY)
        found |= {f"terminal_rows_{days}": rows, f"terminal_risk_{days}": (frauds / np.maximum(rows, 1)).round(4)}
    return pd.DataFrame(found | {TARGET: fraud.astype(int), "day": seconds // DAY, "customer_id": customer.key})


@dataclass(frozen=True, slots=True)
class Windows:
    """Sums over the rows of a key in a stretch of time before each row, the row itself included where it lies in it."""

    key: "np.ndarray[Any, Any]"
    seconds: "np.ndarray[Any, Any]"

    def sums(self, weights: "tuple[np.ndarray[Any, Any], ...]", width: int, delay: int) -> "list[np.ndarray[Any, Any]]":
        """Of each of ``weights``: over the times from ``delay`` + ``width`` ago (excluded) to ``delay`` ago."""
        order = np.lexsort((self.seconds, self.key))
        stretch = int(self.seconds.max()) + 200 * DAY
        place = self.key * stretch + self.seconds + 100 * DAY
        placed = place[order]
        first = np.searchsorted(placed, place - delay - width, side="right")
        last = np.searchsorted(placed, place - delay, side="right")
        below = [np.concatenate([[0.0], np.cumsum(weight[order])]) for weight in weights]
        return [total[last] - total[first] for total in below]


@dataclass(frozen=True, slots=True)
class Days:
    """Typed rows of the fitted days, their features once the histories are warm, and the features of the test days."""

    fitted: pd.DataFrame
    train: pd.DataFrame
    test: pd.DataFrame


def days() -> Days:
    """Real rows by time."""
    frame = pd.read_parquet(DATA / "fraud_transactions.parquet")[COLUMNS]
    table = featured(frame)
    early = (table["day"] < FITTED).to_numpy()
    fitted = conform(frame[early].reset_index(drop=True), contract()).table
    train = table[early & (table["day"] >= WARM)]
    return Days(fitted, train.reset_index(drop=True), table[table["day"] >= TESTED].reset_index(drop=True))


def measure(quick: bool) -> list[dict[str, Any]]:
    """Rows of the table: trees, then the private family at three epsilons, then real and synthetic rows together."""
    real = days()
    ceiling = found_by(real.train, real.test)
    rows = [{"part": "fraud", "train": "real, natural rate", "auprc": ceiling, "ratio": 1.0},
            _row("real, 20 % fraud", balanced(real.train, 0), real, ceiling)]  # fmt: skip
    for seed in range(1 if quick else 3):
        made, facts = sequences(real, seed, 1 if quick else 3)
        rows.append(_row("trees, 20 % fraud", balanced(made, seed), real, ceiling) | facts)
        alone = balanced(made[made["draw"] == 0], seed)
        rows.append(_row("trees, 20 % fraud, of one table of the source's size", alone, real, ceiling))
        if seed == 0:
            rows += together(real, made)
    own = Days(real.fitted, with_own(real.train), with_own(real.test))
    reached = found_by(own.train.drop(columns="customer_id"), own.test)
    rows.append(
        {"part": "fraud", "train": "real, the customer's own features", "auprc": reached, "ratio": reached / ceiling}
    )
    for epsilon in ("1",) if quick else ("1", "3", "10"):
        for seed in range(1 if quick else 3):
            drawn = private(own.train, epsilon, seed)
            rows.append(_row(f"dp-marginals, unit customer, epsilon {epsilon}", drawn, own, ceiling, reached))
    return rows


def with_own(table: pd.DataFrame) -> pd.DataFrame:
    """The customer's own features, and how far the amount lies above the customer's mean of 30 days."""
    above = (table["tx_amount"] / table["customer_mean_30"].clip(lower=1)).clip(upper=20).round(2)
    return table[[*OWN, TARGET, "customer_id"]].assign(above_mean=above)


def _row(name: str, train: pd.DataFrame, real: Days, ceiling: float, own: float | None = None) -> dict[str, Any]:
    reached = found_by(train, real.test)
    beside = {} if own is None else {"ratio_of_same_features": reached / own}
    share = float(train[TARGET].mean())
    return {"part": "fraud", "train": name, "rows": len(train), "fraud": share, "auprc": reached,
            "ratio": reached / ceiling} | beside  # fmt: skip


def found_by(train: pd.DataFrame, test: pd.DataFrame) -> float:
    """AUPRC on the test days of a detector of ``train``'s features."""
    names = [name for name in train if name not in ASIDE]
    return auc(train[names], test[names], TARGET, metric="auprc")


def sequences(real: Days, seed: int, tables: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Features of ``tables`` tables of sequences at the natural rate, warm days only; and what making them cost."""
    request = FitRequest(contract(), bytes([seed]) * 32)
    started = time.process_time()
    model = family("trees").fit(real.fitted, request, silent)
    fitted = time.process_time() - started
    if isinstance(model, FitFailed):
        raise RuntimeError(model.detail)
    drawn = [model.sample(len(real.fitted), 100 * seed + number) for number in range(tables)]
    took = time.process_time() - started - fitted
    table = pd.concat([featured(part).assign(draw=number) for number, part in enumerate(drawn)], ignore_index=True)
    valid = all(bool(part[name].isin(real.fitted[name]).all()) for part in drawn for name in COLUMNS[:2])
    facts = {"fit_cpu_s": fitted, "sample_cpu_s": took / tables, "references_valid": valid,
             "natural_fraud": float(table[TARGET].mean())}  # fmt: skip
    return table[table["day"] >= WARM].reset_index(drop=True), facts


def balanced(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Every fraud, and as many other rows as make it ``FRAUD`` of all."""
    frauds, others = table[table[TARGET] == 1], table[table[TARGET] == 0]
    wanted = min(len(others), round(len(frauds) * (1 - FRAUD) / FRAUD))
    return pd.concat([frauds, others.sample(wanted, random_state=seed)], ignore_index=True)


def private(train: pd.DataFrame, epsilon: str, seed: int) -> pd.DataFrame:
    """Rows with the customer's own features by noisy marginals, the customer as the unit, 20 % fraud.

    Terminal features rest on other customers' rows, so no guarantee for a customer could be given with them.
    """
    frame = train.assign(customer_id=train["customer_id"].astype(str))
    drafted = draft(frame, "fraud", TARGET, entity="customer_id", epsilon=epsilon, public_domains=True).contract
    unit = PrivacyUnit(kind="entity", column="customer_id", max_rows=MAX_ROWS)
    privacy = drafted.policy.privacy.model_copy(update={"unit": unit, "claim": "formal"})
    policy = drafted.policy.model_copy(update={"privacy": privacy, "dependencies": ()})
    pinned = drafted.model_copy(update={"policy": policy})
    typed = conform(frame, pinned, roles=("modelled", "entity")).table
    made = generate(typed, pinned, "dp-marginals", 20_000, seed, where={TARGET: (1, FRAUD)})
    if isinstance(made, FitFailed):
        raise RuntimeError(made.detail)
    return made.table


def together(real: Days, made: pd.DataFrame) -> list[dict[str, Any]]:
    """Recall of fraud by a detector of real rows, and of real rows with synthetic frauds added to 20 %."""
    frauds = made[made[TARGET] == 1]
    found = []
    for share in (1.0, 0.1):
        few = real.train.sample(frac=share, random_state=0)
        wanted = round(FRAUD / (1 - FRAUD) * (few[TARGET] == 0).sum() - (few[TARGET] == 1).sum())
        added = frauds.sample(min(wanted, 20 * len(frauds)), random_state=0, replace=wanted > len(frauds))
        for name, train in (("real", few), ("real + synthetic fraud", pd.concat([few, added], ignore_index=True))):
            found.append({"part": "fraud", "train": name, "real_rows": len(few)} | recalls(train, real.test))
    return found


def recalls(train: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    """Recall where a row is called fraud at even chances, and where the likeliest 1 % of rows are."""
    names = [name for name in train if name not in (*ASIDE, TARGET)]
    model = booster(0).fit(coded(train[names]), train[TARGET])
    chances, truth = model.predict_proba(coded(test[names]))[:, 1], test[TARGET].to_numpy() == 1
    alarm = chances >= np.quantile(chances, 0.99)
    called = chances >= 0.5
    return {
        "recall_at_even": float(called[truth].mean()),
        "precision_at_even": float(truth[called].mean()) if called.any() else 0.0,
        "recall_at_1_percent": float(alarm[truth].mean()),
        "auprc": found_by(train, test),
    }
