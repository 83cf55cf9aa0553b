"""Page's cumulative sums at several allowances: all channels, both directions and all scales at once."""

from typing import NamedTuple

import numpy as np

from schemas.drift import DriftPolicy
from schemas.errors import ContractError
from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.counting import COMPILED
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.detectors.sequential import Alarm, Signed, State
from stream_app.core.drift.detectors.thresholds import cusum_threshold

ALLOWANCES = (0.5, 1.0, 2.0, 4.0)
"""Over the policy's: a sum with allowance k finds a shift of 2k soonest, so that together they find any size in little
more than the shortest possible time. Source: Lorden, Annals of Mathematical Statistics 42, 1971.
"""


class Sums(NamedTuple):
    """(2, allowances, channels): rises, then falls; the row after which each last left zero."""

    values: Floats
    since: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]"


class Cusum:
    """Sums of scores less an allowance, that start again at zero; two-sided where a channel is ``signed``.

    Centred on the reference, so that a stream that differs from its first row on is found as well. A block of ``size``
    1 takes the whole allowance off, one of half the rows half of it. The heights are Siegmund's for the channel's part
    of the budget. ``slack`` widens every allowance.
    Source: Page, Biometrika 41, 1954.
    """

    def __init__(
        self,
        signed: Signed,
        parts: Floats,
        block_rows: int,
        policy: DriftPolicy,
        budget: float,
        slack: float = 0.0,
        deviation: float = 0.0,
    ) -> None:
        """``parts`` (channels,) divide the ``budget`` of false alarms in a million rows; ``deviation`` is the standard
        error of the scores' mean.
        """
        self._signed = signed
        own = [policy.allowance * scale for scale in ALLOWANCES]
        each = budget * parts / (len(own) * (1 + signed))
        known = {
            float(part): [cusum_threshold(1, block_rows, part, k + slack, deviation) for k in own]
            for part in np.unique(each)
        }
        # (allowances, channels)
        self._heights = np.array([known[float(part)] for part in each]).reshape(len(signed), len(own)).T.copy()
        self._allowances = np.asarray(own) + slack
        shape = (2, len(own), len(signed))
        self._sums = Sums(np.zeros(shape), np.zeros(shape, dtype=np.int64))

    def update(self, scores: Floats, sizes: Floats, rows: Integers) -> int:
        """Take (blocks, channels) scores and sizes of blocks that begin at (blocks,) ``rows``; how many were taken:
        all, or those up to the first after which a sum is past its height.
        """
        values, since = self._sums
        if COMPILED:
            from stream_app.core.drift.detectors.compiled_cusum import add

            taken = add(values, since, scores, sizes, self._signed, self._allowances, self._heights, rows)
            return int(taken)
        for number in range(len(scores)):
            since[values <= 0] = rows[number]
            values += np.stack([scores[number], np.where(self._signed, -scores[number], -np.inf)])[:, None]
            values -= self._allowances[:, None] * sizes[number]
            np.maximum(values, 0, out=values)
            if (values / self._heights).max(initial=0.0) >= 1:
                return number + 1
        return len(scores)

    def strength(self) -> Floats:
        """(channels,) the largest sum over its height: 1 and more is an alarm."""
        found: Floats = (self._sums.values / self._heights).max(axis=(0, 1), initial=0.0)
        return found

    def alarm(self, channel: int) -> Alarm:
        """What the channel's sums say: dated by the widest allowance that is at least half as near to its height as the
        nearest, which was at zero last before the change.
        """
        strength = self._sums.values[:, :, channel] / self._heights[:, channel]
        side, nearest = np.unravel_index(int(np.argmax(strength)), strength.shape)
        dated = int(np.flatnonzero(strength[side] >= strength[side, nearest] / 2)[-1])
        return Alarm(
            since=int(self._sums.since[side, dated, channel]),
            falls=bool(side),
            statistic=float(self._sums.values[side, nearest, channel]),
            threshold=float(self._heights[nearest, channel]),
            total=float(self._sums.values[side, dated, channel]),
            allowance=float(self._allowances[dated]),
        )

    def state(self) -> State:
        return {"sums": self._sums.values, "since": self._sums.since}

    def restore(self, state: State) -> None:
        sums, since = state["sums"], state["since"]
        # Of a version with other channels; compiled code does not ask again.
        if sums.shape != since.shape or sums.shape != self._sums.values.shape:
            raise ContractError("not the sums of these channels")
        self._sums = Sums(sums.astype(np.float64), since.astype(np.int64))
