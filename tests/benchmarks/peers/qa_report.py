"""How long mostlyai-qa's report takes: the yardstick of a whole certificate."""

from dataclasses import replace
from pathlib import Path

from tests.benchmarks.peers.ask import Answer, ask
from tests.benchmarks.peers.catalogue import PEERS
from tests.benchmarks.peers.environment import ROOT

ADULT = ROOT / ".." / "shared" / "data" / "adult.parquet"


def qa_report_seconds(rows: int, data: Path = ADULT, seconds: float = 1_800) -> Answer:
    """mostlyai-qa's report on one core: ``rows`` synthetic rows, ``rows`` of training and a holdout of what is left.

    The synthetic table is the training rows reordered by column blocks (its content does not matter for the time).
    ``seconds`` and ``cpu_seconds`` of the answer are the report's own; ``reason`` is given where it could not run.
    """
    import numpy as np
    import pandas as pd

    if not data.is_file():
        return Answer("mostlyai-qa", reason="the data are not here")
    frame = pd.read_parquet(data).sample(frac=1, random_state=0).reset_index(drop=True)
    if rows >= len(frame):
        return Answer("mostlyai-qa", reason=f"there are {len(frame)} rows, which leaves no holdout")
    train, holdout = frame.head(rows), frame.iloc[rows : 2 * rows].reset_index(drop=True)
    rng = np.random.default_rng(0)
    synthetic = train.copy()
    half = list(frame.columns[: frame.shape[1] // 2])
    synthetic[half] = train[half].to_numpy()[rng.permutation(rows)]
    synthetic = synthetic.astype(train.dtypes.to_dict())
    tables = {"train": train, "holdout": holdout, "synthetic": synthetic}
    return ask(replace(PEERS["mostlyai-qa"], seconds=seconds), tables)
