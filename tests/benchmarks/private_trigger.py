"""How soon the private drift test fires, and how often for nothing: ``python -m tests.benchmarks.private_trigger``.

On Adult: a release of ``dp-marginals`` at epsilon 1 from 20,000 rows is the reference, windows are drawn with
replacement from the other 28,842. Prints a table, and writes JSON to the path given. Seeds are fixed.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from generators.generation import generate
from schemas.contract import Categories, Column, Contract, Policy, Privacy, Range
from schemas.drift import DriftPolicy
from schemas.events.budget import TriggerGrant
from schemas.events.runs import ArtefactRef
from schemas.table import conform
from stream_app.core.drift.counts.counting import count
from stream_app.core.drift.private.private_trigger import PrivateTrigger, odds_of
from stream_app.core.drift.reference import Reference, build_reference

ADULT = Path(__file__).parents[2] / ".." / "shared" / "data" / "adult.parquet"
EPSILONS, WINDOWS, RUNS = ("0.1", "0.5"), (2_000, 10_000, 50_000), 10
MOST_ROWS, NULL_WINDOWS = 300_000, 40
CHANGES = ("none", "age by 0.25 sd", "5 points of sex")


def contract(adult: pd.DataFrame) -> Contract:
    """Adult with the domains that its rows show, as if a person had confirmed them to be public."""
    columns = []
    for name in map(str, adult.columns):
        cells = adult[name]
        if cells.dtype.kind in "iu":
            domain: Any = Range(lower=float(cells.min()), upper=float(cells.max()), resolution=1, confirmed=True)
            columns.append(Column(name=name, type="integer", domain=domain))
        else:
            values = tuple(sorted(str(value) for value in cells.dropna().unique()))
            columns.append(Column(name=name, type="string", domain=Categories(values=values, confirmed=True)))
    policy = Policy(privacy=Privacy(scope="bench", timing="private"), target="income", subgroups=("sex",))
    return Contract(dataset="adult", columns=tuple(columns), policy=policy)


def changed(window: pd.DataFrame, change: str, sd: float, random: np.random.Generator) -> pd.DataFrame:
    window = window.reset_index(drop=True)
    if change == CHANGES[1]:
        window["age"] = (window["age"].astype(float) + 0.25 * sd).round().astype("Int64")
    if change == CHANGES[2]:
        men = window["sex"] == "Male"
        window.loc[men & (random.random(len(window)) < 0.05 / float(men.mean())), "sex"] = "Female"
    return window


def fires(live: pd.DataFrame, release: Reference, epsilon: str, rows: int, change: str, seed: int) -> int | None:
    """After how many windows, or none."""
    random, policy = np.random.default_rng(seed), DriftPolicy(window_seconds=1, window_rows=rows)
    sha, name = "0" * 64, f"bench.{epsilon}.{rows}.{change.replace(' ', '-')}.{seed}"
    data = ArtefactRef(artefact_id="d", name="d", media_type="d", sha256=sha, size=1, ciphertext_sha256=sha, uri="d")
    grant = TriggerGrant(grant_id=name, epsilon=epsilon, contract_digest=sha, release_id="r", data=data)
    trigger = PrivateTrigger(grant, release, policy, b"a secret of the benchmark's own.")
    windows = NULL_WINDOWS if change == "none" else MOST_ROWS // rows
    for number in range(windows):
        window = changed(live.iloc[random.integers(0, len(live), rows)], change, float(live["age"].std()), random)
        counts = count(release.encode(window), release.layout, [rows])[0].astype(np.int64)
        trigger.take(counts, number * 1000)
        if trigger.pass_time((number + 1) * 1000) is not None:
            return number + 1
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", nargs="?", type=Path)
    out = parser.parse_args().out
    adult = pd.read_parquet(ADULT)
    pinned = contract(adult)
    table = conform(adult, pinned).table.sample(frac=1, random_state=1).reset_index(drop=True)
    train, live = table[:20_000], table[20_000:]
    made = generate(train, pinned, "dp-marginals", None, 7)
    release = build_reference(conform(made.table, pinned).table, pinned)
    found, started = [], time.perf_counter()
    for rows in WINDOWS:
        for epsilon in EPSILONS:
            for change in CHANGES:
                after = [fires(live, release, epsilon, rows, change, seed) for seed in range(RUNS)]
                told = [number * rows for number in after if number is not None]
                found.append(
                    {
                        "window_rows": rows,
                        "epsilon": epsilon,
                        "change": change,
                        "fired": len(told),
                        "runs": RUNS,
                        "median_rows": float(np.median(told)) if told else None,
                        "worst_rows": max(told, default=None),
                        "odds": odds_of(DriftPolicy(window_rows=rows)),
                    }
                )
                print(
                    f"{rows:6} {epsilon:>4} {change:16} fired {len(told):2} of {RUNS}, "
                    f"median {found[-1]['median_rows']}, worst {found[-1]['worst_rows']} rows",
                    flush=True,
                )
    print(f"{time.perf_counter() - started:.0f} s")
    if out is not None:
        out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
