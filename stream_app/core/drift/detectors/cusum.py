"""Page's cumulative sums at several allowances: all channels, both directions and all scales at once."""

from copy import copy
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from schemas.drift import DriftPolicy
from schemas.errors import ContractError
from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.counting import COMPILED
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.detectors.sequential import Alarm, Signed, State
from stream_app.core.drift.detectors.tails import Tails
from stream_app.core.drift.detectors.thresholds import cusum_thresholds, lengthened

ALLOWANCES = (0.5, 1.0, 2.0, 4.0)
"""Over the policy's: a sum with allowance k finds a shift of 2k soonest, so that together they find any size in little
more than the shortest possible time. Source: Lorden, Annals of Mathematical Statistics 42, 1971.
"""

_PARTS = (0.2, 0.3, 0.4, 0.1)
"""Of a channel's budget, by allowance: what the widest finds is so large that a few times the height costs no block,
and what the narrowest finds takes so many blocks that a little more height costs few.
"""

_OUT_OF_REACH = 199.0
"""Heights from here on stand for none that keeps to the budget: a reference of few blocks may be off its own mean by
more than a small allowance. Where neighbouring channels have no other, their sums are left out.
"""

_PART = 1_024
"""Neighbouring channels that are left out together."""


class Sums(NamedTuple):
    """(2, allowances, channels): rises, then falls; the row of the first block since each was zero last."""

    values: Floats
    since: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]"


class Cusum:
    """Sums of scores less an allowance, that start again at zero; two-sided where a channel is ``signed``.

    Centred on the reference, so that a stream that differs from its first row on is found as well. A block of ``size``
    1 takes the whole allowance off, one of half the rows half of it. The heights are Siegmund's for the channel's part
    of the budget, longer where its scores are skewed. ``slack`` widens every allowance.
    Source: Page, Biometrika 41, 1954.
    """

    def __init__(
        self,
        signed: Signed,
        parts: Floats,
        block_rows: int,
        policy: DriftPolicy,
        budget: float,
        slack: float | Floats = 0.0,
        deviation: float | Floats = 0.0,
        tails: Tails | None = None,
        looks: int | Integers = 1,
    ) -> None:
        """``parts`` (channels,) divide the ``budget`` of false alarms in a million rows; ``deviation`` is the standard
        error of the scores' mean. ``slack`` and ``deviation`` are of all channels, or each channel's own, and so are
        ``looks``: how many blocks a channel's nominal score is of. Without ``tails`` scores are normal.
        """
        self._signed, self._falling = signed, int(np.flatnonzero(signed).max(initial=-1)) + 1
        self._allowances = np.asarray([policy.allowance * scale for scale in ALLOWANCES])
        self._slack = np.broadcast_to(slack, len(signed)).astype(np.float64)
        each = np.stack([budget * parts / (1 + signed) * looks, self._slack, np.broadcast_to(deviation, len(signed))])
        self._heights = _heights(each, self._allowances, block_rows)
        self._live = _live(self._heights)
        if tails is not None:
            self._heights *= _factors(tails, self._allowances, self._slack)
        self._heights = np.ascontiguousarray(self._heights)
        shape = (2, len(ALLOWANCES), len(signed))
        self._sums = Sums(np.zeros(shape), np.zeros(shape, dtype=np.int64))
        self._raised = False

    def update(self, scores: Floats, sizes: Floats, rows: Integers, stops: Integers | None = None) -> int:
        """Take (blocks, channels) scores and sizes of blocks that begin at (blocks,) ``rows``; how many were taken:
        all, or those up to the first after which a sum is past its height.
        """
        values, since = self._sums
        stops = np.full(len(scores), len(self._signed)) if stops is None else stops
        if COMPILED:
            from stream_app.core.drift.detectors.compiled_cusum import add

            taken, self._raised = add(
                values, since, scores, sizes, self._signed, self._falling, self._allowances, self._slack, self._heights,
                self._live, _PART, rows, stops,
            )  # fmt: skip
            return int(taken)
        self._raised = False
        live = np.repeat(self._live, _PART, axis=1)[:, : len(self._signed)]
        for number in range(len(scores)):
            off = (self._allowances[:, None] + self._slack) * sizes[number]
            fallen = np.where(self._signed, -scores[number], -np.inf)
            most = int(stops[number])
            for side, (own, stop) in enumerate(((scores[number], most), (fallen, min(most, self._falling)))):
                before, kept = values[side, :, :stop], live[:, :stop]
                moved = np.maximum(before + own[:stop] - off[:, :stop], 0)
                since[side, :, :stop][kept & (before <= 0)] = rows[number]
                before[kept] = moved[kept]
            if (values >= self._heights).any():
                self._raised = True
                return number + 1
        return len(scores)

    @property
    def raised(self) -> bool:
        return self._raised

    def anew(self) -> "Cusum":
        """The same tests before they have seen anything."""
        found = copy(self)
        found._sums, found._raised = Sums(np.zeros_like(self._sums.values), np.zeros_like(self._sums.since)), False
        return found

    def strength(self) -> Floats:
        """(channels,) the largest sum over its height: 1 and more is an alarm."""
        found: Floats = (self._sums.values / self._heights).max(axis=(0, 1), initial=0.0)
        return found

    def strongest(self) -> float:
        """The largest ``strength``, which is asked for with every message."""
        if COMPILED:
            from stream_app.core.drift.detectors.compiled_cusum import strongest

            return float(strongest(self._sums.values, self._heights))
        return float(self.strength().max(initial=0.0))

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
            allowance=float(self._allowances[dated] + self._slack[channel]),
        )

    def state(self) -> State:
        return {"sums": self._sums.values, "since": self._sums.since}

    def restore(self, state: State) -> None:
        sums, since = state["sums"], state["since"]
        # Of a version with other channels; compiled code does not ask again.
        if sums.shape != since.shape or sums.shape != self._sums.values.shape:
            raise ContractError("not the sums of these channels")
        self._sums = Sums(sums.astype(np.float64), since.astype(np.int64))


