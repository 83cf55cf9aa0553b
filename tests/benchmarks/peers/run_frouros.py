"""Alarms of frouros on tables of ranks: two of its stream detectors, and its tests on windows against the reference.

Tables: ``reference``, and streams under any other name. Scores: ``STREAM|DETECTOR|seconds`` (of CPU), and one
``STREAM|DETECTOR|COLUMN|NUMBER`` an alarm, the row after which it came.
"""

import time
from typing import Any

from runner import Tables, main

WINDOW = 1_000
LEVELS = {"ks/chi2 p<0.01": 0.01, "ks/chi2 p<3e-4": 3e-4}
"""The level of frouros's own examples, and that at which 15 columns in windows of 1,000 rows bring 5 false alarms in a
million rows.
"""


def score(tables: Tables, asked: dict[str, Any]) -> dict[str, float]:
    """Every detector on every stream; ``categories`` names the columns without an order."""
    reference, categories, found = tables.pop("reference"), set(asked["categories"]), {}
    for name, stream in tables.items():
        for detector in ("page-hinkley", "cusum"):
            started = time.process_time()
            alarms = by_row(detector, stream)
            found |= told(name, detector, alarms, time.process_time() - started)
        started = time.process_time()
        values = by_window(reference, stream, categories)
        took = time.process_time() - started
        for detector, level in LEVELS.items():
            alarms = [(row, column) for row, column, value in values if value < level]
            found |= told(name, detector, alarms, took)
    return found


def told(stream: str, detector: str, alarms: Any, seconds: float) -> dict[str, float]:
    rows = {f"{stream}|{detector}|{column}|{number}": row for number, (row, column) in enumerate(alarms)}
    return {f"{stream}|{detector}|seconds": seconds, **rows}


def by_row(detector: str, stream: Any) -> list[tuple[int, str]]:
    """One detector a column with its defaults, made anew after an alarm; both look upwards only, so each column has a
    second one on the mirrored ranks.
    """
    from frouros.detectors.concept_drift import CUSUM, PageHinkley

    kind = {"page-hinkley": PageHinkley, "cusum": CUSUM}[detector]
    alarms = []
    for column in stream:
        for mirrored in (False, True):
            one = kind()
            for row, cell in enumerate(stream[column].tolist(), start=1):
                if cell == cell:
                    one.update(value=1 - cell if mirrored else cell)
                    if one.drift:
                        alarms.append((row, column))
                        one.reset()
    return alarms


def by_window(reference: Any, stream: Any, categories: set[str]) -> list[tuple[int, str, float]]:
    """(row, column, p-value) of each window: Kolmogorov and Smirnov's test for numbers, chi-squared for categories."""
    from frouros.detectors.data_drift import ChiSquareTest, KSTest

    found = []
    for column in stream:
        test = ChiSquareTest() if column in categories else KSTest()
        test.fit(X=reference[column].dropna().to_numpy())
        for start in range(0, len(stream) - WINDOW + 1, WINDOW):
            cells = stream[column].iloc[start : start + WINDOW].dropna().to_numpy()
            result, _ = test.compare(X=cells)
            found.append((start + WINDOW, column, float(result.p_value)))
    return found


if __name__ == "__main__":
    main(score)
