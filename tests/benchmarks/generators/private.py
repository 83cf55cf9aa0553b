"""The fast private family: Adult at several epsilons, other tables, and its known weaknesses, each by a figure.

CPU seconds are of fitting and sampling, warm, on one thread.
"""

import time
import warnings
from typing import Any

import numpy as np
import pandas as pd

from generators.generation import generate
from generators.protocol import FitFailed
from tests.benchmarks.generators import simulators
from tests.benchmarks.generators.score import score
from tests.benchmarks.generators.tables import TABLES, Table, adult, table_of

FAMILY = "dp-marginals"
SEEDS = 5
WEAK = ("applicants", "interplay", "tailed", "grouped", "heaped")


def measure(quick: bool) -> list[dict[str, Any]]:
    """Rows of a table; ``quick`` takes one seed, one epsilon and leaves the wide table out."""
    _made(adult(), 99)  # warm
    seeds = 1 if quick else SEEDS
    rows = [_row(adult(seed), seed, "1") for seed in range(seeds)]
    rows += [] if quick else [_row(adult(epsilon=epsilon), 0, epsilon) for epsilon in ("0.3", "3")]
    names = [name for name in TABLES if name != "adult" and not (quick and name == "wide")]
    rows += [_row(TABLES[name](), 0, "1") for name in names]
    return rows + [row for name in WEAK for row in weakness(name)]


def weakness(name: str, seed: int = 0) -> list[dict[str, Any]]:
    """One simulated difficulty: the common scores, and the figure that tells this one."""
    frame: pd.DataFrame = getattr(simulators, name)()
    table = table_of(name, frame, str(frame.columns[-1]))
    made, seconds = _made(table, seed)
    special = {"tailed": _tails, "grouped": _groups, "heaped": _heaps}.get(name)
    return [_scored(table, made, seconds, seed, "1") | (special(table.train, made) if special else {})]


def _row(table: Table, seed: int, epsilon: str) -> dict[str, Any]:
    made, seconds = _made(table, seed)
    return _scored(table, made, seconds, seed, epsilon)


def _scored(table: Table, made: pd.DataFrame, seconds: float, seed: int, epsilon: str) -> dict[str, Any]:
    found = score(table.train, table.holdout, made, table.target, seed)
    return {
        "family": FAMILY,
        "table": table.name,
        "epsilon": epsilon,
        "seed": seed,
        "ratio": found.ratio,
        "detection": found.detection,
        "detection_all": found.detection_all,
        "tvd2": found.tvd2,
        "cpu_s": seconds,
    }


def _made(table: Table, seed: int) -> tuple[pd.DataFrame, float]:
    started = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = generate(table.train, table.contract, FAMILY, len(table.train), seed)
    if isinstance(made, FitFailed):
        raise RuntimeError(f"{FAMILY} failed on {table.name}")
    return made.table, time.process_time() - started


def _tails(real: pd.DataFrame, made: pd.DataFrame) -> dict[str, Any]:
    """99 % quantiles over the real ones: 1 at best."""
    names = [name for name in real if pd.api.types.is_numeric_dtype(real[name])]
    return {
        f"q99_{name}": float(np.quantile(made[name].astype(float), 0.99) / np.quantile(real[name].astype(float), 0.99))
        for name in names
    }


def _groups(real: pd.DataFrame, made: pd.DataFrame) -> dict[str, Any]:
    """For groups below 100 rows: total variation of ``kind``, and how far ``log amount``'s mean is off, on average."""
    sizes = real["group"].value_counts()
    small = sizes.index[sizes < 100]
    kinds, amounts = [], []
    for group in small:
        mine, theirs = (table[table["group"] == group] for table in (real, made))
        shares = [table["kind"].value_counts(normalize=True) for table in (mine, theirs)]
        kinds.append(float(shares[0].sub(shares[1], fill_value=0).abs().sum() / 2) if len(theirs) else 1.0)
        means = [float(np.log1p(table["amount"].astype(float)).mean()) for table in (mine, theirs) if len(table)]
        amounts.append(abs(means[0] - means[-1]) if len(means) == 2 else 1.0)
    return {"group_kind_tv": float(np.mean(kinds)), "group_amount_gap": float(np.mean(amounts))}


def _heaps(real: pd.DataFrame, made: pd.DataFrame) -> dict[str, Any]:
    """Shares of incomes in round thousands, and of prices that end in 99: synthetic over real."""
    shares = [
        (
            float((table["income"].astype(float) % 1_000 == 0).mean()),
            float(((table["price"].astype(float) * 100).round() % 100 == 99).mean()),
        )
        for table in (real, made)
    ]
    return {"round_thousands": shares[1][0] / shares[0][0], "ends_in_99": shares[1][1] / shares[0][1]}


if __name__ == "__main__":
    for row in measure(quick=True):
        print({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()})
