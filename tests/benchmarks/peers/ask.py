"""Ask a peer for its scores of tables: one process of its own environment, one core, a time limit, never a crash."""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.peers.catalogue import Peer
from tests.benchmarks.peers.environment import HERE, PeerUnavailable, python_of

if TYPE_CHECKING:
    import pandas as pd

ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
"""Peers are timed on one core, as the project is."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A peer's scores, the seconds of its own work (imports and reading apart) and its peak memory in MiB.

    ``cpu_seconds`` are those of one core, which other work on the machine does not stretch.

    ``reason`` says why there are no scores; scores are then empty. Figures that are not finite are left out.
    """

    peer: str
    scores: dict[str, float] = field(default_factory=dict)
    seconds: float | None = None
    cpu_seconds: float | None = None
    mebibytes: float | None = None
    reason: str | None = None
    timed_out: bool = False


def ask(
    peer: Peer, tables: "Mapping[str, pd.DataFrame]", options: Mapping[str, Any] | None = None, cores: str | None = "0"
) -> Answer:
    """The peer's answer on ``tables`` (by name: train, holdout, synthetic), each cut to its first ``peer.rows`` rows.

    ``options`` go to the runner as they are (``target``, ``categorical``, ...). With ``cores`` None the peer may use
    every core.
    """
    try:
        python = python_of(peer.name)
    except PeerUnavailable as error:
        return Answer(peer.name, reason=str(error))
    with tempfile.TemporaryDirectory(prefix="peer-") as folder:
        asked, answered = Path(folder) / "asked.json", Path(folder) / "answered.json"
        paths = {
            name: _written(table.head(peer.rows), Path(folder) / f"{name}.parquet") for name, table in tables.items()
        }
        asked.write_text(json.dumps({**(options or {}), "tables": paths, "one_core": cores is not None}))
        command = [str(python), str(HERE / peer.runner), str(asked), str(answered)]
        environment = {**os.environ, "PYTHONPATH": "", "PYTHONWARNINGS": "ignore", "HF_HUB_OFFLINE": "1"}
        environment |= ONE_CORE if cores is not None else {}
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=peer.seconds, env=environment, cwd=folder
            )
        except subprocess.TimeoutExpired:
            return Answer(peer.name, reason=f"no answer within {peer.seconds:g} s", timed_out=True)
        if done.returncode or not answered.is_file():
            return Answer(peer.name, reason=_last(done.stderr))
        return Answer(peer=peer.name, **json.loads(answered.read_text()))


def _written(table: "pd.DataFrame", path: Path) -> str:
    """As Parquet; a column of mixed types is written as text, as a CSV file would hold it."""
    import pandas as pd

    plain = table.copy()
    for place, name in enumerate(plain.columns):
        cells = plain.iloc[:, place]
        kinds = {type(cell) for cell in cells.dropna()} if cells.dtype == object else set()
        if kinds and kinds != {str}:
            plain[name] = cells.map(lambda cell: None if pd.isna(cell) else str(cell))
    plain.to_parquet(path, index=False)
    return str(path)


def _last(stderr: str) -> str:
    lines = [line.strip() for line in stderr.strip().splitlines() if line.strip()]
    return (lines or ["it ended without an answer"])[-1][:160]