def _heights(each: Floats, allowances: Floats, block_rows: int) -> Floats:
    """(allowances, channels) for (3, channels) parts of the budget, slacks and deviations; infinite where none
    keeps to it.
    """
    kinds, place = np.unique(each, axis=1, return_inverse=True)
    found = _known_heights(kinds.tobytes(), kinds.shape[1], tuple(allowances.tolist()), block_rows)[:, np.ravel(place)]
    found[found >= _OUT_OF_REACH] = np.inf
    return found


@lru_cache(maxsize=32)
def _known_heights(kinds: bytes, number: int, allowances: tuple[float, ...], block_rows: int) -> Floats:
    """(allowances, number) heights; after each change tests begin anew, most of them with the same."""
    parts, wider, unsure = np.frombuffer(kinds).reshape(3, number)
    wanted = np.asarray(_PARTS)[:, None] * parts * block_rows / 1e6
    allowed = np.asarray(allowances)[:, None] + wider
    found = cusum_thresholds(wanted.ravel(), allowed.ravel(), np.broadcast_to(unsure, allowed.shape).ravel())
    return found.reshape(allowed.shape)


def _live(heights: Floats) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    """(allowances, parts) whether any of a part's channels has a height."""
    if not heights.shape[1]:
        return np.zeros(heights.shape, dtype=bool)
    found = np.isfinite(heights)
    return np.logical_or.reduceat(found, np.arange(0, heights.shape[1], _PART), axis=1)


def _factors(tails: Tails, allowances: Floats, slack: Floats) -> Floats:
    """(allowances, channels) by how much the heights of skewed scores are longer, and of those of unsure spread."""
    kinds, place = np.unique(np.stack([tails.skews, tails.cuts, slack]), axis=1, return_inverse=True)
    skews, cuts, wider = (np.tile(each, len(allowances)) for each in kinds)
    allowed = np.repeat(allowances, kinds.shape[1]) + wider
    known = lengthened(skews, cuts, allowed).reshape(len(allowances), -1)
    found: Floats = known[:, np.ravel(place)]
    return found * tails.unsure
