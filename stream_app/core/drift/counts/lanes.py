"""Where the bits of coarse codes stand, so that rows of pairs are counted many at a time.

Every coarse level of a paired column, and every group of a subgroup, has a lane: 64 rows are one word of a lane, a bit
a row. How many rows have both of two levels is the number of bits that two lanes share. Lanes are kept by eights.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from stream_app.core.drift.counts.layout import Integers, Layout

_EIGHT = 8
_MOST_EIGHTS, _MOST_LEVELS, _MOST_CODES = 128, 16, 255
_MOST_GROUPS = 8
"""From here on one step a row costs less than a look at every group's bits."""

Step = tuple[int, int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Lanes:
    """``ranges`` (ranges, 5) say which codes' rows a lane has: a column, an eight and a lane of it, the first of the
    codes and how many. Mostly a lane has one range, for levels are neighbouring bins, or the frequent categories, which
    come first.

    ``of_pairs`` and ``of_groups`` (steps, 6) are the steps of counting what lanes share. A step takes so many lanes of
    one eight, each with all lanes of another eight: the one, its first lane, the other, the cell of both first lanes,
    how many cells further the next lane's are, and how many lanes. From step to step cells rise without a gap.
    """

    eights: int
    ranges: "Integers"
    of_pairs: "Integers"
    of_groups: "Integers"


def lanes_of(layout: "Layout") -> Lanes | None:
    """The lanes of a layout; none where not all that it counts can be had from pairs of lanes, or at a higher price."""
    paired = sorted({place for pair in layout.pairs for place in pair})
    counted = range(len(layout.sizes)) if layout.subgroups else paired
    sizes = [layout.coarse_sizes[place] for place in counted]
    turned = any(left >= right for left, right in layout.pairs)
    many = any(subgroup.number > _MOST_GROUPS for subgroup in layout.subgroups)
    if not paired or turned or many or layout.triples or max(sizes) > _MOST_LEVELS:
        return None
    sources = [(place, layout.coarse[place]) for place in counted]
    sources += [(subgroup.column, subgroup.groups) for subgroup in layout.subgroups]
    sizes += [subgroup.number + 1 for subgroup in layout.subgroups]
    widths = [-(-size // _EIGHT) for size in sizes]
    first = np.cumsum([0, *widths]).tolist()
    if first[-1] > _MOST_EIGHTS:
        return None
    ranges = [
        (column, eight + level // _EIGHT, level % _EIGHT, low, many)
        for (column, levels), eight in zip(sources, first, strict=False)
        for level, low, many in _ranges(levels[: layout.sizes[column]])
    ]
    eight_of = dict(zip(counted, first, strict=False))
    return Lanes(
        first[-1],
        np.asarray(ranges, dtype=np.int64),
        np.asarray([*_of_pairs(layout, eight_of)], dtype=np.int64),
        np.asarray([*_of_groups(layout, eight_of, first[len(counted) :])], dtype=np.int64).reshape(-1, 6),
    )


def _ranges(levels: "np.ndarray[Any, np.dtype[np.uint8]]") -> Iterator[tuple[int, int, int]]:
    """Each level of neighbouring codes, the first of them and how many, which is a number of one byte."""
    level_of = levels.tolist()
    starts = [code for code in range(len(level_of)) if code in (0, _MOST_CODES) or level_of[code] != level_of[code - 1]]
    for start, stop in pairwise([*starts, len(level_of)]):
        yield level_of[start], start, stop - start


def _of_pairs(layout: "Layout", eight_of: dict[int, int]) -> Iterator[Step]:
    for (left, right), cell in zip(layout.pairs, layout.joint.tolist(), strict=False):
        levels, size = layout.coarse_sizes[left], layout.coarse_sizes[right]
        # A row of more than one eight is complete before the next row begins.
        at_once = _EIGHT if size <= _EIGHT else 1
        for level in range(0, levels, at_once):
            own, lane = eight_of[left] + level // _EIGHT, level % _EIGHT
            for eight in range(0, size, _EIGHT):
                other, at = eight_of[right] + eight // _EIGHT, cell + level * size + eight
                yield own, lane, other, at, size, min(at_once, levels - level)


def _of_groups(layout: "Layout", eight_of: dict[int, int], firsts: list[int]) -> Iterator[Step]:
    width = int(layout.inner[-1])
    for subgroup, first, cell in zip(layout.subgroups, firsts, layout.grouped.tolist(), strict=False):
        for group in range(subgroup.number + 1):
            for column, size in enumerate(layout.coarse_sizes):
                for eight in range(0, size, _EIGHT):
                    other, at = eight_of[column] + eight // _EIGHT, cell + int(layout.inner[column]) + eight
                    yield first + group // _EIGHT, group % _EIGHT, other, at + group * width, width, 1
