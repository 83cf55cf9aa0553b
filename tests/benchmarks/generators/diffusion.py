"""Diffusion beside TabularARGN (mostlyai-engine at its defaults) on Adult, one core each, in the same run."""

import time
from dataclasses import asdict
from typing import Any

from generators.generation import Generated, generate
from tests.benchmarks.generators.copies import copy_rates
from tests.benchmarks.generators.score import score
from tests.benchmarks.generators.tables import Table, adult
from tests.benchmarks.peers.by_argn import by_argn


def measure(quick: bool) -> list[dict[str, Any]]:
    """One row a generator; ``quick`` gives either a tenth of its epochs."""
    table = adult(claim="empirical")
    return [_own(table, {"epochs": 4.0} if quick else {}), _peer(table, 4.0 if quick else None)]


def _own(table: Table, parameters: dict[str, float]) -> dict[str, Any]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    began = time.process_time()
    made = generate(table.train, table.contract, "diffusion", len(table.train), 1, parameters=parameters)
    spent = time.process_time() - began
    torch.set_num_threads(threads)
    assert isinstance(made, Generated)
    return {
        "generator": "diffusion",
        "cpu_seconds": spent,
        **asdict(score(table.train, table.holdout, made.table, table.target)),
        **copy_rates(table.train, table.holdout, made.table),
    }


def _peer(table: Table, epochs: float | None) -> dict[str, Any]:
    made, answer = by_argn(table.train, 1, epochs)
    if made is None:
        return {"generator": "TabularARGN", "reason": answer.reason}
    typed = made[list(table.train.columns)].astype(table.train.dtypes.to_dict())
    return {
        "generator": "TabularARGN",
        "cpu_seconds": answer.cpu_seconds,
        **asdict(score(table.train, table.holdout, typed, table.target)),
        **copy_rates(table.train, table.holdout, typed),
    }
