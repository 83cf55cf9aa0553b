"""Counts of neighbouring blocks, in two matrices: what every block has, and the pairs' and triples' of some of them."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]
_NARROW = 2


class Tables:
    """``often`` (blocks, cells) without the cells of pairs and triples, which begin at ``first``; those in ``seldom``
    (paired blocks, cells), of the blocks that are ``paired`` (blocks,) and of all since the one before.
    """

    def __init__(self, often: Counts, seldom: Counts, paired: Bools, first: int) -> None:
        self.often, self.seldom, self.paired, self.first = often, seldom, paired, first

    @classmethod
    def of(cls, counts: Counts, first: int, stop: int, paired: Bools | None = None) -> "Tables":
        """(blocks, cells) counts, which have pairs' between these cells in ``paired`` blocks, without it in all."""
        often = np.concatenate([counts[:, :first], counts[:, stop:]], axis=1)
        paired = np.ones(len(counts), dtype=bool) if paired is None else paired
        return cls(often, np.ascontiguousarray(counts[paired, first:stop]), paired, first)

    def __len__(self) -> int:
        return len(self.often)

    @property
    def cells(self) -> int:
        return int(self.often.shape[1] + self.seldom.shape[1])

    @property
    def stop(self) -> int:
        """The last cell of pairs but one."""
        return int(self.first + self.seldom.shape[1])

    def part(self, start: int, stop: int) -> "Tables":
        """The blocks from ``start`` up to ``stop``, views of these."""
        if start <= 0 and stop >= len(self):
            return self
        low, high = self._before[[min(start, len(self)), min(stop, len(self))]].tolist()
        return Tables(self.often[start:stop], self.seldom[low:high], self.paired[start:stop], self.first)

    def chosen(self, which: Bools) -> "Tables":
        """The blocks at which ``which`` (blocks,) is true."""
        return Tables(self.often[which], self.seldom[which[self.paired]], self.paired[which], self.first)

    def whole(self) -> Counts:
        """(blocks, cells) counts; none of pairs where a block is not paired."""
        dtype = np.promote_types(self.often.dtype, self.seldom.dtype)
        found: Counts = np.zeros((len(self), self.cells), dtype=dtype)
        found[:, : self.first], found[:, self.stop :] = self.often[:, : self.first], self.often[:, self.first :]
        found[self.paired, self.first : self.stop] = self.seldom
        return found

    def row(self, place: int) -> Counts:
        """(cells,) counts of one block."""
        found: Counts = self.part(place, place + 1).whole()[0] if place >= 0 else self.row(len(self) + place)
        return found

    def replaced(self, kept: npt.NDArray[np.int64], paired: Bools, others: Mapping[int, Counts]) -> "Tables":
        """A copy of the blocks at the ``kept`` places, which have pairs where ``paired`` (kept blocks,) says so; at
        some of the copy's places stand ``others``, (cells,) each.
        """
        narrow = np.result_type(self.often.dtype, *(counts.dtype for counts in others.values()))
        often, seldom, own = self.often[kept].astype(narrow, copy=False), self.seldom, paired.copy()
        own[list(others)] = False
        # Few blocks are others': the rest is copied at once, and as narrow as it is.
        old, new = self._before[kept[own]], np.cumsum(paired) - 1
        found: Counts = np.zeros((int(paired.sum()), seldom.shape[1]), np.promote_types(seldom.dtype, narrow))
        found[new[own]] = seldom[old]
        for at, counts in others.items():
            often[at, : self.first], often[at, self.first :] = counts[: self.first], counts[self.stop :]
            if paired[at]:
                found[new[at]] = counts[self.first : self.stop]
        return Tables(often, found, paired, self.first)

    def repaired(self, paired: Bools, others: Mapping[int, Counts]) -> "Tables":
        """The blocks with pairs only where ``paired`` (blocks,) says so, at some places ``others``, (cells of pairs,)
        each.
        """
        kept = self.seldom[paired[self.paired]]
        if not others:
            return Tables(self.often, kept, paired, self.first)
        most = max(int(counts.max(initial=0)) for counts in others.values())
        wide = np.int64 if most >= 1 << 16 else np.min_scalar_type(most)
        seldom = kept.astype(np.promote_types(kept.dtype, wide), copy=False)
        new = np.cumsum(paired) - 1
        for at, counts in others.items():
            seldom[new[at]] = counts
        return Tables(self.often, seldom, paired, self.first)

    def sum(self) -> npt.NDArray[np.int64]:
        """(cells,) counts of all blocks."""
        often, seldom = (each.sum(axis=0, dtype=np.int64) for each in (self.often, self.seldom))
        return np.concatenate([often[: self.first], seldom, often[self.first :]])

    def narrowed(self, most: int) -> "Tables":
        """With counts of two bytes where none is more than ``most``: narrow counts are scored sooner."""
        if max(self.often.itemsize, self.seldom.itemsize) <= _NARROW:
            return self
        often, seldom = (
            each.astype(np.int16) if each.itemsize > _NARROW and each.max(initial=0) <= most else each
            for each in (self.often, self.seldom)
        )
        return Tables(often, seldom, self.paired, self.first)

    @cached_property
    def _before(self) -> npt.NDArray[np.int64]:
        """(blocks + 1,) how many blocks before each are paired."""
        return np.concatenate([[0], np.cumsum(self.paired)])
