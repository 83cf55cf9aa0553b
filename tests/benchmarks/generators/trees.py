"""Sequential trees on Adult: fidelity, exact copies, the leak gate over seeds, and a million rows drawn."""

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from generators.generation import generate
from generators.protocol import FitFailed, FitRequest, silent
from generators.registry import family
from tests.benchmarks import leak_populations
from tests.benchmarks.generators.score import score
from tests.benchmarks.generators.tables import Table, adult
from validators.privacy.leak import Leak
from validators.statistics import clopper_pearson

SIZES = (16_000, 16_000, 8_000, 8_000)
"""Train, holdout, reference and released rows where the leak gate looks."""
SEEDS, QUICK_SEEDS = 20, 3


def measure(quick: bool) -> list[dict[str, Any]]:
    """Rows of the table: fidelity by seed, then the gate."""
    table = adult(claim="empirical")
    found = [fidelity(table, seed) for seed in range(1 if quick else 3)]
    return [*found, millions(table), refusals(QUICK_SEEDS if quick else SEEDS)]


def fidelity(table: Table, seed: int) -> dict[str, Any]:
    """One fit at its defaults, scored; copies are rows of the training table that reappear, beside the holdout's."""
    request = FitRequest(table.contract, bytes([seed]) * 32)
    started = time.process_time()
    model = family("trees").fit(table.train, request, silent)
    took = time.process_time() - started
    if isinstance(model, FitFailed):
        raise RuntimeError(model.detail)
    made = model.sample(len(table.train), seed)
    scored = score(table.train, table.holdout, made, table.target)
    return {
        "part": "trees", "table": table.name, "seed": seed, "fit_cpu_s": took, "ratio": scored.ratio,
        "detection": scored.detection, "detection_all": scored.detection_all, "tvd2": scored.tvd2,
        "copies": copies(made, table.train), "holdout_copies": copies(table.holdout, table.train),
        "model_bytes": len(model.to_bytes()),
    }  # fmt: skip


def copies(rows: pd.DataFrame, train: pd.DataFrame) -> float:
    """The share of ``rows`` that equal a training row."""
    known, asked = (pd.util.hash_pandas_object(table, index=False).to_numpy() for table in (train, rows))
    return float(np.isin(asked, known).mean())


def millions(table: Table) -> dict[str, Any]:
    """CPU seconds of drawing a million rows."""
    model = family("trees").fit(table.train, FitRequest(table.contract, bytes(32)), silent)
    if isinstance(model, FitFailed):
        raise RuntimeError(model.detail)
    started = time.process_time()
    drawn = model.sample(1_000_000, 0)
    return {"part": "trees", "rows_drawn": len(drawn), "sample_cpu_s": time.process_time() - started}


def refusals(seeds: int) -> dict[str, Any]:
    """How many of so many draws of train and holdout end in a release that the leak gate refuses."""
    draw, refused = leak_populations.adult(SIZES), 0
    for seed in range(seeds):
        evidence = draw(seed)
        made = generate(evidence.train, evidence.contract, "trees", SIZES[3], seed)
        if isinstance(made, FitFailed):
            raise RuntimeError(made.detail)
        finding = Leak().measure(replace(evidence, synthetic=made.table))[0]
        refused += finding.verdict == "FAIL"
    return {
        "part": "trees", "rows": SIZES[0], "leak_gate_refused": refused, "seeds": seeds,
        "interval": list(clopper_pearson(refused, seeds)),
    }  # fmt: skip
