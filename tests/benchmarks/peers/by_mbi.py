"""AIM and MST by mbi in an environment of their own: synthetic codes for coded rows, under a zCDP budget."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from tests.benchmarks.peers.ask import Answer, ask
from tests.benchmarks.peers.catalogue import Peer

MBI = Peer(
    name="mbi",
    version="2.0.0",
    licence="Apache-2.0",
    says="synthetic rows by AIM or MST",
    seconds=1_800,
    rows=1_000_000,
)
EXTRA_ROUNDS, MEGABYTES, ITERATIONS = 5, 0.5, 200
"""As many rounds as columns and five more. AIM's own defaults (16 rounds a column, 80 MB) take hours."""


def by_mbi(
    mechanism: str, codes: pd.DataFrame, sizes: Mapping[str, int], rho: float, seed: int
) -> tuple[pd.DataFrame | None, Answer]:
    """``mechanism`` is ``aim`` or ``mst``; ``sizes`` are the public numbers of codes a column.

    None where the peer gave nothing; the answer says why, and how much CPU time it took.
    """
    with tempfile.TemporaryDirectory(prefix="mbi-") as folder:
        out = Path(folder) / "synthetic.parquet"
        options = {
            "mechanism": mechanism,
            "sizes": dict(sizes),
            "rho": rho,
            "seed": seed,
            "rounds": len(sizes) + EXTRA_ROUNDS,
            "megabytes": MEGABYTES,
            "iterations": ITERATIONS,
            "out": str(out),
        }
        answer = ask(MBI, {"train": codes}, options)
        return (pd.read_parquet(out) if out.is_file() else None), answer
