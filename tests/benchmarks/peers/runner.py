"""What every runner shares: it is executed by the peer's own interpreter, knows nothing of the project, and answers in
JSON.
"""

import json
import math
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Tables = dict[str, Any]
Scoring = Callable[[Tables, dict[str, Any]], dict[str, float]]


def main(score: Scoring) -> None:
    """Read the tables, time ``score`` on them, write scores, seconds (by the clock and of CPU) and peak memory."""
    import pandas as pd

    asked = json.loads(Path(sys.argv[1]).read_text())
    tables = {name: pd.read_parquet(path) for name, path in asked["tables"].items()}
    started, worked = time.perf_counter(), _cpu_seconds()
    scores = score(tables, asked)
    took = {"seconds": time.perf_counter() - started, "cpu_seconds": _cpu_seconds() - worked}
    finite = {name: float(value) for name, value in scores.items() if value is not None and math.isfinite(value)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    Path(sys.argv[2]).write_text(json.dumps({"scores": finite, "mebibytes": peak, **took}))


def _cpu_seconds() -> float:
    used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)
