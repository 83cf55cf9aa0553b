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
_NARROW = 1 << 15


def count(codes: Codes, layout: Layout, ends: "Integers | list[int]") -> Counts:
    """(blocks, cells) counts of consecutive blocks of (columns, rows) ``codes``, each ending before ``ends``' row."""
    limits = np.asarray([0, *ends], dtype=np.int64)
    dtype = np.int16 if np.diff(limits).max(initial=0) < _NARROW else np.int32
    counts: Counts = np.zeros((len(limits) - 1, layout.cells), dtype=dtype)
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
