"""Rows and blocks that are too few to be looked at, and wait for the next ones.

Codes wait until they fill blocks that are counted together, short blocks until others of their period make them long
enough, and counts of pairs until they are of enough rows for theirs to be near to normal.
"""

from typing import Any

import numpy as np

from stream_app.core.drift.blocks import Block, Blocks
from stream_app.core.drift.coding.bins import Codes, Floats
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.packing import pack, unpack
from stream_app.core.drift.reference import Reference

_LEAST_OF_PAIRS = 0.4
"""The part of a nominal block from which on pairs are looked at: fewer rows would have counts too far from normal."""


class Waiting:
    """What of one stream waits, against one reference. It holds codes and counts, and no raw value."""

    def __init__(self, reference: Reference) -> None:
        self._columns, self._section = len(reference.bins), reference.layout.paired
        self._together = reference.block_rows * reference.layout.pair_blocks
        self._least = reference.block_rows // 2
        self._least_of_pairs = reference.block_rows * self._section.blocks * _LEAST_OF_PAIRS
        self._codes = np.zeros((self._columns, 0), dtype=np.uint8)
        self._seconds = np.zeros(0)
        self._short: dict[int, tuple[int, Block]] = {}
        self._unpaired: dict[int, tuple[int, Integers]] = {}

    def filled(self, codes: Codes, seconds: Floats) -> tuple[Codes, Floats] | None:
        """The (columns, rows) codes and the times that fill blocks which are counted together, those that waited
        first; what is left waits. None where there are too few.
        """
        held = self._codes.shape[1]
        whole = (held + len(seconds)) // self._together * self._together
        if not whole:
            self._codes = np.concatenate([self._codes, codes], axis=1)
            self._seconds = np.concatenate([self._seconds, seconds])
            return None
        # Of a thousand columns every copy is dear: what is counted is put together once.
        used = whole - held
        filling = np.concatenate([self._codes, codes[:, :used]], axis=1)
        times = np.concatenate([self._seconds, seconds[:used]])
        self._codes, self._seconds = codes[:, used:].copy(), seconds[used:].copy()
        return filling, times

    def joined(self, blocks: Blocks, row: int) -> tuple[Blocks, Integers]:
        """The blocks, of which the first begins at ``row``, and their first rows, joined with what waited for them;
        those that are still too short wait.
        """
        firsts = row + np.cumsum(blocks.rows) - blocks.rows
        if not self._short and (blocks.rows >= self._least).all():
            return self._with_pairs(blocks), firsts
        kept, joined = list[int](), dict[int, Block]()
        for place, (period, rows) in enumerate(zip(blocks.periods.tolist(), blocks.rows.tolist(), strict=True)):
            if rows < self._least or period in self._short:
                first, waiting = self._short.pop(period, (int(firsts[place]), None))
                block = blocks[place] if waiting is None else waiting.joined(blocks[place])
                if block.rows < self._least:
                    self._short[period] = (first, block)
                    continue
                firsts[place], joined[place] = first, block
            kept.append(place)
        places = np.asarray(kept, dtype=np.int64)
        return self._with_pairs(blocks.replaced(places, joined)), firsts[places]

    def _with_pairs(self, blocks: Blocks) -> Blocks:
        """The blocks, with counts of pairs where these are of enough rows: others wait for the next of their period."""
        least, often = self._least_of_pairs, self._section.blocks == 1
        if often or not (self._unpaired or (blocks.pair_rows[blocks.tables.paired] < least).any()):
            return blocks
        tables, paired, joined = blocks.tables, blocks.pair_rows.copy(), dict[int, Integers]()
        for place, counts in zip(np.flatnonzero(tables.paired).tolist(), tables.seldom, strict=True):
            period, rows = int(blocks.periods[place]), int(paired[place])
            waiting = self._unpaired.pop(period, None)
            if waiting is None and rows >= least:
                continue
            before, earlier = waiting or (0, np.zeros(len(counts), dtype=np.int64))
            paired[place], joined[place] = rows + before, earlier + counts
            if rows + before < least:
                self._unpaired[period] = rows + before, joined.pop(place)
                paired[place] = 0
        return blocks.repaired(paired, joined)

    def document(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "held": [pack(self._codes), pack(self._seconds)],
            "pending": [[period, first, block.document()] for period, (first, block) in sorted(self._short.items())],
            "unpaired": [[period, rows, pack(each)] for period, (rows, each) in sorted(self._unpaired.items())],
        }

    @classmethod
    def from_document(cls, document: dict[str, Any], reference: Reference) -> "Waiting":
        """What ``document`` gave, of the same reference; else ``ContractError``, ``KeyError``, ``TypeError`` or
        ``ValueError``.
        """
        made = cls(reference)
        made._codes, made._seconds = (unpack(each) for each in document["held"])
        made._short = {
            int(period): (int(first), Block.from_document(block)) for period, first, block in document["pending"]
        }
        made._unpaired = {int(period): (int(rows), unpack(each)) for period, rows, each in document["unpaired"]}
        cells, pairs = reference.counts[0].shape, (made._section.stop - made._section.first,)
        if (
            made._codes.shape != (made._columns, len(made._seconds))
            or len(made._seconds) >= made._together
            or any(block.counts.shape != cells for _, block in made._short.values())
            or any(each.shape != pairs for _, each in made._unpaired.values())
        ):
            raise ValueError("not what waits of this reference")
        return made
