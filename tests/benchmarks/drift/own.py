"""The tracker under test: signs and CPU seconds of a stream."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from schemas.drift import DriftPolicy
from stream_app.core.drift.reference import Reference
from stream_app.core.drift.sign import DriftSign
from stream_app.core.drift.tracker import Tracker

if TYPE_CHECKING:
    import pandas as pd

BATCH = 4_000
"""Rows handed over at once; the tracker looks at blocks of its own."""


def tracked(
    reference: Reference, pieces: "Iterable[pd.DataFrame]", policy: DriftPolicy | None = None
) -> tuple[list[DriftSign], int, float]:
    """Signs, rows and CPU seconds; encoding of cells is included, making the rows is not."""
    tracker, signs, rows, seconds = Tracker(reference, policy or DriftPolicy()), [], 0, 0.0
    for piece in pieces:
        started = time.process_time()
        for start in range(0, len(piece), BATCH):
            signs += list(tracker.observe(piece.iloc[start : start + BATCH]))
        seconds += time.process_time() - started
        rows += len(piece)
    return signs, rows, seconds
