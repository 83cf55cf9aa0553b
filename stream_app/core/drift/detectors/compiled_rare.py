"""Whether any window of rare cells is near its limit, compiled."""

from typing import Any

from schemas.compiling import compiled


@compiled
def reached(before: Any, counts: Any, limits: Any) -> bool:
    """Whether a window's sum of (blocks, cells) counts, after (window - 1, cells) ones, reaches its (cells,) limit."""
    window = len(before) + 1
    for cell in range(len(limits)):
        total = before[:, cell].sum()
        for block in range(len(counts)):
            total += counts[block, cell]
            if total >= limits[cell]:
                return True
            left = block + 1 - window
            total -= before[block, cell] if left < 0 else counts[left, cell]
    return False
