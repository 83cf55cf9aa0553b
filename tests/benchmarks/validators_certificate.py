"""A whole certificate, all gates and controls, beside mostlyai-qa's report on the same rows: seconds and memory.

Each runs in a process of its own on one thread; ours reports its peak resident memory and the seconds of every metric.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

ADULT = Path(__file__).parents[2] / ".." / "shared" / "data" / "adult.parquet"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS"), "1")
SUBGROUPS = ("sex", "race")


def ours(rows: int) -> dict[str, Any]:
    """Seconds, CPU seconds and peak memory of a first certificate of a snapshot, in a fresh process."""
    command = [sys.executable, __file__, "--child", str(rows)]
    done = subprocess.run(command, env=os.environ | ONE_THREAD | {"PYTHONPATH": "."}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-2_000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _child(rows: int) -> None:
    import numpy as np
    import pandas as pd

    from generators.generation import generate
    from schemas.contract import Contract
    from schemas.draft import draft
    from schemas.table import conform
    from validators.evaluate import evaluate

    frame = pd.read_parquet(ADULT)
    order = np.random.default_rng(0).permutation(len(frame))
    contract: Contract = draft(frame, "adult", target="income", subgroups=SUBGROUPS, public_domains=True).contract
    train, holdout = frame.iloc[order[:rows]], frame.iloc[order[rows:]]
    typed = conform(train.reset_index(drop=True), contract).table
    synthetic = generate(typed, contract, "dp-marginals", rows, 0).table
    base = _resident()
    seconds: dict[str, float] = {}
    started, worked = time.perf_counter(), time.process_time()
    found = evaluate(train, holdout, synthetic, contract, progress=lambda name, took: seconds.update({name: took}))
    took, worked = time.perf_counter() - started, time.process_time() - worked
    told = {
        "rows": rows,
        "holdout": len(holdout),
        "verdict": found.verdict,
        "seconds": took,
        "cpu_seconds": worked,
        "findings": len(found.findings),
        "peak_mb": _resident(),
        "mb_before": base,
        "each": {name: round(value, 2) for name, value in seconds.items()},
        "not_passed": [f"{one.metric} {one.verdict} {one.value}" for one in found.findings if one.verdict != "PASS"],
    }
    print(json.dumps(told))


def _resident() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(rows: int, with_peer: bool) -> list[dict[str, Any]]:
    """One row: ours, and mostlyai-qa's report where it can run here."""
    row: dict[str, Any] = {"what": "certificate", **ours(rows)}
    if with_peer:
        from tests.benchmarks.peers import qa_report_seconds

        row["mostlyai_qa"] = asdict(qa_report_seconds(rows))
    return [row]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=32_561)
    parser.add_argument("--child", type=int, default=None, help=argparse.SUPPRESS)
    parser.add_argument("--no-peer", action="store_true")
    asked = parser.parse_args()
    if asked.child is not None:
        _child(asked.child)
    else:
        print(json.dumps(measure(asked.rows, not asked.no_peer), indent=1))
