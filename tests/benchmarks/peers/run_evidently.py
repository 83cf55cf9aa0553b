"""Alarms of Evidently: each window of a stream against the reference, by the tests and thresholds that it chooses.

Its tests are called as its report calls them, without the report: that took 2.3 s of CPU a window, and says the same.
Tables and scores are as in ``run_frouros.py``; ``WINDOW any`` alarms where it calls a column drifted, ``WINDOW
dataset`` where it does so for half of the columns, its default for a whole table.
"""

import time
from typing import Any

from runner import Tables, main

WINDOWS = (1_000, 5_000)
_DRIFT_SHARE = 0.5


def score(tables: Tables, asked: dict[str, Any]) -> dict[str, float]:
    """Both windows on every stream; ``categories`` names the columns that are no numbers."""
    reference, categories, found = tables.pop("reference"), set(asked["categories"]), {}
    for name, stream in tables.items():
        for window in WINDOWS:
            started = time.process_time()
            drifted = by_window(reference, stream, categories, window)
            took = time.process_time() - started
            whole = {row: len(names) >= _DRIFT_SHARE * stream.shape[1] for row, names in drifted.items()}
            found |= {f"{name}|{window} {rule}|seconds": took for rule in ("any", "dataset")}
            for row, names in drifted.items():
                found |= {f"{name}|{window} any|{column}|{row}": row for column in names}
                found |= {f"{name}|{window} dataset|{column}|{row}": row for column in names if whole[row]}
    return found


def by_window(reference: Any, stream: Any, categories: set[str], window: int) -> dict[int, list[str]]:
    """Row at which a window ended, and the columns that drifted in it."""
    from evidently.legacy.calculations.stattests import get_stattest
    from evidently.legacy.core import ColumnType

    found: dict[int, list[str]] = {}
    for column in stream:
        kind = ColumnType.Categorical if column in categories else ColumnType.Numerical
        before = reference[column].dropna()
        for start in range(0, len(stream) - window + 1, window):
            cells = stream[column].iloc[start : start + window].dropna()
            test = get_stattest(before, cells, kind, None)
            if test(before, cells, kind, None).drifted:
                found.setdefault(start + window, []).append(column)
    return found


if __name__ == "__main__":
    main(score)
