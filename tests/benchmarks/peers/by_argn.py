"""TabularARGN by mostlyai-engine in an environment of its own."""

import tempfile
from pathlib import Path

import pandas as pd

from tests.benchmarks.peers.ask import Answer, ask
from tests.benchmarks.peers.catalogue import Peer

ENGINE = Peer(
    name="mostlyai-engine",
    version="2.7.3",
    licence="Apache-2.0",
    says="synthetic rows by TabularARGN",
    seconds=3_000,
    rows=1_000_000,
)


def by_argn(train: pd.DataFrame, seed: int, epochs: float | None = None) -> tuple[pd.DataFrame | None, Answer]:
    """As many synthetic rows as ``train`` has. None where the peer gave nothing; the answer says why, and its time."""
    with tempfile.TemporaryDirectory(prefix="argn-") as folder:
        out = Path(folder) / "synthetic.parquet"
        answer = ask(ENGINE, {"train": train}, {"seed": seed, "epochs": epochs, "out": str(out)})
        return (pd.read_parquet(out) if out.is_file() else None), answer
