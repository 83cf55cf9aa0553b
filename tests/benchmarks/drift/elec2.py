"""Elec2 in its true order: half-hours of the electricity market of New South Wales, May 1996 to December 1998.

Up to row 17,424 (day 363) there were no figures of Victoria: ``vicprice``, ``vicdemand`` and ``transfer`` are
constants; from there on they vary. That is the known change. Rows are autocorrelated, by the day and by the week, and
the year turns: a detector that takes rows for independent alarms all the time. Elsewhere at most one event in 5,000
rows is accepted. Source: Harries, SPLICE-2 comparative evaluation: electricity pricing, 1999.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from schemas.contract import Column, Contract, Policy, Privacy
from stream_app.core.drift.reference import build_reference
from tests.benchmarks.drift.outcome import Alarm
from tests.benchmarks.drift.own import tracked
from tests.benchmarks.drift.river_rows import DETECTORS, RowByRow
from tests.benchmarks.drift.streams import ranks
from tests.benchmarks.peers.environment import ROOT

DATA = ROOT / ".." / "shared" / "data" / "elec2.parquet"
CHANGE = 17_424
CHANGED = ("vicprice", "vicdemand", "transfer")
REFERENCES = (5_000, 10_000)
"""Rows that the reference is learnt from: 104 and 208 days."""
_WINDOW = 5_000


def contract() -> Contract:
    """All columns but the time of day, which turns by itself; ``class`` (price up or down) as a category."""
    numbers = ("nswprice", "nswdemand", "vicprice", "vicdemand", "transfer")
    columns = (*(Column(name=name, type="number") for name in numbers), Column(name="class", type="integer"))
    return Contract(dataset="elec2", columns=columns, policy=Policy(privacy=Privacy(scope="elec2")))


def measure() -> dict[str, Any]:
    """By rows of the reference and detector: each event, and whether the known change is among them."""
    if not DATA.is_file():
        return {"left_out": "the data are not here"}
    frame = pd.read_parquet(DATA)[[column.name for column in contract().columns]]
    document: dict[str, Any] = {}
    for rows in REFERENCES:
        before, stream = frame.iloc[:rows], frame.iloc[rows:]
        signs, _, seconds = tracked(build_reference(before, contract()), [stream])
        alarms = [(sign.row + rows, sign.columns) for sign in signs]
        found = {"perennial": _judged(alarms, rows, len(frame), seconds)}
        found["perennial"]["events"] = [
            {"row": sign.row + rows, "since_row": sign.since_row + rows, "kind": sign.kind, "columns": sign.columns,
             "effect": round(sign.effect, 3), "unit": sign.unit, "over": round(sign.statistic / sign.threshold, 2)}
            for sign in signs
        ]  # fmt: skip
        for name in DETECTORS:
            watcher = RowByRow(name)
            watcher.read(ranks(stream, before))
            alarms = [(row + rows, columns) for row, columns in watcher.alarms]
            found[name] = _judged(alarms, rows, len(frame), watcher.seconds)
        document[str(rows)] = found
    return document


def _judged(alarms: Sequence[Alarm], first: int, last: int, seconds: float) -> dict[str, Any]:
    """The known change is found by an alarm on one of its columns in the 5,000 rows after it; all others lie
    elsewhere.
    """
    known = [row for row, names in alarms if CHANGE < row <= CHANGE + _WINDOW and set(names) & set(CHANGED)]
    elsewhere = sorted({row for row, _ in alarms} - set(known[:1]))
    windows = np.bincount([(row - first) // _WINDOW for row in elsewhere], minlength=1) if elsewhere else np.zeros(1)
    return {
        "found_after_rows": known[0] - CHANGE if known else None,
        "elsewhere": len(elsewhere),
        "elsewhere_per_5000_rows": round(len(elsewhere) * _WINDOW / (last - first), 3),
        "most_in_one_window_of_5000": int(windows.max()),
        "cpu_us_per_row": round(1e6 * seconds / (last - first), 2),
    }


def table(document: Mapping[str, Any]) -> list[str]:
    """The lines to print."""
    if "left_out" in document:
        return [document["left_out"]]
    lines = [
        f"{'reference':>9}  {'detector':20}{'known change after':>19}{'elsewhere':>11}{'per 5,000':>11}{'µs/row':>8}"
    ]
    for rows, found in document.items():
        for name, one in found.items():
            lines.append(
                f"{rows:>9}  {name:20}{one['found_after_rows'] or 'never':>19}{one['elsewhere']:>11}"
                f"{one['elsewhere_per_5000_rows']:>11.2f}{one['cpu_us_per_row']:>8.2f}"
            )
        lines += [
            f"{'':11}row {sign['row']} since {sign['since_row']}: {sign['kind']} {', '.join(sign['columns'])}, "
            f"{sign['effect']} {sign['unit']}"
            for sign in found["perennial"]["events"]
        ]
    return lines
