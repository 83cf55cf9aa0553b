"""The slow scan's sums, compiled; the same arithmetic in the same order as without."""

from typing import Any

from schemas.compiling import compiled


@compiled
def add(current: Any, scores: Any, chosen: Any, first: int, stop: int) -> None:
    """Add the (blocks, channels) scores of blocks from ``first`` to ``stop`` to (chosen,) sums, block after block."""
    for block in range(first, stop):
        own = scores[block]
        for place in range(len(chosen)):
            current[place] += own[chosen[place]]
