"""A scan for slow drift: sums of scores over 32, 64, ... 2,048 blocks, each against what the reference knows.

A drift that stays below every allowance of the cumulative sums still adds up, also where the sums have got used to each
of its steps: so the scan goes on against the first reference, whatever is learnt after changes. The mean of a channel
is known from m blocks of the reference, so the sum over w blocks has variance w + w^2 / m; a scale is looked at
whenever half of it has passed. Source: the multi-scale idea of Walther, Annals of Statistics 38, 2010; the variance is
that of a prediction.
"""

import math
from typing import Any

import numpy as np

from schemas.errors import ContractError
from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.detectors.sequential import Alarm, State
from stream_app.core.drift.detectors.tails import Tails

_SCALES = (32, 64, 128, 256, 512, 1024, 2048)
"""Blocks of each window."""


class SlowScan:
    """Windows of (channels,) scores at all scales; ``chosen`` (channels,) are those that are looked at."""

    def __init__(
        self,
        chosen: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]",
        blocks: int,
        block_rows: int,
        budget: float,
        tails: Tails | None = None,
    ) -> None:
        """``blocks`` of the reference; ``budget`` is in false alarms a million rows. Without ``tails`` scores are
        normal.
        """
        self._channels, self._chosen, self._known = len(chosen), np.flatnonzero(chosen), max(1, blocks)
        # Each scale is looked at once in half its length, on both sides.
        looks = sum(2 / scale for scale in _SCALES) * 2 * max(1, len(self._chosen))
        self.height = _normal_height(min(0.01, budget * block_rows / 1e6 / looks))
        # Cornish and Fisher's first term: a sum over w blocks has a score's skewness over root w.
        self._longer = np.ones((len(_SCALES), len(self._chosen)))
        if tails is not None:
            skews = tails.skews[self._chosen] / np.sqrt(np.asarray(_SCALES))[:, None]
            self._longer = (1 + skews * (self.height**2 - 1) / (6 * self.height)) * tails.unsure[self._chosen]
        shape = (len(_SCALES), 2, len(self._chosen))
        self._halves, self._rows = np.zeros(shape), np.zeros((len(_SCALES), 2), dtype=np.int64)
        self._current, self._blocks = np.zeros((len(_SCALES), len(self._chosen))), 0
        self._began = np.zeros(len(_SCALES), dtype=np.int64)
        self._passed: tuple[int, int] | None = None
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
        for number, own in enumerate(scores[:, self._chosen]):
            self._take(own, int(rows[number]))
            if self._passed is not None:
                return number + 1
        return len(scores)

    def _take(self, scores: Floats, row: int) -> None:
        self._current += scores
        self._blocks += 1
        self._passed = None
        for place, scale in enumerate(_SCALES):
            half = scale // 2
            if self._blocks % half == 1:
                self._began[place] = row
            if self._blocks % half == 0:
                self._halves[place] = self._halves[place, 1], self._current[place]
                self._rows[place] = self._rows[place, 1], self._began[place]
                self._current[place] = 0.0
                if self._blocks >= scale:
                    self._look(place, scale)

    def _look(self, place: int, scale: int) -> None:
        found = np.where(self._told, 0.0, np.abs(self._statistics(place, scale)))
        if found.max(initial=0.0) >= self.height and self._passed is None:
            self._passed = (place, int(np.argmax(found)))

    def _statistics(self, place: int, scale: int) -> Floats:
        deviation = math.sqrt(scale + scale**2 / self._known)
        found: Floats = self._halves[place].sum(axis=0) / (deviation * self._longer[place])
        return found

    def strength(self) -> Floats:
        """(channels,) of the window that passed: its statistic over the height, 0 for channels that are not scanned."""
        found = np.zeros(self._channels)
        if self._passed is not None:
            place = self._passed[0]
            own = np.abs(self._statistics(place, _SCALES[place])) / self.height
            found[self._chosen] = np.where(self._told, 0.0, own)
        return found

    def alarm(self, channel: int) -> Alarm:
        """What the window that passed says of a channel; the half is dated that shows most of the change."""
        assert self._passed is not None
        place, own = self._passed[0], int(np.flatnonzero(self._chosen == channel)[0])
        first, second = self._halves[place, :, own]
        total = first + second
        later = abs(second) > 2 * abs(first) or first * second < 0
        return Alarm(
            since=int(self._rows[place, 1 if later else 0]),
            falls=bool(total < 0),
            statistic=abs(float(self._statistics(place, _SCALES[place])[own])),
            threshold=self.height,
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
            "halves": self._halves, "rows": self._rows, "current": self._current, "began": self._began,
            "blocks": np.asarray([self._blocks], dtype=np.int64), "told": self._told.astype(np.uint8),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Go on from what ``state`` gave; raises ``ContractError`` where it is of other channels."""
        own = self.state()
        if any(state[name].shape != array.shape for name, array in own.items()):
            raise ContractError("not the sums of these channels")
        self._halves, self._rows, self._current = state["halves"], state["rows"], state["current"]
        self._began, self._blocks, self._told = state["began"], int(state["blocks"][0]), state["told"].astype(bool)


def _normal_height(chance: float) -> float:
    """The height that a standard normal number passes with that chance."""
    from scipy.special import ndtri

    return float(-ndtri(chance))
