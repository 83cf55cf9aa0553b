"""Streams of millions of rows from dp-marginals on Adult: memory, processor seconds and bytes, each in its own process.

``python -m tests.benchmarks.generators.streaming FORMAT ROWS`` measures one and prints it as JSON.
"""

import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
LIMIT_MB = 1_024
FULL = (("parquet", 10_000_000), ("csv", 1_000_000), ("jsonl.gz", 1_000_000), ("parquet", 100_000))
QUICK = (("parquet", 300_000), ("csv", 100_000))


def measure(quick: bool) -> list[dict[str, Any]]:
    """One row a stream: rows, peak resident memory of the whole process (fit included), seconds, size of the file."""
    return [_apart(kind, rows) for kind, rows in (QUICK if quick else FULL)]


def _apart(kind: str, rows: int) -> dict[str, Any]:
    command = [sys.executable, "-m", __name__, kind, str(rows)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _one(kind: str, rows: int) -> dict[str, Any]:
    from generators.generation import Fitted, fit
    from generators.sampling.streaming import stream
    from tests.benchmarks.generators.tables import adult

    table = adult()
    fitted = fit(table.train, table.contract, "dp-marginals", 1)
    assert isinstance(fitted, Fitted)
    after_fit = _peak_mb()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / f"adult.{kind}"
        started = time.process_time()
        done = stream(fitted.model, table.contract, rows, 1, out)
        seconds = time.process_time() - started
        digest = hashlib.sha256()
        with out.open("rb") as file:
            while piece := file.read(2**20):
                digest.update(piece)
        size = out.stat().st_size
    return {
        "format": kind,
        "rows": done.rows,
        "peak_mb_after_fit": after_fit,
        "peak_mb": _peak_mb(),
        "within_1_gb": _peak_mb() <= LIMIT_MB,
        "cpu_seconds": round(seconds, 1),
        "rows_per_cpu_second": round(done.rows / seconds),
        "file_mb": round(size / 1e6, 1),
        "sha256": digest.hexdigest(),
    }


def _peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024, 1)


if __name__ == "__main__":
    print(json.dumps(_one(sys.argv[1], int(sys.argv[2]))))
