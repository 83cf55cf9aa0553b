"""k-anonymity and l-diversity of Adult beside pycanon, which runs in an environment of its own on the same cells.

Ours is timed from the table as read to the figures, cells encoded; theirs figure by figure, reading apart.
Run by itself: ``PYTHONPATH=. python tests/benchmarks/validators_classes.py``.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.peers import classes_by_pycanon
from validators.keys import row_keys
from validators.privacy.classes import class_sizes, classes

ADULT = Path(__file__).parents[2] / ".." / "shared" / "data" / "adult.parquet"
ROWS = (32_000,)
KNOWN = (["age", "education", "marital_status", "race", "sex"], ["race", "sex", "income"])
"""The usual quasi-identifiers, in which k is 1; and few enough that k and l are larger."""
SENSITIVE = ["occupation"]
ROUNDS = 7
FIGURES = ("k", "l_distinct", "l_entropy")


def measure(sizes: tuple[int, ...] = ROWS, peer: bool = True) -> list[dict[str, Any]]:
    """One record for each size: seconds of both, their ratio, and whether k and both l agree."""
    if not ADULT.exists():
        return [{"benchmark": "classes", "skipped": "the real data lies beside the project only in development"}]
    frame = pd.read_parquet(ADULT)
    return [_measured(frame.iloc[:rows], known, peer) for rows in sizes for known in KNOWN]


def ours(table: pd.DataFrame, known: list[str], figures: tuple[str, ...] = FIGURES) -> dict[str, float]:
    """The figures asked for; missing cells are one more value."""
    (keys,) = row_keys([np.column_stack([pd.factorize(table[name])[0] + 1 for name in known])])
    found = {"k": float(class_sizes(keys).min())}
    if figures != FIGURES[:1]:
        each = [classes(keys, pd.factorize(table[name])[0] + 1) for name in SENSITIVE]
        found["l_distinct"] = float(min(item.distinct.min() for item in each))
        found["l_entropy"] = float(np.exp(min(item.entropy.min() for item in each)))
    return found


def _measured(frame: pd.DataFrame, known: list[str], peer: bool) -> dict[str, Any]:
    table = frame[[*known, *SENSITIVE]]
    all_three, k_alone = _seconds(table, known, FIGURES), _seconds(table, known, FIGURES[:1])
    found = ours(table, known)
    record: dict[str, Any] = {"benchmark": "classes", "rows": len(table), "quasi_identifiers": known}
    record |= {"seconds": round(all_three, 5), "seconds_k_alone": round(k_alone, 5)} | found
    answer = classes_by_pycanon(table, known, SENSITIVE) if peer else None
    if answer is None or not answer.scores:
        return record | {"skipped": "not asked for" if answer is None else answer.reason}
    theirs = {name: answer.scores[f"{name}_seconds"] for name in FIGURES}
    return record | {
        "peer": "pycanon",
        "peer_seconds": round(sum(theirs.values()), 3),
        "peer_seconds_of": {name: round(value, 3) for name, value in theirs.items()},
        "times_faster": round(sum(theirs.values()) / all_three, 1),
        "times_faster_k_alone": round(theirs["k"] / k_alone, 1),
        "agree": found["k"] == answer.scores["k"]
        and found["l_distinct"] == answer.scores["l_distinct"]
        and int(found["l_entropy"] + 1e-9) == answer.scores["l_entropy"],
    }


def _seconds(table: pd.DataFrame, known: list[str], figures: tuple[str, ...]) -> float:
    """Of the fastest round."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        ours(table, known, figures)
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def main() -> None:
    """Prints one JSON line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, action="append", help="instead of 32,000")
    asked = parser.parse_args()
    for record in measure(tuple(asked.rows) if asked.rows else ROWS):
        json.dump(record, sys.stdout)
        print(flush=True)


if __name__ == "__main__":
    main()
