"""Joint counts of many pairs of columns with far fewer passes over the rows than there are pairs.

A group of columns is counted together once, as long as its table stays small; the tables of all pairs within it are
sums of that table's cells. The counts are the same integers as those of one pass for each pair.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

Pair = tuple[int, int]
Codes = npt.NDArray[np.unsignedinteger[Any]]
Group = tuple[int, ...]
Integers = npt.NDArray[np.int64]
MOST_CELLS = 1 << 14
"""Cells of a group's table: their counts stay in the processor's cache."""
ROWS_A_CELL = 4
"""Rows for each cell of a group's table at least: with fewer, adding up its cells costs more than a pass saves."""


def two_way(columns: Sequence[Codes], sizes: Group, pairs: tuple[Pair, ...]) -> "Counted":
    """Counts of the pairs, and of every column, of equally long ``columns`` of codes, each below its size."""
    rows = len(columns[0]) if columns else 0
    limit = min(MOST_CELLS, 1 << max(0, rows // ROWS_A_CELL).bit_length())
    return Counted(columns, sizes, _groups(sizes, pairs, limit))


class Counted:
    """The tables of ``two_way``, by pair and by column."""

    def __init__(self, columns: Sequence[Codes], sizes: Group, groups: tuple[Group, ...]) -> None:
        self.joint: dict[Pair, Integers] = {}
        self.single: dict[int, Integers] = {}
        for group in groups:
            shape = [sizes[j] for j in group]
            counts = np.bincount(_keys([columns[j] for j in group], shape), minlength=int(np.prod(shape)))
            self._add(group, counts.reshape(shape))

    def _add(self, group: Group, counts: Integers) -> None:
        for a, b in combinations(range(len(group)), 2):
            if (group[a], group[b]) not in self.joint:
                others = tuple(axis for axis in range(len(group)) if axis not in (a, b))
                self.joint[group[a], group[b]] = counts.sum(axis=others) if others else counts
        for a, j in enumerate(group):
            if j not in self.single:
                self.single[j] = counts.sum(axis=tuple(axis for axis in range(len(group)) if axis != a))


def _keys(columns: list[Codes], shape: list[int]) -> Any:
    """(n_rows,) number of each row's cell, the last column running fastest; in 16 bits where these are enough."""
    dtype = np.uint16 if int(np.prod(shape)) < 1 << 16 else np.intp
    keys: Any = columns[0].astype(dtype)
    for codes, size in zip(columns[1:], shape[1:], strict=True):
        keys *= dtype(size)
        keys += codes
    return keys


@lru_cache(maxsize=16)
def _groups(sizes: Group, pairs: tuple[Pair, ...], limit: int) -> tuple[Group, ...]:
    """Groups of columns, in ascending order, so that every pair and every column is in one; none but a pair's own has
    more cells than ``limit``. Greedy: the largest open pair, joined by whichever columns close most other pairs.
    """
    cells, wanted = np.array(sizes, dtype=np.int64), np.zeros((len(sizes), len(sizes)), dtype=bool)
    for i, j in pairs:
        wanted[i, j] = wanted[j, i] = True
    found: list[Group] = []
    for i, j in sorted(pairs, key=lambda pair: -sizes[pair[0]] * sizes[pair[1]]):
        if wanted[i, j]:
            group = _extended([i, j], wanted, cells, limit)
            wanted[np.ix_(group, group)] = False
            found.append(tuple(sorted(group)))
    alone = set(range(len(sizes))).difference(*found)
    return (*found, *((j,) for j in sorted(alone)))


def _extended(group: list[int], wanted: npt.NDArray[np.bool_], cells: Integers, limit: int) -> list[int]:
    size, gains = int(np.prod(cells[group])), wanted[group].sum(axis=0)
    gains[group] = 0
    while True:
        # Of equal gains the largest column: small ones find a place anywhere.
        fit = np.where(cells * size <= limit, gains * (int(cells.max()) + 1) + cells, 0)
        best = int(fit.argmax())
        if gains[best] == 0 or fit[best] == 0:
            return group
        group, size = [*group, best], size * int(cells[best])
        gains = gains + wanted[best]
        gains[group] = 0
