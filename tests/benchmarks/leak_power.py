"""How often the leak gate rejects: fresh rows, honest private releases, and tables with a planted leak.

Run by ``make bench-power``; reads ``../shared/data`` and the flights of the extra ``demo``, prints a table with
Clopper-Pearson intervals at 95 % and writes the same as JSON. Minutes, so no part of the test suite; ``--quick`` takes
few seeds.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.leak_populations import Draw, adult, flights, fraud, private_release
from validators.distances import index as engine
from validators.privacy.leak import Leak
from validators.protocol import Evidence
from validators.statistics import clopper_pearson

Leaking = Callable[[Evidence, float, np.random.Generator], pd.DataFrame]


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


def changed(columns: int) -> Leaking:
    """As ``verbatim``, so many random columns of each copy taken from other train rows."""

    def leak(evidence: Evidence, share: float, rng: np.random.Generator) -> pd.DataFrame:
        table, copies = verbatim(evidence, share, rng), round(share * len(evidence.synthetic))
        for row in range(copies):
            for column in rng.permutation(table.shape[1])[:columns]:
                table.iat[row, column] = evidence.train.iat[int(rng.integers(len(evidence.train))), column]
        return table

    return leak


LEAKS: dict[str, Leaking] = {
    "verbatim": verbatim, "jittered": jittered, "one column changed": changed(1), "two columns changed": changed(2),
}  # fmt: skip
PLANTED = (
    ("verbatim", 0.0025), ("verbatim", 0.005), ("verbatim", 0.01), ("jittered", 0.005), ("jittered", 0.01),
    ("one column changed", 0.005), ("one column changed", 0.01), ("two columns changed", 0.005),
    ("two columns changed", 0.01),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setting:
    """A population at one size, and how many seeds of leaks and of fresh tables are drawn from it."""

    name: str
    draw: Draw
    leaks: int
    fresh: int
    planted: tuple[tuple[str, float], ...] = PLANTED


def tables(setting: Setting, evidence: Evidence, seed: int) -> Iterator[tuple[str, float, pd.DataFrame]]:
    """The fresh table and each planted one of a seed; the leak of the stated detectable share comes last."""
    if seed < setting.fresh:
        yield "fresh", 0.0, evidence.synthetic
    if seed < setting.leaks:
        for number, (name, share) in enumerate(setting.planted):
            yield name, share, LEAKS[name](evidence, share, np.random.default_rng([seed, number]))
        stated = Leak().measure(evidence)[1].value or 1.0
        yield "verbatim at the stated share", -1.0, verbatim(evidence, stated, np.random.default_rng([seed, 99]))


def power(setting: Setting) -> list[dict[str, Any]]:
    """One record a scenario."""
    counted: dict[tuple[str, float], list[bool]] = {}
    stated, spent = list[float](), list[float]()
    for seed in range(max(setting.leaks, setting.fresh)):
        evidence = setting.draw(seed)
        for name, share, table in tables(setting, evidence, seed):
            started = time.perf_counter()
            copied, detectable = Leak().measure(replace(evidence, synthetic=table))
            spent.append(time.perf_counter() - started)
            counted.setdefault((name, share), []).append(copied.verdict == "FAIL")
            stated.append(detectable.value or 1.0)
    sees, seconds = float(np.median(stated)), float(np.mean(spent))
    return [
        record(setting.name, name, share if share >= 0 else sees, found, sees, seconds)
        for (name, share), found in counted.items()
    ]


def honest(sizes: tuple[int, int, int, int], epsilon: str, seeds: int) -> dict[str, Any]:
    """Private releases of the train rows by noisy marginals."""
    release, found, spent, stated = private_release(sizes, epsilon), list[bool](), list[float](), list[float]()
    for seed in range(seeds):
        evidence = release(seed)
        started = time.perf_counter()
        copied, detectable = Leak().measure(evidence)
        spent.append(time.perf_counter() - started)
        found.append(copied.verdict == "FAIL")
        stated.append(detectable.value or 1.0)
    return record(f"Adult {label(sizes)}", f"private release, epsilon {epsilon}", 0.0, found,
                  float(np.median(stated)), float(np.mean(spent)))  # fmt: skip


def record(
    setting: str, scenario: str, share: float, found: list[bool], stated: float, seconds: float
) -> dict[str, Any]:
    """The figures of one line, which is printed at once."""
    low, high = clopper_pearson(sum(found), len(found))
    print(f"{setting:34} {scenario:30} {share:7.2%} {sum(found):4}/{len(found):<4} {sum(found) / len(found):6.1%} "
          f"[{low:.1%}, {high:.1%}]  sees {stated:.2%}  {seconds:.2f} s", flush=True)  # fmt: skip
    return {
        "setting": setting, "scenario": scenario, "share": share, "rejected": sum(found), "seeds": len(found),
        "interval": [low, high], "stated_detectable_share": stated, "seconds_a_table": seconds,
    }  # fmt: skip


def label(sizes: tuple[int, int, int, int]) -> str:
    """Train, holdout, reference and table in thousands."""
    return "/".join(f"{size // 1_000}k" for size in sizes)


def settings(seeds: int, fresh: int) -> list[Setting]:
    """The sizes that the gate promises something for."""
    small, tiny = (4_000, 2_000, 2_000, 4_000), (4_000, 2_000, 2_000, 2_000)
    large, lean = (16_000, 16_000, 8_000, 8_000), (16_000, 4_000, 8_000, 8_000)
    card, some = (100_000, 100_000, 100_000, 100_000), max(1, fresh // 3)
    return [
        Setting(f"Adult {label(small)}", adult(small), seeds, fresh),
        Setting(f"Adult {label(tiny)}", adult(tiny), seeds, fresh),
        Setting(f"Adult {label(lean)}", adult(lean), seeds, fresh),
        Setting(f"Adult {label(large)}", adult(large), seeds, fresh),
        Setting(f"fraud {label(card)}", fraud(card), seeds, fresh,
                tuple(item for item in PLANTED if item[0] in ("verbatim", "jittered"))),
        Setting("flights by aircraft", flights(), max(1, seeds // 5), some // 2,
                (("verbatim", 0.005), ("verbatim", 0.01), ("verbatim", 0.02))),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10 seeds of leaks, 30 fresh tables, 10 private releases")
    parser.add_argument("--seeds", type=int, default=100, help="seeds of each planted leak at the small sizes")
    parser.add_argument("--fresh", type=int, default=300, help="fresh tables at the small sizes")
    parser.add_argument("--honest", type=int, default=300, help="private releases at epsilon 1; a third at epsilon 10")
    parser.add_argument("--only", default="", help="settings whose name starts so; 'private' for the releases")
    parser.add_argument("--out", type=Path, default=Path("bench-results") / "leak_power.json")
    asked = parser.parse_args()
    seeds, fresh, private = (10, 30, 10) if asked.quick else (asked.seeds, asked.fresh, asked.honest)
    # The same numbers bit by bit; one process with many small tables gains by compiled code.
    engine.SMALL = 0
    started, lines = time.perf_counter(), list[dict[str, Any]]()
    for setting in settings(seeds, fresh):
        if setting.name.startswith(asked.only):
            lines += power(setting)
    if "private".startswith(asked.only[:7]):
        for epsilon, count in (("1", private), ("10", max(1, private // 3))):
            lines.append(honest((4_000, 2_000, 2_000, 4_000), epsilon, count))
    document = {"seconds": time.perf_counter() - started, "lines": lines}
    asked.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"{document['seconds']:.0f} s; written to {asked.out}")


if __name__ == "__main__":
    main()
