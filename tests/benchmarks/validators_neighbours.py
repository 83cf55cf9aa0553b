"""Exact nearest and second nearest neighbours (DCR and NNDR) on Adult, beside scikit-learn's brute force in one run.

Reads ``../shared/data/adult.parquet``. Both sides use one thread; seconds are of processor time, so that other work on
the machine moves them little. Targets are real rows; queries are the rows that are left, and where the file has too
few, rows drawn again whose numbers are moved by 2 % of a standard deviation. The peer gets the same problem as
standardised numbers and one-hot categories; above 50,000 rows only 5,000 of the queries. Its answers are compared with
ours. Times are of the index and the search; points and one-hot codes are made before. Compiled code is loaded, or
compiled, before the clock starts; how long that took is told. Up to 50,000 rows the worst case follows: independent
Gaussian numbers and two categories.
"""

import argparse
import json
import resource
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from schemas.contract import Column, Contract, LogicalType, Policy, Privacy
from schemas.table import conform
from validators.distances.index import Path as How
from validators.distances.index import index
from validators.distances.points import METRICS, Metric, Points
from validators.distances.scales import fitted

ADULT = Path(__file__).parents[2] / ".." / "shared" / "data" / "adult.parquet"
SIZES = (24_421, 32_000, 200_000)
PEER_QUERIES = 5_000
ALL_QUERIES_UP_TO = 50_000
JITTER = 0.02
KINDS: dict[str, LogicalType] = {"f": "number", "i": "number", "O": "string"}


