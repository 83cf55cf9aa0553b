"""Count rows of codes into the cells of a layout: the same integers with and without compiled code."""

import importlib.util
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_app.core.drift.counts.layout import Integers, Layout
from stream_app.core.drift.counts.tables import Bools, Counts, Tables

Codes = npt.NDArray[np.uint8]
COMPILED = importlib.util.find_spec("numba") is not None
_PIECE = 1 << 21
_NARROWEST, _NARROW = 1 << 8, 1 << 15
_FEWEST_BY_LANES = 64
"""Rows of a middling block from which it costs less to look at the bits of all levels than at each row."""


def count_apart(
    codes: Codes,
    layout: Layout,
    ends: "Integers | list[int]",
    classes: "npt.NDArray[np.int8]",
    paired: Bools | None = None,
) -> tuple[Tables, Integers, Integers]:
    """What ``count_tables`` gives, and (cells,) counts of all rows of class 0 and of class 1; ``classes`` (rows,) 0 to
    2.
    """
    if _by_lanes(codes, layout, len(ends)):
        number = 3 if (classes > 1).any() else 2
        found = _lanes_counted(codes, layout, ends, classes, number, paired)
        if found is not None:
            counts, apart, total = found
            return counts, apart[0], apart[1] if number > 2 else total - apart[0]
    # Rows are put in the order of classes first, and of blocks in each.
    blocks = len(ends)
    place = np.repeat(np.arange(blocks), np.diff(ends, prepend=0)) + blocks * classes.astype(np.int64)
    limits = np.cumsum(np.bincount(place, minlength=blocks * 3))
    parts = count(codes.take(np.argsort(place, kind="stable"), axis=1), layout, limits).reshape(3, blocks, layout.cells)
    first, second = (part.sum(axis=0, dtype=np.int64) for part in parts[:2])
    whole = parts.sum(axis=0, dtype=_dtype(np.diff(ends, prepend=0)))
    return _together(whole, layout, paired), first, second


def count(codes: Codes, layout: Layout, ends: "Integers | list[int]") -> Counts:
    """(blocks, cells) counts of consecutive blocks of (columns, rows) ``codes``, each ending before ``ends``' row."""
    return count_tables(codes, layout, ends).whole()


def count_tables(codes: Codes, layout: Layout, ends: "Integers | list[int]", paired: Bools | None = None) -> Tables:
    """As ``count``. Pairs and triples are counted together of each block that is ``paired`` (blocks,), of which the
    last is one, and of all since the one before; without it block by block.
    """
    if len(codes) and len(ends) and ends[-1] and _by_lanes(codes, layout, len(ends)):
        found = _lanes_counted(codes, layout, ends, np.zeros(codes.shape[1], dtype=np.int8), 1, paired)
        if found is not None:
            return found[0]
    return _together(_counts(codes, layout, ends), layout, paired)


def _together(counts: Counts, layout: Layout, paired: Bools | None) -> Tables:
    """(blocks, cells) counts of each block alone, with those of pairs and triples added up."""
    first, stop, _ = layout.paired
    if paired is None or paired.all():
        return Tables.of(counts, first, stop)
    starts = np.append(0, np.flatnonzero(paired)[:-1] + 1)
    sums = np.add.reduceat(counts[:, first:stop], starts, axis=0, dtype=np.int64)
    often = np.concatenate([counts[:, :first], counts[:, stop:]], axis=1)
    return Tables(often, sums.astype(np.promote_types(counts.dtype, _dtype(sums))), paired, first)


def _counts(codes: Codes, layout: Layout, ends: "Integers | list[int]") -> Counts:
    """(blocks, cells) counts, row by row."""
    limits, counts = _empty(layout, ends)
    if not len(codes) or limits[-1] == 0 or not len(counts):
        return counts
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
    codes: Codes,
    layout: Layout,
    ends: "Integers | list[int]",
    classes: "npt.NDArray[np.int8]",
    number: int,
    paired: Bools | None,
) -> tuple[Tables, Counts, Integers] | None:
    """Counts, (number - 1, cells) those of each class but the last, and (cells,) of all where there are two; none where
    blocks that are counted together have too many rows.
    """
    from stream_app.core.drift.counts.compiled_lanes import DONE, LONG, SPARE, count_lanes

    limits, lanes, cells = np.concatenate(([0], np.asarray(ends, dtype=np.int64))), layout.lanes, layout.cells
    assert lanes is not None
    narrow, paired = _dtype(np.diff(limits)), np.ones(len(limits) - 1, dtype=bool) if paired is None else paired
    (first, stop, _), codes = layout.paired, np.ascontiguousarray(codes)
    shapes = (len(paired), cells - stop + first), (int(np.count_nonzero(paired)), stop - first)
    steps = lanes.eights, lanes.ranges, lanes.of_pairs, lanes.of_groups, layout.fine, (first, stop, len(layout.pairs))
    # What is counted together mostly needs no more bytes than a block.
    for dtype in (narrow, np.int16):
        apart, total = np.zeros((number - 1, cells + SPARE), np.int64), np.zeros(cells if number == 2 else 0, np.int64)
        often, seldom = (
            np.empty(rows * width + SPARE, dtype=own)
            for (rows, width), own in zip(shapes, (narrow, dtype), strict=True)
        )
        done = count_lanes(often, seldom, apart, total, limits, paired, codes, classes.view(np.uint8), *steps)
        if done == LONG:
            return None
        if done == DONE:
            break
    own, pairs = (each[:-SPARE].reshape(shape) for each, shape in zip((often, seldom), shapes, strict=True))
    return Tables(own, pairs, paired, first), apart[:, :-SPARE], total


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
