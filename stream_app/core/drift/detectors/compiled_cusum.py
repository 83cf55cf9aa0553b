"""The loop of the cumulative sums, compiled; the same arithmetic in the same order as without."""

from typing import Any

from stream_app.core.drift.counts.compiled_counting import compiled


@compiled
def add(values: Any, since: Any, scores: Any, sizes: Any, signed: Any, allowances: Any, heights: Any, rows: Any) -> int:
    """Take (blocks, channels) scores into (2, allowances, channels) sums, until one passes its height; blocks taken."""
    for block in range(len(scores)):
        strongest = 0.0
        for side in range(2):
            for place in range(len(allowances)):
                own, began = values[side, place], since[side, place]
                for channel in range(len(own)):
                    value = own[channel]
                    if value <= 0:
                        began[channel] = rows[block]
                    if side == 1 and not signed[channel]:
                        continue
                    step = scores[block, channel] if side == 0 else -scores[block, channel]
                    value += step
                    value -= allowances[place] * sizes[block, channel]
                    own[channel] = max(value, 0.0)
                    strongest = max(strongest, value / heights[place, channel])
        if strongest >= 1:
            return block + 1
    return len(scores)
