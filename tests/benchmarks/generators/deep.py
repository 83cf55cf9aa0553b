"""Own CTGAN, TVAE and VAE beside SDV's on Adult: CPU seconds of fitting until SDV's detection AUC and TSTR are reached.

SDV runs with its default settings but for the epochs (80 of CTGAN, 300 of TVAE), in this process, on one thread. Its
scored rows are kept in ``bench-results/deep-sdv.json``, and ``measure(reuse=True)`` takes them from there.
"""

import argparse
import contextlib
import io
import json
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from generators.protocol import FitFailed, FitRequest, silent
from generators.registry import family
from schemas.table import conform
from tests.benchmarks.generators.score import score
from tests.benchmarks.generators.tables import Table, adult

KEPT = Path("bench-results") / "deep-sdv.json"
EPOCHS = {"ctgan": 80, "tvae": 300}
QUICK_EPOCHS = {"ctgan": 2, "tvae": 5}
OURS: dict[str, tuple[float, ...]] = {"torch-tvae": (6, 15), "torch-ctgan": (10, 15), "vae": (3, 15)}
QUICK_OURS: dict[str, tuple[float, ...]] = {"torch-tvae": (2,), "torch-ctgan": (2,), "vae": (2,)}
"""Own family: the epochs that it is trained for, each from the start."""
SDTYPES = {"integer": "numerical", "number": "numerical", "string": "categorical", "boolean": "categorical"}
RIVALS = {"torch-ctgan": "ctgan", "torch-tvae": "tvae", "vae": "tvae"}
"""Own family: the one of SDV that it is measured against."""


def peer(name: str, table: Table, epochs: int) -> dict[str, Any]:
    """One of SDV's synthesizers fitted and sampled at its defaults: CPU seconds and score."""
    import torch
    from sdv.metadata import Metadata
    from sdv.single_table import CTGANSynthesizer, TVAESynthesizer

    torch.set_num_threads(1)
    torch.manual_seed(0)
    np.random.seed(0)
    metadata = Metadata()
    metadata.add_table("table")
    for column in table.contract.modelled:
        metadata.add_column(column.name, "table", sdtype=SDTYPES[column.type])
    kind = {"ctgan": CTGANSynthesizer, "tvae": TVAESynthesizer}[name]
    with _quiet():
        synthesizer = kind(metadata, epochs=epochs)
        started = time.process_time()
        synthesizer.fit({"table": _plain(table.train)})
        fitted = time.process_time() - started
        found = synthesizer.sample(len(table.train))
        took = time.process_time() - started
    drawn = found["table"] if isinstance(found, dict) else found
    made = conform(drawn, table.contract).table
    return {"family": name, "by": "sdv", "epochs": epochs, "fit_cpu_s": fitted, "cpu_s": took, **_scores(table, made)}


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Nullable integers as the numpy integers or floats that SDV takes."""
    return pd.DataFrame(
        {
            name: pd.to_numeric(values.astype("float64"), downcast="integer")
            if str(values.dtype) == "Int64"
            else values
            for name, values in table.items()
        }
    )


def _scores(table: Table, made: pd.DataFrame) -> dict[str, float]:
    found = score(table.train, table.holdout, made, table.target)
    return {
        "ratio": found.ratio,
        "detection": found.detection,
        "detection_all": found.detection_all,
        "tvd2": found.tvd2,
    }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


def peers(epochs: Mapping[str, int], kept: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """``kept`` rows of SDV and those that they lack; full ones are written to ``KEPT`` as each is done."""
    table, found = adult(claim="empirical"), [*kept]
    for name, count in epochs.items():
        if name in {row["family"] for row in kept}:
            continue
        found.append(peer(name, table, count))
        if count == EPOCHS[name]:
            KEPT.parent.mkdir(parents=True, exist_ok=True)
            KEPT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


def own(name: str, table: Table, epochs: float) -> dict[str, Any]:
    """One of our families trained for so many epochs."""
    import torch

    torch.set_num_threads(1)
    request = FitRequest(table.contract, bytes(range(32)), (), {"epochs": epochs, "least_steps": 1})
    started = time.process_time()
    model = family(name).fit(table.train, request, silent)
    fitted = time.process_time() - started
    row = {"family": name, "by": "own", "epochs": epochs, "fit_cpu_s": fitted}
    if isinstance(model, FitFailed):
        return row | {"failed": model.outcome}
    made = model.sample(len(table.train), 0)
    return row | {"cpu_s": time.process_time() - started, **_scores(table, made)}


def measure(quick: bool, reuse: bool = False) -> list[dict[str, Any]]:
    """SDV's rows (``reuse``: kept ones, where there are), then ours with the peer's CPU seconds over ours where ours is
    at least as good in ratio and detection both.
    """
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if reuse and KEPT.exists() else []
    rivals = peers(QUICK_EPOCHS if quick else EPOCHS, kept)
    by_name = {row["family"]: row for row in rivals}
    table, found = adult(claim="empirical"), []
    for name, tried in (QUICK_OURS if quick else OURS).items():
        for epochs in tried:
            found.append(compared(own(name, table, epochs), by_name[RIVALS[name]]))
    return rivals + found


def compared(row: dict[str, Any], rival: dict[str, Any]) -> dict[str, Any]:
    """The row with how many times sooner than SDV's it got at least as good as that in both."""
    reached = "failed" not in row and row["ratio"] >= rival["ratio"] and row["detection"] <= rival["detection"]
    times = rival["fit_cpu_s"] / row["fit_cpu_s"]
    return row | {"rival": rival["family"], "reached": reached, "times_faster": times if reached else None}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few epochs on either side")
    parser.add_argument("--reuse", action="store_true", help=f"take SDV's rows from {KEPT}")
    asked = parser.parse_args()
    measured = measure(asked.quick, asked.reuse)
    for line in measured:
        print(line)
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    (KEPT.parent / "generators-deep.json").write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
