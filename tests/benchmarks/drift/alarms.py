"""False alarms on streams that never change: rows without memory, and AR(1) processes learnt in order of time.

Each stream has a reference and rows of seeds of its own, so that a reference that happens to be odd counts once.
River's ADWIN on ranks reads the same rows beside the tracker.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from stream_app.core.drift.reference import build_reference
from tests.benchmarks.drift.outcome import Outcome
from tests.benchmarks.drift.own import tracked
from tests.benchmarks.drift.river_rows import ADWIN, RowByRow
from tests.benchmarks.drift.streams import CONTRACT, Source, ranks, reference

STREAM_ROWS = 500_000
PHIS = (0.5, 0.9, 0.98)
LIMITS = {0.0: 0.5, **dict.fromkeys(PHIS, 1.0)}
"""False alarms in a million rows that are accepted, by the coefficient of the process."""


def measure(null_rows: int, ar_rows: int, river: bool = True) -> dict[str, Any]:
    """By coefficient of AR(1), 0 being rows without memory."""
    document: dict[str, Any] = {}
    for phi, rows in {0.0: null_rows, **dict.fromkeys(PHIS, ar_rows)}.items():
        own, adwin, signs = Outcome(), Outcome(), []
        for place, size in enumerate(_sizes(rows)):
            print(f"alarms: phi {phi}, stream {place}", file=sys.stderr, flush=True)
            before = reference(seed=100 + place, phi=phi)
            watcher = RowByRow(ADWIN) if river else None
            pieces = _heard(Source((3, round(100 * phi), place), phi).pieces(size), before, watcher)
            found, seen, seconds = tracked(build_reference(before, CONTRACT), pieces)
            own.add([(sign.row, sign.columns) for sign in found], seen, seconds)
            signs += [
                {"stream": place, "row": sign.row, "kind": sign.kind, "columns": sign.columns,
                 "over": round(sign.statistic / sign.threshold, 3)} for sign in found
            ]  # fmt: skip
            if watcher:
                adwin.add(watcher.alarms, watcher.rows, watcher.seconds)
        detectors = {"perennial": own} | ({ADWIN: adwin} if river else {})
        document[str(phi)] = {
            "limit_per_million": LIMITS[phi],
            "detectors": {name: _short(one) for name, one in detectors.items()},
            "signs": signs,
        }
    return document


def _sizes(rows: int) -> list[int]:
    return [min(STREAM_ROWS, rows - start) for start in range(0, rows, STREAM_ROWS)]


def _heard(pieces: Iterator[pd.DataFrame], before: pd.DataFrame, watcher: "RowByRow | None") -> Iterator[pd.DataFrame]:
    """The pieces as they come; ``watcher`` reads each one's ranks first."""
    for piece in pieces:
        if watcher:
            watcher.read(ranks(piece, before))
        yield piece


def _short(outcome: Outcome) -> dict[str, Any]:
    document = outcome.document()
    return {
        name: document[name]
        for name in document
        if name.startswith("false") or name in ("stationary_rows", "cpu_us_per_row")
    }


def table(document: Mapping[str, Any]) -> list[str]:
    """The lines to print: false alarms per million, and the upper bound at 95 %."""
    lines = [
        f"{'process':16}{'detector':20}{'rows':>12}{'false':>7}{'per M':>9}{'at most':>9}{'limit':>7}{'µs/row':>8}"
    ]
    for phi, found in document.items():
        process = "no memory" if phi == "0.0" else f"AR(1) {phi}"
        for name, one in found["detectors"].items():
            lines.append(
                f"{process:16}{name:20}{one['stationary_rows']:>12}{one['false_alarms']:>7}"
                f"{one['false_alarms_per_million']:>9.2f}{one['false_alarms_per_million_at_most']:>9.2f}"
                f"{found['limit_per_million']:>7}{one['cpu_us_per_row']:>8.2f}"
            )
        lines += [
            f"{'':16}stream {sign['stream']} row {sign['row']}: {sign['kind']} {', '.join(sign['columns'])}"
            for sign in found["signs"]
        ]
    return lines
