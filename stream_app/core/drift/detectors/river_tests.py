"""River's detectors as sequential tests: one detector a channel, on the same block scores as the default.

What they cannot do, and the default can:

- They centre on the running mean of what they have seen, not on the reference. Each is therefore started on as many
  scores as stand for a reference of 32 blocks (mean 0, variance 1), so that a stream that starts out drifted can be
  seen. But the mean follows the stream: a drift slower than that memory is absorbed and never reported.
- They say that a change happened, not how strong it is nor since when: channels that alarm together are ranked by
  their mean score over the last blocks, and the tracker dates the change by likelihood over the whole recent window.
- Their state is objects of River, no plain arrays: such a tracker has no ``to_json``. It is a pure function of the
  rows like any other, and after a restart it is rebuilt from them.

They run in Python, channel by channel. River is imported only where a policy asks for one of them.
"""

from collections import deque
from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np

from schemas.drift import DriftPolicy
from schemas.errors import ContractError
from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.detectors.sequential import Alarm, Signed, State, sides
from stream_app.core.drift.detectors.thresholds import blocks_between_alarms, cusum_threshold

_PRIMED_BLOCKS = 32
_PRIMING = (1.0, -1.0) * (_PRIMED_BLOCKS // 2)
_RECENT_BLOCKS = 4


class _PerChannel:
    """What both kinds share: which channels alarm now, and how they rank."""

    def __init__(self, made: Callable[[], list[Any]]) -> None:
        self._made, self._detectors = made, made()
        for detector in self._detectors:
            for score in _PRIMING:
                detector.update(score)
        self._alarms = np.zeros(len(self._detectors), dtype=bool)
        self._recent: deque[Floats] = deque(maxlen=_RECENT_BLOCKS)

    @property
    def raised(self) -> bool:
        return bool(self._alarms.any())

    def strength(self) -> Floats:
        """0 without an alarm; else mean scores over the weakest of those that alarm, which get 1 at least."""
        if not self._alarms.any():
            return np.zeros(len(self._detectors))
        size: Floats = np.abs(np.mean(self._recent, axis=0))
        relative: Floats = size / max(1.0, float(size[self._alarms].min()))
        return np.where(self._alarms, np.maximum(relative, 1.0), relative)

    def strongest(self) -> float:
        return float(self.strength().max(initial=0.0))

    def update(self, scores: Floats, sizes: Floats, rows: Integers, stops: Integers | None = None) -> int:
        for number, each in enumerate(scores):
            self._recent.append(each)
            self._take(each, sizes[number])
            if self._alarms.any():
                return number + 1
        return len(scores)

    def _take(self, scores: Floats, sizes: Floats) -> None:
        self._alarms[:] = False
        for place in np.flatnonzero(sizes > 0).tolist():
            detector = self._detectors[place]
            detector.update(float(scores[place]))
            self._alarms[place] = detector.drift_detected and self._counts(place, detector)

    def _counts(self, place: int, detector: Any) -> bool:
        """Whether an alarm of this channel's detector is one."""
        return True

    def alarm(self, channel: int) -> Alarm:
        """River shows no statistic, so an alarm has none beyond its rank among the channels, and no date."""
        mean = float(np.mean(self._recent, axis=0)[channel])
        return Alarm(None, mean < 0, float(self.strength()[channel]), 1.0)

    def anew(self) -> "_PerChannel":
        found = copy(self)
        _PerChannel.__init__(found, self._made)
        return found

    def state(self) -> State:
        raise ContractError("a tracker with a detector of River has no plain state: rebuild it from the rows")

    def restore(self, state: State) -> None:
        raise ContractError("a tracker with a detector of River is rebuilt from the rows, never restored")


class PageHinkleyTests(_PerChannel):
    """``river.drift.PageHinkley`` without forgetting: a cumulative sum test around the running mean.

    Allowance (River's delta) and height (its threshold) are those of ``Cusum``: with the mean known it is the same
    test, so Siegmund's approximation gives the same budget. River's own ``min_instances`` is met by the priming.
    """

    def __init__(self, signed: Signed, block_rows: int, policy: DriftPolicy, allowance: float) -> None:
        from river.drift import PageHinkley

        height = cusum_threshold(sides(signed), block_rows, policy.alarms_per_million, policy.allowance)
        super().__init__(
            lambda: [
                PageHinkley(
                    min_instances=_PRIMED_BLOCKS,
                    delta=allowance,
                    threshold=height,
                    alpha=1.0,
                    mode="both" if both else "up",
                )
                for both in signed
            ]
        )


class AdwinTests(_PerChannel):
    """``river.drift.ADWIN``, looking at every block; a channel without a sign alarms only where its new mean is above
    0.

    ``delta`` bounds the chance of a false alarm at each look, so it is the budget's rate for a channel and block: an
    upper bound, kept with room to spare, which costs delay. The bound is for scores of unit range; theirs is wider,
    and rests on their being near normal. No ``allowance``: ADWIN has none, so a lasting small bias is found sooner or
    later. Source: Bifet and Gavalda, SDM 2007.
    """

    def __init__(self, signed: Signed, block_rows: int, policy: DriftPolicy) -> None:
        from river.drift import ADWIN

        adwin: Any = ADWIN  # compiled, without annotations
        delta = 1 / blocks_between_alarms(len(signed), block_rows, policy.alarms_per_million)
        self._signed, allowed = signed, min(1.0, delta)
        told = {"clock": 1, "min_window_length": 1, "grace_period": _PRIMED_BLOCKS}
        super().__init__(lambda: [adwin(delta=allowed, **told) for _ in signed])

    def _counts(self, place: int, detector: Any) -> bool:
        return bool(self._signed[place]) or float(detector.estimation) > 0
