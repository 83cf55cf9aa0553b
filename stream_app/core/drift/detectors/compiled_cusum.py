"""The loop of the cumulative sums, compiled; the same arithmetic in the same order as without."""

from typing import Any

import numpy as np

from schemas.compiling import compiled


@compiled
def add(
    values: Any, since: Any, scores: Any, sizes: Any, signed: Any, allowances: Any, slack: Any, heights: Any, live: Any,
    part: int, rows: Any,
) -> Any:  # fmt: skip
    """Take (blocks, channels) scores into (2, allowances, channels) sums, until one passes its height; blocks taken,
    and whether one did. Parts of so many channels that are not ``live`` (allowances, parts) are left alone.
    """
    channels = scores.shape[1]
    for block in range(len(scores)):
        passed = False
        for start in range(0, channels, part):
            stop = min(start + part, channels)
            for place in range(len(allowances)):
                if live[place, start // part]:
                    passed |= _moved(
                        values[0, place], values[1, place], since[0, place], since[1, place], scores[block],
                        sizes[block], signed, allowances[place], slack, heights[place], rows[block], start, stop,
                    )  # fmt: skip
        if passed:
            return block + 1, True
    return len(scores), False


@compiled
def _moved(
    rises: Any, falls: Any, rose: Any, fell: Any, scores: Any, sizes: Any, signed: Any, allowance: Any, slack: Any,
    heights: Any, row: Any, start: int, stop: int,
) -> bool:  # fmt: skip
    """Most sums are at zero and stay there: nothing is written then."""
    passed = False
    for channel in range(np.uint64(start), np.uint64(stop)):
        score, off = scores[channel], (allowance + slack[channel]) * sizes[channel]
        if rises[channel] > 0.0 or score > off:
            if rises[channel] <= 0.0:
                rose[channel] = row
            value = max(rises[channel] + score - off, 0.0)
            rises[channel] = value
            passed |= value >= heights[channel]
        if signed[channel] and (falls[channel] > 0.0 or -score > off):
            if falls[channel] <= 0.0:
                fell[channel] = row
            value = max(falls[channel] - score - off, 0.0)
            falls[channel] = value
            passed |= value >= heights[channel]
    return passed
