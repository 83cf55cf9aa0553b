"""Page's cumulative sum test, all channels at once."""

import numpy as np

from schemas.drift import DriftPolicy
from stream_app.core.drift.bins import Floats
from stream_app.core.drift.sequential import Signed, State, sides
from stream_app.core.drift.thresholds import cusum_threshold


class Cusum:
    """Sums of scores less ``allowance`` that start again at zero; two-sided where a channel is ``signed``.

    Centred on the reference, so that a stream that differs from its first row on is found as well. The height is
    Siegmund's for the budget. ``allowance`` may be wider than the policy's, which only lowers the rate of false alarms.
    Source: Page, Biometrika 41, 1954.
    """

    def __init__(self, signed: Signed, block_rows: int, policy: DriftPolicy, allowance: float) -> None:
        self._signed, self._allowance = signed, allowance
        self._height = cusum_threshold(sides(signed), block_rows, policy.alarms_per_million, policy.allowance)
        self._sums = np.zeros((2, len(signed)))
        self._ages = np.zeros((2, len(signed)), dtype="int64")

    @property
    def height(self) -> float:
        """In standard deviations of a block's score."""
        return self._height

    def update(self, scores: Floats) -> None:
        step = np.stack([scores, np.where(self._signed, -scores, -np.inf)]) - self._allowance
        self._ages = np.where(self._sums <= 0, 0, self._ages) + 1
        self._sums = np.maximum(0, self._sums + step)

    def strength(self) -> Floats:
        found: Floats = self._sums.max(axis=0) / self._height
        return found

    def age(self, channel: int) -> int | None:
        """Blocks since the larger of the channel's sums last left zero."""
        return int(self._ages[int(np.argmax(self._sums[:, channel])), channel])

    def state(self) -> State:
        return {"sums": self._sums, "ages": self._ages}

    def restore(self, state: State) -> None:
        self._sums, self._ages = state["sums"], state["ages"]
