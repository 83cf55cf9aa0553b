"""The slow scan, compiled; the same arithmetic in the same order as without."""

from typing import Any

import numpy as np

from schemas.compiling import compiled


@compiled
def update(
    halves: Any, rows: Any, current: Any, limits: Any, told: Any, scales: Any, blocks: int, began: int, scores: Any,
    chosen: Any, firsts: Any,
) -> Any:  # fmt: skip
    """Take (blocks, channels) scores of blocks that begin at ``firsts`` until a window ends that is past its limit;
    blocks taken, the place of that window's scale or -1, and the first row of the half that is under way.
    """
    half = scales[0] // 2
    for block in range(len(scores)):
        began = firsts[block] if blocks % half == 0 else began
        _add(current, scores[block], chosen)
        blocks += 1
        if blocks % half == 0:
            passed = _passed(halves, limits, told, _ended(halves, rows, current, scales, blocks, began))
            if passed >= 0:
                return block + 1, passed, began
    return len(scores), -1, began


@compiled
def _add(current: Any, scores: Any, chosen: Any) -> None:
    for place in range(len(chosen)):
        current[place] += scores[chosen[place]]


@compiled
def _ended(halves: Any, rows: Any, current: Any, scales: Any, blocks: int, began: int) -> int:
    """Half of the shortest window is over, and with it of every scale that it completes a half of; how many scales
    have a whole window.
    """
    half, ended = current.copy(), 0
    current[:] = 0.0
    for place in range(len(scales)):
        if blocks % (scales[place] // 2):
            break
        for channel in range(len(half)):
            halves[place, 0, channel] = halves[place, 1, channel]
            halves[place, 1, channel] = half[channel]
            half[channel] = halves[place, 0, channel] + half[channel]
        rows[place, 0], rows[place, 1] = rows[place, 1], began
        began = rows[place, 0]
        ended += blocks >= scales[place]
    return ended


@compiled
def _passed(halves: Any, limits: Any, told: Any, scales: int) -> int:
    """The first of so many scales whose last window is past a limit that was not told, or -1."""
    for place in range(scales):
        for channel in range(len(told)):
            total = np.abs(halves[place, 0, channel] + halves[place, 1, channel])
            if total >= limits[place, channel] and not told[channel]:
                return place
    return -1
