"""What the stream is compared with, and which of it a change concerns.

Settled rows that make as many blocks as a reference has at least are a new baseline as they stand. Those of a wide
table make few blocks, whose hundred thousand channels would be known too badly to tell anything: there only the tables
that the change concerns are learnt anew, and all others stay as well known as they were.
"""

from dataclasses import dataclass

import numpy as np

from stream_app.core.drift.counts.layout import Integers, Layout
from stream_app.core.drift.learning.relearning import relearnt
from stream_app.core.drift.scoring.contrasts import Channel
from stream_app.core.drift.scoring.scoring import Scoring

FEWEST_BLOCKS = 20
"""Settled blocks from which on everything is learnt anew."""

_FEWEST_SETTLED = 8

Bools = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Baseline:
    """(1 + periods, cells) ``counts``, and the (1 + periods, cells) ``rows`` that each cell was counted among: none
    where these are all rows of the period.
    """

    counts: Integers
    rows: Integers | None = None

    def blocks(self, scoring: Scoring, layout: Layout, block_rows: int) -> Integers:
        """(channels,) whole nominal blocks that each channel is known from."""
        known = self.counts[0, layout.column_cells(0)].sum() if self.rows is None else self.rows[0, scoring.first_cells]
        found: Integers = known // (block_rows * scoring.looks)
        return found

    def settled(self, settled: Integers, layout: Layout, concerned: Bools | None) -> "Baseline":
        """The baseline after (1 + periods, cells) ``settled`` rows, in which (cells,) ``concerned`` were told to have
        changed; none for all.
        """
        fresh = relearnt(self.counts, settled, layout, self.rows)
        if concerned is None:
            return Baseline(fresh)
        first = layout.column_cells(0)
        rows = np.broadcast_to(self.counts[:, first].sum(axis=1, keepdims=True), fresh.shape)
        rows = rows if self.rows is None else self.rows
        counts = np.where(concerned, fresh, self.counts)
        known = np.where(concerned, fresh[:, first].sum(axis=1, keepdims=True), rows)
        return Baseline(counts, _regrouped(known, rows, counts, self.counts, concerned, layout))


def _regrouped(
    known: Integers, rows: Integers, counts: Integers, old: Integers, concerned: Bools, layout: Layout
) -> Integers:
    """(1 + periods, cells) rows where groups have become larger or smaller: what is known within a group is of its own
    rows, of which as many more stand for as many blocks as the group has become rarer.
    """
    for number, subgroup in enumerate(layout.subgroups):
        cells = layout.column_cells(subgroup.column)
        if not concerned[cells].all():
            continue
        codes = subgroup.groups[: cells.stop - cells.start]
        for group in range(1, subgroup.number + 1):
            before, after = (
                (each[:, cells][:, codes == group].sum(axis=1) + 0.5) / (own[:, cells.start] + 0.5)
                for each, own in ((old, rows), (counts, known))
            )
            whole = slice(
                int(layout.grouped[number] + group * layout.inner[-1]),
                int(layout.grouped[number] + (group + 1) * layout.inner[-1]),
            )
            scaled = np.rint(known[:, whole] * (before / after)[:, None]).astype(np.int64)
            known[:, whole] = np.where(concerned[whole], known[:, whole], np.maximum(scaled, 1))
    return known


def cells_of(channels: tuple[Channel, ...], chosen: Bools, columns: tuple[int, ...], layout: Layout) -> Bools:
    """(cells,) of the tables that a change of the ``chosen`` (channels,) and of whole ``columns`` concerns: of a column
    its marginal, its pairs, and its part in every group; else the pair's or the group's table alone.
    """
    found = np.zeros(layout.cells, dtype=bool)
    whole, pairs, groups = set(columns), set[tuple[int, ...]](), set[tuple[int, int, int]]()
    for place in np.flatnonzero(chosen).tolist():
        channel = channels[place]
        if len(channel.columns) == 1:
            whole.add(channel.columns[0])
        elif channel.kind == "subgroup":
            groups.add((channel.columns[0], channel.columns[1], channel.group))
        else:
            pairs.add(channel.columns)
    for column in whole:
        found[layout.column_cells(column)] = True
    for number, pair in enumerate(layout.pairs):
        if pair in pairs or not whole.isdisjoint(pair):
            found[layout.pair_cells(number)] = True
    for number, subgroup in enumerate(layout.subgroups):
        for group in range(subgroup.number + 1):
            for column in whole - {subgroup.column}:
                found[layout.group_cells(number, group, column)] = True
        for owner, column, group in groups:
            if owner == subgroup.column:
                found[layout.group_cells(number, group, column)] = True
    return found


def fewest_rows(settle_rows: int, block_rows: int) -> int:
    """Rows that a new baseline is learnt from: ``settle_rows``, or eight blocks of a wide table, of which fewer would
    leave the columns that changed too badly known for the next change to be seen.
    """
    return max(settle_rows, _FEWEST_SETTLED * block_rows)


def all_anew(rows: int, block_rows: int) -> bool:
    """Whether so many settled rows teach every table, or only those that changed."""
    return rows >= FEWEST_BLOCKS * block_rows
