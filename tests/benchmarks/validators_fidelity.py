"""Fidelity, shapes and all pairs, of Adult's 15 columns beside sdmetrics' QualityReport with all pairs scored.

Both run in one process, held to one core, on the same two tables, and are timed in seconds of processor time, so that
what else the machine does is not counted. Ours is what the two validators take: encoding of both tables, intervals,
findings; the time with the real side already known is stated beside it. The peer is timed as it comes, where above
50,000 rows it scores contingency tables on an unseeded subsample, and on all rows.
Run by itself: ``PYTHONPATH=. python tests/benchmarks/validators_fidelity.py``.
"""

import argparse
import json
import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from tests.benchmarks.leak_populations import contract_of
from validators.memo import Memo
from validators.protocol import Evidence
from validators.utility.coarse import number_places
from validators.utility.marginals import MarginalFidelity, column_shapes
from validators.utility.pairs import PairFidelity, layout, pair_trends

ADULT = Path(__file__).parents[2] / ".." / "shared" / "data" / "adult.parquet"
SIZES = (32_000, 200_000)


def measure(sizes: tuple[int, ...] = SIZES, peer: bool = True) -> list[dict[str, Any]]:
    """One record for each size: seconds of both, their ratio, and the largest difference of the answers that are alike.

    Without sdmetrics or the data, the record says why there is nothing to compare with.
    """
    if not ADULT.exists():
        return [{"benchmark": "fidelity", "skipped": "the real data lies beside the project only in development"}]
    with one_core():
        return [_measured(rows, peer) for rows in sizes]


@contextmanager
def one_core() -> Iterator[None]:
    """This process and its threads on one core, where the system can hold them there."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    with threadpool_limits(1):
        if cores:
            os.sched_setaffinity(0, {min(cores)})
        try:
            yield
        finally:
            if cores:
                os.sched_setaffinity(0, cores)


def tables(rows: int) -> tuple[Evidence, pd.DataFrame, pd.DataFrame]:
    """Evidence with ``rows`` real (holdout) and as many synthetic rows: Adult drawn with replacement, every synthetic
    column but the first shuffled within blocks, so that nothing is equal; and the two tables as read.
    """
    from schemas.table import conform

    frame, rng = pd.read_parquet(ADULT), np.random.default_rng(rows)
    real = frame.iloc[rng.integers(0, len(frame), rows)].reset_index(drop=True)
    fake = frame.iloc[rng.integers(0, len(frame), rows)].reset_index(drop=True)
    part = np.flatnonzero(rng.random(rows) < 0.3)
    for name in frame.columns[1:]:
        fake.loc[part, name] = fake[name].to_numpy()[rng.permutation(part)]
    stated = contract_of(frame, "adult", "income")
    typed = [conform(table, stated).table for table in (real, fake)]
    empty = typed[0].iloc[:0]
    return Evidence(stated, typed[1], empty, typed[0], empty, seed=0), real, fake


def _measured(rows: int, peer: bool) -> dict[str, Any]:
    evidence, real, fake = tables(rows)
    _ours(replace(evidence, synthetic=evidence.synthetic.iloc[:1_000], memo=Memo()))
    first = min(_ours(replace(evidence, memo=Memo())) for _ in range(3))
    again = min(_ours(replace(evidence, synthetic=evidence.synthetic.copy())) for _ in range(4))
    record = {"benchmark": "fidelity", "rows": rows, "columns": real.shape[1], "pairs": len(layout(evidence).pairs)}
    record |= {"seconds": round(first, 4), "seconds_real_side_known": round(again, 4)}
    if not peer or find_spec("sdmetrics") is None:
        return record | {"skipped": "the extra 'sdv' is not installed" if peer else "not asked for"}
    seconds, _ = _sdmetrics(real, fake, subsample=True)
    on_all_rows, report = _sdmetrics(real, fake, subsample=False)
    return record | {
        "peer": "sdmetrics QualityReport, all pairs scored",
        "peer_seconds": round(seconds, 3),
        "peer_seconds_all_rows": round(on_all_rows, 3),
        "times_faster": round(seconds / first, 1),
        "times_faster_all_rows": round(on_all_rows / first, 1),
        "times_faster_all_rows_real_side_known": round(on_all_rows / again, 1),
    } | _differences(evidence, report)  # fmt: skip


def _ours(evidence: Evidence) -> float:
    started = time.process_time()
    found = MarginalFidelity().measure(evidence) + PairFidelity().measure(evidence)
    assert len(found) == 4
    return time.process_time() - started


def _sdmetrics(real: pd.DataFrame, fake: pd.DataFrame, subsample: bool) -> tuple[float, Any]:
    from sdmetrics.reports.single_table import QualityReport

    kinds = {name: "categorical" if real[name].dtype == object else "numerical" for name in real}
    metadata = {"columns": {name: {"sdtype": kind} for name, kind in kinds.items()}}
    report = QualityReport()
    report.real_correlation_threshold = report.real_association_threshold = 0
    if not subsample:
        report.num_rows_subsample = None
    started = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report.generate(real, fake, metadata, verbose=False)
    return time.process_time() - started, report


def _differences(evidence: Evidence, report: Any) -> dict[str, Any]:
    """Largest differences over columns and over the pairs whose definition is sound: two numbers, or two categories."""
    numbers, names = set(number_places(evidence)), [column.name for column in evidence.contract.modelled]
    shapes = report.get_details("Column Shapes").set_index("Column")["Score"]
    ours = column_shapes(evidence, evidence.holdout, evidence.synthetic)
    by_column = [abs(found.reported - shapes[name]) for name, found in zip(names, ours, strict=True)]
    details = report.get_details("Column Pair Trends").set_index(["Column 1", "Column 2"])["Score"]
    trends, by_pair = pair_trends(evidence, evidence.holdout, evidence.synthetic), []
    assert trends is not None
    for k, (i, j) in enumerate(layout(evidence).pairs):
        both = len({i, j} & numbers)
        if both != 1:
            by_pair.append(abs(trends[k] - details[names[i], names[j]]))
    return {
        "columns_compared": len(by_column),
        "largest_difference_of_columns": float(np.max(by_column)),
        "pairs_scored_by_peer": int(details.notna().sum()),
        "pairs_compared": len(by_pair),
        "largest_difference_of_pairs": float(np.max(by_pair)),
    }


def main() -> None:
    """Prints one JSON line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, action="append", help="instead of 32,000 and 200,000")
    asked = parser.parse_args()
    for record in measure(tuple(asked.rows) if asked.rows else SIZES):
        json.dump(record, sys.stdout)
        print(flush=True)


if __name__ == "__main__":
    main()
