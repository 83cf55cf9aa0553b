"""Try a reference and thresholds on a recorded stream before going live: the same code as the stream's."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from schemas.contract import Contract
from schemas.drift import DriftPolicy
from stream_app.core.drift.reference import build_reference, in_time_order
from stream_app.core.drift.sign import DriftSign
from stream_app.core.drift.tracker import Tracker

if TYPE_CHECKING:
    import pandas as pd

_ROWS = 4_000


def backtest(
    reference: "pd.DataFrame", stream: "pd.DataFrame", contract: Contract, policy: DriftPolicy | None = None
) -> Iterator[DriftSign]:
    """Every drift found in ``stream``, by the contract's time column where there is one, as soon as it is found."""
    tracker = Tracker(build_reference(reference, contract, policy), policy)
    ordered = in_time_order(stream, contract)
    for start in range(0, len(ordered), _ROWS):
        yield from tracker.observe(ordered.iloc[start : start + _ROWS])
