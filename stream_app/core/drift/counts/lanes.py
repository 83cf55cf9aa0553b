"""Where the bits of coarse codes stand, so that rows of pairs are counted many at a time.

Every coarse level of a paired column has a lane: 64 rows are one word of a lane, a bit a row. How many rows have both
of two levels is the number of bits that two lanes share.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from stream_app.core.drift.counts.layout import Integers, Layout

_EIGHT = 8
_MOST_LANES, _MOST_LEVELS = 1_024, 16
_MOST_GROUPS = 8
"""From here on one step a row costs less than a look at every group's bits."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """``columns`` (paired,) in rising order, ``first`` (paired,) the first lane of each, ``levels`` (paired,) how many.

    ``lane_of`` (paired, 256) is the lane of each code, ``pairs`` (paired, paired) the first cell of each pair's table,
    -1 where two columns are no pair. Columns begin at eights, and there are ``lanes`` in all.
    """

    columns: "Integers"
    first: "Integers"
    levels: "Integers"
    lanes: int
    lane_of: "np.ndarray[Any, np.dtype[np.uint16]]"
    pairs: "Integers"


def lanes_of(layout: "Layout") -> Lanes | None:
    """The lanes of a layout; none where not all that it counts can be had from pairs of lanes, or at a higher price."""
    columns = np.asarray(sorted({place for pair in layout.pairs for place in pair}), dtype=np.int64)
    levels = np.asarray([layout.coarse_sizes[place] for place in columns], dtype=np.int64)
    widths = -(-levels // _EIGHT) * _EIGHT
    ends = np.cumsum(widths, dtype=np.int64)
    if not len(columns) or ends[-1] > _MOST_LANES or levels.max() > _MOST_LEVELS:
        return None
    many = any(subgroup.number > _MOST_GROUPS for subgroup in layout.subgroups)
    turned = any(left >= right for left, right in layout.pairs)
    if turned or layout.triples or many or (layout.subgroups and len(columns) < len(layout.sizes)):
        return None
    pairs = np.full((len(columns), len(columns)), -1, dtype=np.int64)
    for (left, right), cell in zip(layout.pairs, layout.joint, strict=False):
        pairs[np.searchsorted(columns, left), np.searchsorted(columns, right)] = cell
    first = ends - widths
    return Lanes(
        columns,
        first,
        levels,
        int(ends[-1]),
        (layout.coarse[columns] + first[:, None]).astype(np.uint16),
        pairs,
    )