def measure(sizes: Sequence[int] = SIZES, seed: int = 0) -> list[dict[str, Any]]:
    """One row a size, distance and path: seconds, the peer's seconds for how many queries, ratio of times a query."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        loading = _loaded()
        rows = [row for size in sizes for row in _at(size, seed)]
        rows += [row for size in sizes if size <= ALL_QUERIES_UP_TO for row in _structureless(size, seed)]
        return [row | {"loading_s": loading} for row in rows]


def _loaded() -> float:
    began = time.process_time()
    some = Points(np.zeros((2, 1)), np.zeros((2, 1), dtype=np.int32))
    for how in _paths():
        for way in ("tree", "dense"):
            for metric in METRICS:
                ready = Points(some.scaled, some.codes, metric)
                index(ready).search(ready, 2, path=how, way=way)
    return round(time.process_time() - began, 2)


def _paths() -> tuple[How, ...]:
    return ("numba", "numpy") if find_spec("numba") is not None else ("numpy",)


def _at(size: int, seed: int) -> list[dict[str, Any]]:
    contract, queries, targets = _tables(size, seed)
    asked = size if size <= ALL_QUERIES_UP_TO else PEER_QUERIES
    found: list[dict[str, Any]] = []
    distances: dict[str, Any] = {}
    for metric in METRICS:
        on = fitted([targets], contract.modelled, metric)
        mine, theirs = on.points(queries), on.points(targets)
        for how in _paths():
            began = time.process_time()
            ours = index(theirs).search(mine, 2, path=how).distance
            found.append({"distance": metric, "path": how, "rows": [size, size], "ours_s": time.process_time() - began,
                          "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)})  # fmt: skip
            distances[f"{metric} {how}"] = ours[:asked]
    on = fitted([targets], contract.modelled, "euclidean")
    peer_s, peer = _brute(on.points(queries).take(slice(0, asked)), on.points(targets))
    for row in found:
        ours = distances[f"{row['distance']} {row['path']}"]
        row |= {
            "peer": "scikit-learn NearestNeighbors(algorithm='brute'), Euclidean, one-hot", "peer_s": peer_s,
            "peer_queries": asked, "ratio_per_query": peer_s / asked * size / row["ours_s"],
            "ratio_of_times": peer_s / row["ours_s"],
            "largest_difference": float(np.abs(ours - peer).max()) if row["distance"] == "euclidean" else None,
        }  # fmt: skip
    return found


def _structureless(size: int, seed: int) -> list[dict[str, Any]]:
    """Independent Gaussian numbers, in which no tree excludes much; the peer measures each distance as its own."""
    rng = np.random.default_rng(seed)
    numbers, codes = rng.normal(size=(2, size, 15)), rng.integers(0, 5, (2, size, 2), dtype=np.int32)
    found: list[dict[str, Any]] = []
    metrics: tuple[Metric, ...] = ("gower", "euclidean")
    for metric in metrics:
        queries, targets = (Points(numbers[side], codes[side], metric) for side in (0, 1))
        peer_s, peer = _brute(queries, targets)
        for how in _paths():
            began = time.process_time()
            ours = index(targets).search(queries, 2, path=how).distance
            spent = time.process_time() - began
            peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
            found.append({"distance": f"{metric}, 15 Gaussians", "path": how, "rows": [size, size], "ours_s": spent,
                          "peak_mb": peak, "peer": "scikit-learn NearestNeighbors(algorithm='brute'), one-hot",
                          "peer_s": peer_s, "peer_queries": size, "ratio_per_query": peer_s / spent,
                          "ratio_of_times": peer_s / spent,
                          "largest_difference": float(np.abs(ours * (1 if queries.squared else queries.width)
                                                             - peer).max())})  # fmt: skip
    return found


def _brute(queries: Points, targets: Points) -> tuple[float, Any]:
    """Seconds of the search, and (n_queries, 2) distances, or sums (``gower``); one-hot codes make a mismatch add 2 to
    the square, or 1 to the sum.
    """
    from sklearn.neighbors import NearestNeighbors
    from sklearn.preprocessing import OneHotEncoder

    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(
        np.concatenate([targets.codes, queries.codes])
    )
    share, norm = (1.0, "euclidean") if queries.squared else (0.5, "manhattan")
    coded = [np.hstack([part.scaled, share * encoder.transform(part.codes)]) for part in (queries, targets)]
    began = time.process_time()
    distance = NearestNeighbors(n_neighbors=2, algorithm="brute", metric=norm).fit(coded[1]).kneighbors(coded[0])[0]
    return time.process_time() - began, distance


def _tables(size: int, seed: int) -> tuple[Contract, pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    frame = pd.read_parquet(ADULT).sample(frac=1, random_state=seed)
    columns = tuple(Column(name=name, type=KINDS[frame[name].dtype.kind]) for name in frame)
    contract = Contract(
        dataset="adult", columns=columns, policy=Policy(privacy=Privacy(claim="empirical", scope="adult"))
    )
    targets = _enough(frame.iloc[:size], frame, size, rng)
    queries = _enough(frame.iloc[size : 2 * size], frame, size, rng)
    return contract, conform(queries, contract).table, conform(targets, contract).table


def _enough(real: pd.DataFrame, frame: pd.DataFrame, size: int, rng: np.random.Generator) -> pd.DataFrame:
    """``real`` and as many moved rows of ``frame`` as lack."""
    more = frame.iloc[rng.integers(0, len(frame), size - len(real))].copy()
    for name in more.select_dtypes("number"):
        more[name] = more[name] + rng.normal(0, JITTER * frame[name].std(), len(more))
    return pd.concat([real, more], ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if not ADULT.exists():
        print("skipped: the shared data are absent")
        return
    rows = measure(given.sizes)
    for row in rows:
        name = f"{row['distance']} by {row['path']}, {row['rows'][0]:,} rows"
        print(
            f"{name:46} {row['ours_s']:8.2f} s {row['peak_mb']:5} MB; peer {row['peer_s']:8.2f} s for "
            f"{row['peer_queries']:,} queries, {row['ratio_per_query']:.1f} times ours a query, "
            f"{row['ratio_of_times']:.2f} times as run; apart {row['largest_difference']}"
        )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
