"""From drifted live counts to a table: fit and sampling in CPU seconds, with no row read, and the same from rows.

Adult's rows go through the drift station's own counter in messages; half of them is the train share. The counts after a
drift (the last rows, where high incomes are twice as common) are handed over and fitted to, on the contract's own bins.
"""

import time
from typing import Any

import numpy as np
import pandas as pd

from generators.live.contracting import contracted
from generators.live.counting import counted
from generators.live.fitting import fit_counts, fit_rows
from generators.private.granting import whole_budget
from generators.protocol import FitRequest, silent
from schemas.contract import Contract
from schemas.counts import public_layout
from schemas.generation import Generation
from stream_app.core.drift.coding.cells import columns_of
from stream_app.core.drift.counter import RowCounter
from stream_app.core.drift.counts.handing_over import counts_for_generator
from stream_app.core.drift.reference import build_reference
from stream_app.core.drift.sharing.shares import Splitter
from tests.benchmarks.generators.score import score
from tests.benchmarks.generators.tables import Table, adult

SAMPLED = 1_000_000
MESSAGE = 2_000
SPLIT = b"split" * 8


def measure(quick: bool) -> list[dict[str, Any]]:
    """What counting, fitting and sampling take, what the release is worth, whether rows give the same bytes."""
    table = _counted_publicly(adult())
    contract = table.contract
    drifted = _drifted(table.train)
    reference = build_reference(table.train.iloc[:5_000], contract)
    counter = RowCounter(reference, contract, SPLIT)
    train = np.zeros(reference.layout.cells, dtype=np.int64)
    since = time.process_time()
    for start in range(0, len(drifted), MESSAGE):
        train += counter.count(columns_of(drifted.iloc[start : start + MESSAGE], contract)).train
    counting = time.process_time() - since
    counts = counts_for_generator(reference, contract, train)
    request = FitRequest(contract, bytes(range(32)), (whole_budget(contract),))
    fit_counts(counts, request, silent)
    since = time.process_time()
    release = fit_counts(counts, request, silent)
    fitting = time.process_time() - since
    rows = SAMPLED // 10 if quick else SAMPLED
    since = time.process_time()
    sampled = release.sample(rows, 1)
    sampling = time.process_time() - since
    own = drifted[Splitter(contract, SPLIT).shares(columns_of(drifted, contract)) == 0].reset_index(drop=True)
    same = fit_rows(own, request, silent).to_bytes() == release.to_bytes()
    counted_alike = counted(own, public_layout(contract)).digest == contracted(counts, contract).digest
    found = score(own, table.holdout, sampled.iloc[: len(own)], table.target)
    return [
        {
            "source": "live counts of the train share, drifted",
            "rows_counted": counts.rows,
            "rows_sampled": rows,
            "counting_cpu_seconds": round(counting, 2),
            "fit_cpu_seconds": round(fitting, 2),
            "sample_cpu_seconds": round(sampling, 2),
            "fit_and_sample_cpu_seconds": round(fitting + sampling, 2),
            "same_bytes_from_rows": bool(same and counted_alike),
            "ratio": round(found.ratio, 4),
            "detection": round(found.detection, 4),
            "tvd2": round(found.tvd2, 4),
        }
    ]


def _counted_publicly(table: Table) -> Table:
    contract: Contract = table.contract
    policy = contract.policy.model_copy(update={"generation": Generation(counts="public_bins")})
    return Table(
        table.name, contract.model_copy(update={"policy": policy}), table.train, table.holdout, table.target
    )  # fmt: skip


def _drifted(rows: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Half of the rows with low incomes are gone."""
    low = rows["income"].astype(str).str.contains("<=50K").to_numpy()
    kept = ~low | (np.random.default_rng(seed).random(len(rows)) < 0.5)
    return rows[kept].reset_index(drop=True)
