"""How soon drift is found, at which false alarms and CPU: the tracker's detectors side by side, and River as it comes.

Run by ``make bench-drift`` (ARGS='--seeds 3 --rows 100000' for a shorter one). Four peers over the same rows of 15
columns, each against a reference of 50,000: the tracker with its own cumulative sums, with River's PageHinkley and
with River's ADWIN on the same standardised block scores, and ``raw adwin``, River's ADWIN with its defaults on every
raw column (categories as numbers by rank, missing cells left out, no reference; its input is converted before its
time is taken). A delay counts rows from the change to the first alarm after it; alarms before it are false. After an
alarm the tracker learns 5,000 rows and reports nothing meanwhile; ADWIN by itself goes on at once. Whichever column
an alarm is on, it counts: a delay as long as the rows between a peer's false alarms is chance.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, get_args

import numpy as np
import pandas as pd

from schemas.contract import Column, Contract, Policy, Privacy
from schemas.drift import Detector, DriftPolicy
from stream_app.core.drift.reference import Reference, build_reference
from stream_app.core.drift.tracker import Tracker

NUMBERS = [f"x{place}" for place in range(9)]
CATEGORIES = [f"c{place}" for place in range(6)]
CONTRACT = Contract(
    dataset="bench",
    policy=Policy(privacy=Privacy(scope="bench"), subgroups=("c0",)),
    columns=(
        *(Column(name=name, type="number") for name in NUMBERS),
        *(Column(name=name, type="string") for name in CATEGORIES),
    ),
)
REFERENCE_ROWS, BEFORE, AFTER, BATCH = 50_000, 20_000, 30_000, 4_000
NAIVE = "raw adwin"
CHANGES: dict[str, dict[str, float]] = {
    "mean 0.25 sd": {"shift": 0.25},
    "mean 1 sd": {"shift": 1.0},
    "correlation 0.5 to 0": {"rho": 0.0},
    "category 5 points": {"share": 0.05},
    "new category 1 %": {"new": 0.01},
    "missing 0 to 2 %": {"missing": 0.02},
}


def rows(number: int, seed: int, phi: float = 0.0, **change: float) -> pd.DataFrame:
    """Mixed rows: numbers that follow an AR(1) process with coefficient ``phi``, categories without memory."""
    from scipy.signal import lfilter

    random = np.random.default_rng(seed)
    warm = 200 if phi else 0
    noise = lfilter([(1 - phi**2) ** 0.5], [1, -phi], random.standard_normal((number + warm, 9)), axis=0)[warm:]
    rho = change.get("rho", 0.5)
    noise[:, 1] = rho * noise[:, 0] + (1 - rho**2) ** 0.5 * noise[:, 1]
    frame = pd.DataFrame(noise, columns=NUMBERS)
    frame["x2"] += change.get("shift", 0.0)
    frame["x3"] = np.exp(frame["x3"])
    frame["x4"] = frame["x4"].where(random.random(number) >= 0.1)
    frame["x5"] = frame["x5"].where(random.random(number) >= change.get("missing", 0.0))
    frame["x6"] = np.floor(3 * frame["x6"])
    for place, name in enumerate(CATEGORIES):
        shares = 1 / np.arange(1, 3 + 3 * place)
        shares /= shares.sum()
        if name == "c2":
            shares += np.asarray([-1, 1, *[0] * (len(shares) - 2)]) * change.get("share", 0.0)
        names = np.array([f"v{code:02d}" for code in range(len(shares))], dtype=object)
        frame[name] = random.choice(names, number, p=shares)
    return frame.assign(c5=np.where(random.random(number) < change.get("new", 0.0), "v17", frame["c5"]))


@dataclass(slots=True)
class Outcome:
    """Delays in rows (none: not found), false alarms in how many stationary rows, CPU seconds for how many rows."""

    delays: list[int | None] = field(default_factory=list)
    alarms: int = 0
    stationary: int = 0
    seconds: float = 0.0
    rows: int = 0

    def add(self, alarms: list[int], change: int | None, rows: int, seconds: float) -> None:
        before = rows if change is None else change
        self.alarms += sum(row <= before for row in alarms)
        self.stationary += before
        self.seconds, self.rows = self.seconds + seconds, self.rows + rows
        if change is not None:
            self.delays.append(next((row - change for row in alarms if row > change), None))

    @property
    def delay(self) -> float | None:
        """The median over the runs that found the change."""
        found = [delay for delay in self.delays if delay is not None]
        return statistics.median(found) if found else None

    def document(self) -> dict[str, Any]:
        found = sum(delay is not None for delay in self.delays)
        return {
            "delay_rows": self.delay,
            "found": f"{found}/{len(self.delays)}" if self.delays else None,
            "false_alarms": self.alarms,
            "stationary_rows": self.stationary,
            "cpu_us_per_row": round(1e6 * self.seconds / self.rows, 3),
        }


def tracked(detector: Detector, reference: Reference, stream: pd.DataFrame) -> tuple[list[int], float]:
    """Rows at which the tracker gave a sign, and CPU seconds, encoding of cells included."""
    tracker = Tracker(reference, DriftPolicy(detector=detector))
    started, alarms = time.process_time(), []
    for start in range(0, len(stream), BATCH):
        alarms += [sign.row for sign in tracker.observe(stream.iloc[start : start + BATCH])]
    return alarms, time.process_time() - started


def naive(stream: pd.DataFrame) -> tuple[list[int], float]:
    """Rows at which ADWIN alarmed on any raw column, and CPU seconds."""
    from river.drift import ADWIN

    table = [
        stream[name].tolist() if name in NUMBERS else stream[name].str[1:].astype(float).tolist() for name in stream
    ]
    adwin: Any = ADWIN
    started, alarms = time.process_time(), []
    detectors = [adwin() for _ in table]
    for number, cells in enumerate(zip(*table, strict=True), start=1):
        drifted = False
        for detector, cell in zip(detectors, cells, strict=True):
            if cell == cell:  # not missing
                detector.update(cell)
                drifted = drifted or detector.drift_detected
        if drifted:
            alarms.append(number)
    return alarms, time.process_time() - started


def streams(seeds: int, long: int) -> Iterator[tuple[str, float, int | None, pd.DataFrame]]:
    """Scenario, AR(1) coefficient of its reference, row of the change, rows."""
    for seed in range(seeds):
        for name, change in CHANGES.items():
            parts = [rows(BEFORE, 1_000 + seed), rows(AFTER, 2_000 + seed, **change)]
            yield name, 0.0, BEFORE, pd.concat(parts, ignore_index=True)
        yield "mean 0.25 sd from row 0", 0.0, 0, rows(AFTER, 3_000 + seed, shift=0.25)
    yield "stationary i.i.d.", 0.0, None, rows(long, 4_000)
    yield "stationary AR(1) 0.9", 0.9, None, rows(long, 5_000, 0.9)


def measure(seeds: int, long: int) -> dict[str, dict[str, Outcome]]:
    """Outcomes by scenario and peer."""
    references = {phi: build_reference(rows(REFERENCE_ROWS, 1, phi), CONTRACT) for phi in (0.0, 0.9)}
    found: dict[str, dict[str, Outcome]] = {}
    for scenario, phi, change, stream in streams(seeds, long):
        outcomes = found.setdefault(scenario, {})
        runs: dict[str, Callable[[], tuple[list[int], float]]] = {
            **{name: partial(tracked, name, references[phi], stream) for name in get_args(Detector)},
            NAIVE: partial(naive, stream),
        }
        for peer, run in runs.items():
            alarms, seconds = run()
            outcomes.setdefault(peer, Outcome()).add(alarms, change, len(stream), seconds)
    return found


def show(found: dict[str, dict[str, Outcome]]) -> None:
    """One line a scenario and peer; ratios are the peer's over the tracker's own."""
    print(
        f"{'scenario':25}{'peer':14}{'delay':>8}{'found':>7}{'false alarms':>16}{'µs/row':>8}{'delay x':>9}{'CPU x':>7}"
    )
    for scenario, outcomes in found.items():
        own = outcomes["cusum"]
        for peer, outcome in outcomes.items():
            told = outcome.document()
            delay = "-" if outcome.delay is None else f"{outcome.delay:.0f}"
            slower = f"{outcome.delay / own.delay:.2f}" if outcome.delay is not None and own.delay else "-"
            dearer = (outcome.seconds / outcome.rows) / (own.seconds / own.rows)
            alarms = f"{outcome.alarms} in {outcome.stationary // 1000}k"
            print(
                f"{scenario:25}{peer:14}{delay:>8}{told['found'] or '-':>7}{alarms:>16}"
                f"{told['cpu_us_per_row']:>8.2f}{slower:>9}{dearer:>7.2f}"
            )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=int, default=5, help="streams of each change")
    options.add_argument("--rows", type=int, default=200_000, help="rows of each stationary stream")
    options.add_argument("--json", action="store_true", help="one JSON line a scenario and peer")
    given = options.parse_args()
    found = measure(given.seeds, given.rows)
    if not given.json:
        show(found)
        return
    for scenario, outcomes in found.items():
        for peer, outcome in outcomes.items():
            print(json.dumps({"scenario": scenario, "peer": peer} | outcome.document()))


if __name__ == "__main__":
    main()
