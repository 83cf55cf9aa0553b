"""Count rows of codes into the cells of a layout: the same integers with and without compiled code."""

import importlib.util
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_app.core.drift.counts.layout import Integers, Layout

Codes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.integer[Any]]
COMPILED = importlib.util.find_spec("numba") is not None
_PIECE = 1 << 21
_NARROWEST, _NARROW = 1 << 8, 1 << 15
_FEWEST_BY_LANES = 64
"""Rows of a middling block from which it costs less to look at the bits of all levels than at each row."""


def count_apart(
    codes: Codes, layout: Layout, ends: "Integers | list[int]", classes: "npt.NDArray[np.int8]"
) -> tuple[Counts, Integers, Integers]:
    """What ``count`` gives, and (cells,) counts of all rows of class 0 and of class 1; ``classes`` (rows,) 0 to 2."""
    if _by_lanes(codes, layout, len(ends)):
        number = 3 if (classes > 1).any() else 2
        counts, apart, total = _lanes_counted(codes, layout, ends, classes, number)
        return counts, apart[0], apart[1] if number > 2 else total - apart[0]
    # Rows are put in the order of classes first, and of blocks in each.
    blocks = len(ends)
    place = np.repeat(np.arange(blocks), np.diff(ends, prepend=0)) + blocks * classes.astype(np.int64)
    limits = np.cumsum(np.bincount(place, minlength=blocks * 3))
    parts = count(codes.take(np.argsort(place, kind="stable"), axis=1), layout, limits).reshape(3, blocks, layout.cells)
    first, second = (part.sum(axis=0, dtype=np.int64) for part in parts[:2])
    return parts.sum(axis=0, dtype=_dtype(np.diff(ends, prepend=0))), first, second


def count(codes: Codes, layout: Layout, ends: "Integers | list[int]") -> Counts:
    """(blocks, cells) counts of consecutive blocks of (columns, rows) ``codes``, each ending before ``ends``' row."""
    limits, counts = _empty(layout, ends)
    if not len(codes) or limits[-1] == 0 or not len(counts):
        return counts
    if _by_lanes(codes, layout, len(counts)):
        return _lanes_counted(codes, layout, ends, np.zeros(codes.shape[1], dtype=np.int8), 1)[0]
    if COMPILED:
        from stream_app.core.drift.counts.compiled_counting import count_into, looked_up

        codes = np.ascontiguousarray(codes)
        tables = [subgroup.groups for subgroup in layout.subgroups]
        owners = [subgroup.column for subgroup in layout.subgroups]
        coarse = looked_up(codes, layout.coarse)
        grouped = looked_up(codes[owners], np.stack(tables)) if tables else codes[:0]
        pairs = np.asarray(layout.pairs, dtype=np.int64).reshape(-1, 2)
        triples = np.asarray(layout.triples, dtype=np.int64).reshape(-1, 3)
        sizes = np.asarray(layout.coarse_sizes, dtype=np.int64)
        places = (layout.fine, layout.joint, layout.cubes, layout.grouped, layout.inner)
        count_into(counts, limits, codes, coarse, grouped, pairs, triples, sizes, *places)
        return counts
    coarse = np.stack([layout.coarse[place][codes[place]] for place in range(len(codes))])
    groups = [subgroup.groups[codes[subgroup.column]] for subgroup in layout.subgroups]
    for number, (start, stop) in enumerate(pairwise(limits)):
        rows = slice(int(start), int(stop))
        counts[number] = _counted(codes[:, rows], coarse[:, rows], [group[rows] for group in groups], layout)
    return counts


def _empty(layout: Layout, ends: "Integers | list[int]") -> tuple[Integers, Counts]:
    """Where blocks begin and end, and (blocks, cells) zeros that hold what they count."""
    limits = np.concatenate(([0], np.asarray(ends, dtype=np.int64)))
    return limits, np.zeros((len(limits) - 1, layout.cells), dtype=_dtype(np.diff(limits)))


def _dtype(rows: Integers) -> type[np.integer[Any]]:
    """What holds the counts of blocks of so many rows."""
    most = rows.max(initial=0)
    return np.uint8 if most < _NARROWEST else np.int16 if most < _NARROW else np.int32


def _by_lanes(codes: Codes, layout: Layout, blocks: int) -> bool:
    return COMPILED and codes.shape[1] >= max(1, blocks) * _FEWEST_BY_LANES and layout.lanes is not None


def _lanes_counted(
    codes: Codes, layout: Layout, ends: "Integers | list[int]", classes: "npt.NDArray[np.int8]", number: int
) -> tuple[Counts, Integers, Integers]:
    """(blocks, cells) counts, (number - 1, cells) those of each class but the last, and (cells,) of all where there are
    two.
    """
    from stream_app.core.drift.counts.compiled_lanes import SPARE, count_lanes

    limits, lanes, cells = np.concatenate(([0], np.asarray(ends, dtype=np.int64))), layout.lanes, layout.cells
    assert lanes is not None
    counts = np.empty((len(limits) - 1) * cells + SPARE, dtype=_dtype(np.diff(limits)))
    apart, total = np.zeros((number - 1, cells + SPARE), np.int64), np.zeros(cells if number == 2 else 0, np.int64)
    codes, own = np.ascontiguousarray(codes), np.ascontiguousarray(classes).view(np.uint8)
    steps = lanes.eights, lanes.ranges, lanes.steps, layout.fine
    count_lanes(counts, apart, total, cells, limits, codes, own, *steps)
    return counts[:-SPARE].reshape(-1, cells), apart[:, :-SPARE], total


def _counted(codes: Codes, coarse: Codes, groups: list[Codes], layout: Layout) -> Counts:
    """(cells,) counts of one block by numpy alone, so many cells of rows at once as memory allows."""
    found = np.zeros(layout.cells, dtype=np.int64)
    piece = max(1, _PIECE // max(1, len(layout.pairs), len(codes)))
    for start in range(0, codes.shape[1], piece):
        rows = slice(start, start + piece)
        for keys in _keys(codes[:, rows], coarse[:, rows].astype(np.int64), [each[rows] for each in groups], layout):
            found += np.bincount(keys.ravel(), minlength=layout.cells)
    return found


def _keys(codes: Codes, coarse: Integers, groups: list[Codes], layout: Layout) -> "list[Integers]":
    sizes = np.asarray(layout.coarse_sizes, dtype=np.int64)
    keys = [codes + layout.fine[:-1, None]]
    if layout.pairs:
        left, right = np.asarray(layout.pairs, dtype=np.int64).T
        keys.append(coarse[left] * sizes[right, None] + coarse[right] + layout.joint[:-1, None])
    if layout.triples:
        one, two, three = np.asarray(layout.triples, dtype=np.int64).T
        inner = (coarse[one] * sizes[two, None] + coarse[two]) * sizes[three, None] + coarse[three]
        keys.append(inner + layout.cubes[:-1, None])
    for place, group in enumerate(groups):
        first = layout.grouped[place] + group.astype(np.int64) * layout.inner[-1]
        keys.append(coarse + layout.inner[:-1, None] + first)
    return keys
