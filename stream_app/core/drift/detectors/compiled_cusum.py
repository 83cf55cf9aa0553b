"""The loop of the cumulative sums, compiled; the same arithmetic in the same order as without.

Loops have no branch and touch few arrays, so that a processor takes many channels at once.
"""

from typing import Any

import numpy as np

from schemas.compiling import compiled

_RISES, _FALLS = np.uint64(0), np.uint64(1)


@compiled
def add(
    values: Any, since: Any, scores: Any, sizes: Any, signed: Any, falling: int, allowances: Any, slack: Any,
    heights: Any, live: Any, part: int, rows: Any, stops: Any,
) -> Any:  # fmt: skip
    """Take (blocks, channels) scores into (2, allowances, channels) sums, until one passes its height; blocks taken,
    and whether one did. Parts of so many channels that are not ``live`` (allowances, parts) are left alone, and falls
    from channel ``falling`` on, where none is signed. Of a block the first ``stops`` (blocks,) channels are taken.
    """
    off, fallen = np.empty(scores.shape[1]), np.empty((1, scores.shape[1]))
    for block in range(np.uint64(len(scores))):
        passed, channels = 0, stops[block]
        for start in range(0, channels, part):
            stop = min(start + part, channels)
            last = max(start, min(stop, falling))
            _turned(fallen[0], scores, block, signed, start, last)
            for place in range(np.uint64(len(allowances))):
                if live[place, start // part]:
                    _allowed(off, allowances[place], slack, sizes, block, start, stop)
                    passed |= _moved(
                        values, since, _RISES, place, scores, block, off, heights, rows[block], start, stop
                    )
                    passed |= _moved(
                        values, since, _FALLS, place, fallen, np.uint64(0), off, heights, rows[block], start, last
                    )
        if passed:
            return int(block) + 1, True
    return len(scores), False


@compiled
def strongest(values: Any, heights: Any) -> float:
    """The largest of (2, allowances, channels) sums over their (allowances, channels) heights."""
    found = 0.0
    for side in range(values.shape[0]):
        for place in range(values.shape[1]):
            for channel in range(values.shape[2]):
                part = values[side, place, channel] / heights[place, channel]
                found = part if part > found else found
    return found


@compiled
def _turned(out: Any, scores: Any, block: Any, signed: Any, start: int, stop: int) -> None:
    """A channel that cannot fall never leaves zero."""
    for channel in range(np.uint64(start), np.uint64(stop)):
        out[channel] = -scores[block, channel] if signed[channel] else -np.inf


@compiled
def _allowed(out: Any, allowance: Any, slack: Any, sizes: Any, block: Any, start: int, stop: int) -> None:
    for channel in range(np.uint64(start), np.uint64(stop)):
        out[channel] = (allowance + slack[channel]) * sizes[block, channel]


@compiled
def _moved(
    values: Any, since: Any, side: Any, place: Any, scores: Any, block: Any, off: Any, heights: Any, row: Any,
    start: int, stop: int,
) -> int:  # fmt: skip
    passed = 0
    for channel in range(np.uint64(start), np.uint64(stop)):
        before = values[side, place, channel]
        value = before + scores[block, channel] - off[channel]
        value = value if value > 0.0 else 0.0
        values[side, place, channel] = value
        since[side, place, channel] = since[side, place, channel] if before > 0.0 else row
        passed |= int(value >= heights[place, channel])
    return passed
