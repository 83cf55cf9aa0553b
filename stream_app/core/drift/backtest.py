"""Try a reference and thresholds on a recorded stream before going live: the same code as the stream's."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from schemas.contract import Contract
from schemas.drift import DriftPolicy
from stream_app.core.drift.coding.bins import Codes, Floats
from stream_app.core.drift.reference import Reference, build_reference, in_time_order
from stream_app.core.drift.sign import DriftSign
from stream_app.core.drift.tracker import Tracker

if TYPE_CHECKING:
    import pandas as pd

_ENCODED = 250_000
_WATCHED = 50_000


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded stream on its reference's bins: (columns, rows) ``codes`` and (rows,) ``seconds``, in order of time.

    ``seconds`` are NaN without a time column.
    """

    reference: Reference
    codes: Codes
    seconds: Floats

    @property
    def rows(self) -> int:
        return int(self.codes.shape[1])

    def signs(self, policy: DriftPolicy) -> Iterator[DriftSign]:
        """Every drift, as soon as it is found."""
        tracker = Tracker(self.reference, policy)
        for start in range(0, self.rows, _WATCHED):
            part = slice(start, start + _WATCHED)
            yield from tracker.observe_codes(self.codes[:, part], self.seconds[part])


def record(reference: Reference, stream: "pd.DataFrame", contract: Contract) -> Recording:
    """Encode ``stream``, by the contract's time column where there is one, else in the order given."""
    ordered = in_time_order(stream, contract)
    parts = [ordered.iloc[start : start + _ENCODED] for start in range(0, max(1, len(ordered)), _ENCODED)]
    codes = np.concatenate([reference.encode(part) for part in parts], axis=1)
    return Recording(reference, codes, reference.times_of(ordered))


def backtest(
    reference: "pd.DataFrame", stream: "pd.DataFrame", contract: Contract, policy: DriftPolicy | None = None
) -> Iterator[DriftSign]:
    """Every drift found in ``stream`` against ``reference``; the contract's own policy unless another is given."""
    policy = policy or contract.policy.drift
    yield from record(build_reference(reference, contract, policy), stream, contract).signs(policy)
