"""The slow formal tier beside the fast one, and beside AIM and MST by mbi: the same tables, budgets and scores.

mbi takes small integer codes only. It is given bins that were learnt privately for 12 % of the budget, as the private
marginals learn theirs (``paid_bins``), and the exact conversion of the rest to rho.
"""

import time
from dataclasses import asdict
from typing import Any

import pandas as pd

from generators.generation import Generated, generate
from tests.benchmarks.generators.paid_bins import paid_bins
from tests.benchmarks.generators.score import score
from tests.benchmarks.generators.tables import TABLES, Table
from tests.benchmarks.peers.by_mbi import by_mbi

NAMES = ("adult", "small", "wide", "rare", "many")
TOO_WIDE = 40
"""Columns from which mbi's AIM is not run: each round compiles an inference over all of them, for minutes."""


def measure(quick: bool) -> list[dict[str, Any]]:
    """A row for each table and method at epsilon 1, and for Adult at 10; quickly, Adult and the table of rare positives
    at 1.
    """
    found = []
    for name in ("adult", "rare") if quick else NAMES:
        for epsilon in ("1",) if quick or name != "adult" else ("1", "10"):
            table = TABLES[name](0, epsilon)
            found += [_own(table, family, epsilon) for family in ("dp-marginals", "aim")]
            wide = len(table.contract.modelled) > TOO_WIDE
            found += [_peer(table, mechanism, epsilon) for mechanism in (("mst",) if wide else ("aim", "mst"))]
    return found


def _own(table: Table, family: str, epsilon: str) -> dict[str, Any]:
    started = time.process_time()
    made = generate(table.train, table.contract, family, len(table.train), seed=0)
    took = time.process_time() - started
    if not isinstance(made, Generated):
        return _row(table, family, epsilon, None, took, made.detail)
    return _row(table, family, epsilon, made.table, took)


def _peer(table: Table, mechanism: str, epsilon: str) -> dict[str, Any]:
    bins = paid_bins(table, float(epsilon), seed=0)
    codes, answer = by_mbi(mechanism, bins.codes, bins.sizes, bins.rho, seed=0)
    made = bins.decoded(codes, seed=0) if codes is not None else None
    return _row(table, f"mbi {mechanism.upper()}", epsilon, made, answer.cpu_seconds, answer.reason)


def _row(
    table: Table, method: str, epsilon: str, made: pd.DataFrame | None, cpu: float | None, reason: str | None = None
) -> dict[str, Any]:
    found: dict[str, Any] = {"table": table.name, "epsilon": float(epsilon), "method": method}
    if made is None:
        return found | {"reason": reason}
    measured = asdict(score(table.train, table.holdout, made, table.target))
    return found | {key: round(value, 4) for key, value in measured.items()} | {"CPU s": round(cpu or 0.0, 1)}
