"""What a row looks back on: the last row of its entity and of each key, and how long ago something marked happened.

A row is *marked* where its target is not the commonest value. An episode is a run of marked rows of one entity or key
with no pause longer than ``PAUSE`` of the whole range, so that what lasts (a stolen card, a tampered terminal) lasts.
"""

from dataclasses import dataclass, field

import numpy as np

from generators.arrays import Bools, Floats, Ints

NEVER = -(2**60)
STEPS = 8
"""Bins of a time span for each doubling of it."""
LOOKBACK = 8
PAUSE = 0.125
SPANS = 40 * STEPS
FARTHEST = 8 * STEPS
RATIOS = 2 * FARTHEST + 2


def spans(minutes: Floats) -> Ints:
    """Time spans as codes from 1, finer where they are short."""
    found: Ints = 1 + (STEPS * np.log2(1 + np.maximum(minutes, 0))).astype(np.int64)
    found[found >= SPANS] = SPANS - 1
    return found


def ratios(values: Ints, levels: Ints) -> Ints:
    """How far values lie above or below a level, as codes from 1, finer near it."""
    doublings = np.log2((values + 1.0) / (levels + 1.0))
    steps: Ints = np.clip(np.rint(STEPS * doublings), -FARTHEST, FARTHEST).astype(np.int64)
    steps += 1 + FARTHEST
    return steps


@dataclass(slots=True)
class History:
    """The state of ``size`` entities or keys, after the rows that were ``noted``: codes of ``attributes`` and times,
    and how ``measured`` ones of the last marked row compared with its entity's level.
    """

    size: int
    attributes: int
    measured: int
    pause: float
    minutes: float
    last: Ints = field(init=False)
    odd: Ints = field(init=False)
    seen: Ints = field(init=False)
    marks: Ints = field(init=False)
    marked_at: Ints = field(init=False)
    started_at: Ints = field(init=False)

    def __post_init__(self) -> None:
        self.last = np.zeros((self.attributes, self.size), dtype=np.int64)
        self.odd = np.zeros((self.measured, self.size), dtype=np.int64)
        self.seen = np.full(self.size, NEVER, dtype=np.int64)
        self.marks = np.zeros(self.size, dtype=np.int64)
        self.marked_at = np.full(self.size, NEVER, dtype=np.int64)
        self.started_at = np.full(self.size, NEVER, dtype=np.int64)

    def features(self, at: Ints, time: Ints) -> list[Ints]:
        """Of each row: codes of the one before, how odd the last marked one was, time since the one before, recent
        marks, time since the last mark and into the episode.
        """
        fresh = (time - self.marked_at[at]) * self.minutes <= self.pause
        return [
            *self.last[:, at],
            *self.odd[:, at],
            self._since(self.seen[at], time),
            np.bitwise_count(self.marks[at]).astype(np.int64),
            self._since(self.marked_at[at], time),
            np.where(fresh, self._since(self.started_at[at], time), 0),
        ]

    def note(self, at: Ints, time: Ints, codes: Ints, odd: Ints, marked: Bools) -> None:
        """Rows that happened; ``at`` are distinct. ``codes``: (attributes, rows), from 1; ``odd``: (measured, rows)."""
        self.last[:, at] = codes
        self.seen[at] = time
        self.marks[at] = ((self.marks[at] << 1) | marked) & (2**LOOKBACK - 1)
        hit, when = at[marked], time[marked]
        opened = (when - self.marked_at[hit]) * self.minutes > self.pause
        self.started_at[hit[opened]] = when[opened]
        self.marked_at[hit] = when
        self.odd[:, hit] = odd[:, marked]

    def _since(self, then: Ints, now: Ints) -> Ints:
        return np.where(then == NEVER, 0, spans(((now - then) * self.minutes).astype(np.float64)))
