"""A scan for slow drift: sums of scores over 32, 64, ... 2,048 blocks, each against what the reference knows.

A drift that stays below every allowance of the cumulative sums still adds up, also where the sums have got used to each
of its steps: so the scan goes on against the first reference, whatever is learnt after changes. The mean of a channel
is known from m blocks of the reference, so the sum over w blocks has variance w + w^2 / m; a scale is looked at
whenever half of it has passed. All scales have the same part of the budget: long windows are looked at seldom, and are
asked for less. Source: the multi-scale idea and the heights by scale of Walther, Annals of Statistics 38, 2010; the
variance is that of a prediction.
"""

from typing import Any

import numpy as np

from schemas.errors import ContractError
from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.counting import COMPILED
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.detectors.sequential import Alarm, State
from stream_app.core.drift.detectors.tails import Tails

_SCALES = (32, 64, 128, 256, 512, 1024, 2048)
"""Blocks of each window: two windows of one scale are the halves of a window of the next."""

_HALF = _SCALES[0] // 2


class SlowScan:
    """Windows of (channels,) scores at all scales; ``chosen`` (channels,) are those that are looked at."""

    def __init__(
        self,
        chosen: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]",
        blocks: int,
        block_rows: int,
        budget: float,
        tails: Tails | None = None,
        parts: Floats | None = None,
    ) -> None:
        """``blocks`` of the reference; ``budget`` is in false alarms a million rows, divided among the chosen as
        ``parts`` (channels,) say, without them evenly. Without ``tails`` scores are normal.
        """
        self._channels, self._chosen = len(chosen), np.flatnonzero(chosen)
        scales = np.asarray(_SCALES, dtype=np.float64)[:, None]
        own = np.ones(len(self._chosen)) if parts is None else parts[self._chosen]
        # A scale is looked at once in half its length, on both sides.
        looks = len(_SCALES) * 2 * 2 / scales
        self._heights = _normal_heights(budget * block_rows / 1e6 * own / max(own.sum(), 1e-300) / looks)
        self._deviations = np.sqrt(scales + scales**2 / max(1, blocks)) * np.ones(len(self._chosen))
        if tails is not None:
            # Cornish and Fisher's first term: a sum over w blocks has a score's skewness over root w.
            skews = tails.skews[self._chosen] / np.sqrt(scales)
            self._deviations *= 1 + skews * (self._heights**2 - 1) / (6 * self._heights)
            self._deviations *= tails.unsure_long[self._chosen]
        self._limits = self._heights * self._deviations
        shape = (len(_SCALES), 2, len(self._chosen))
        self._halves, self._rows = np.zeros(shape), np.zeros((len(_SCALES), 2), dtype=np.int64)
        self._current, self._blocks, self._began = np.zeros(len(self._chosen)), 0, 0
        self._passed: int | None = None
        self._told = np.zeros(len(self._chosen), dtype=bool)

    @property
    def reach(self) -> int:
        """The channels from the first on among which all are that are looked at."""
        return int(self._chosen.max(initial=-1)) + 1

    def tell(self, channels: "np.ndarray[Any, np.dtype[np.bool_]]") -> None:
        """Say no more of these (channels,): their change is known, and lasts until there is a new reference."""
        self._told |= channels[self._chosen]
        self._passed = None

    def update(self, scores: Floats, rows: Integers) -> int:
        """Take (blocks, channels) scores of blocks that begin at (blocks,) ``rows``; how many were taken: all, or those
        up to the first with which a window ends that is past the height. Channels beyond ``reach`` are not asked for.
        """
        if COMPILED:
            from stream_app.core.drift.detectors.compiled_scan import update

            taken, passed, self._began = update(
                self._halves, self._rows, self._current, self._limits, self._told, _SCALES, self._blocks, self._began,
                scores, self._chosen, rows,
            )  # fmt: skip
            self._blocks, self._passed = self._blocks + taken, passed if passed >= 0 else None
            return int(taken)
        taken, self._passed = 0, None
        while taken < len(scores) and self._passed is None:
            first, held = taken, self._blocks % _HALF
            taken = min(len(scores), first + _HALF - held)
            if held == 0:
                self._began = int(rows[first])
            # Block after block, however they are grouped.
            for block in scores[first:taken, self._chosen]:
                self._current += block
            self._blocks += taken - first
            if held + taken - first == _HALF:
                self._look(self._ended())
        return taken

    def _ended(self) -> int:
        """Half of the shortest window is over, and with it of every scale that it completes a half of; how many scales
        have a whole window.
        """
        half, began, ended = self._current, self._began, 0
        self._current = np.zeros(len(self._chosen))
        for place, scale in enumerate(_SCALES):
            if self._blocks % (scale // 2):
                break
            self._halves[place] = self._halves[place, 1], half
            self._rows[place] = self._rows[place, 1], began
            half, began = self._halves[place, 0] + half, int(self._rows[place, 0])
            ended += self._blocks >= scale
        return ended

    def _look(self, scales: int) -> None:
        """At the last windows of so many scales, the shortest first."""
        found = np.abs(self._halves[:scales, 0] + self._halves[:scales, 1]) >= self._limits[:scales]
        if found.any():
            places = np.flatnonzero((found & ~self._told).any(axis=1))
            self._passed = int(places[0]) if len(places) else None

    def strength(self) -> Floats:
        """(channels,) of the window that passed: its statistic over the height, 0 for channels that are not scanned."""
        found = np.zeros(self._channels)
        if self._passed is not None:
            # Over the limit itself: a window that is past it has 1 and more, whatever the rounding.
            own = np.abs(self._halves[self._passed].sum(axis=0)) / self._limits[self._passed]
            found[self._chosen] = np.where(self._told, 0.0, own)
        return found

    def alarm(self, channel: int) -> Alarm:
        """What the window that passed says of a channel; the half is dated that shows most of the change."""
        assert self._passed is not None
        place, own = self._passed, int(np.flatnonzero(self._chosen == channel)[0])
        first, second = self._halves[place, :, own]
        total = first + second
        later = abs(second) > 2 * abs(first) or first * second < 0
        return Alarm(
            since=int(self._rows[place, 1 if later else 0]),
            falls=bool(total < 0),
            statistic=abs(float(total)) / float(self._deviations[place, own]),
            threshold=float(self._heights[place, own]),
            total=abs(float(second if later else total)),
        )

    def forget(self) -> None:
        """Whatever passed its height did so after another test's alarm."""
        self._passed = None

    @property
    def passed(self) -> bool:
        """Whether the last block ended a window that is past the height."""
        return self._passed is not None

    def state(self) -> State:
        return {
            "halves": self._halves, "rows": self._rows, "current": self._current,
            "blocks": np.asarray([self._blocks, self._began], dtype=np.int64), "told": self._told.astype(np.uint8),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Go on from what ``state`` gave; raises ``ContractError`` where it is of other channels."""
        own = self.state()
        if any(state[name].shape != array.shape for name, array in own.items()):
            raise ContractError("not the sums of these channels")
        self._halves, self._rows, self._current = state["halves"], state["rows"], state["current"]
        self._blocks, self._began = (int(number) for number in state["blocks"])
        self._told = state["told"].astype(bool)


def _normal_heights(chances: Floats) -> Floats:
    """The heights that a standard normal number passes with these chances, a hundredth at most."""
    from scipy.special import ndtri

    found: Floats = -ndtri(np.minimum(0.01, chances))
    return found
