"""What the reference's own blocks say: how much their scores vary, and how often what is rare comes."""

import numpy as np
import numpy.typing as npt

from stream_app.core.drift.coding.bins import Codes, ColumnBins, Floats
from stream_app.core.drift.coding.seasons import paired_at
from stream_app.core.drift.counts.counting import count, count_tables
from stream_app.core.drift.counts.layout import Integers, Layout
from stream_app.core.drift.counts.rare_cells import RareCells
from stream_app.core.drift.detectors.thresholds import WINDOWS
from stream_app.core.drift.scoring.channels import Channel
from stream_app.core.drift.scoring.scoring import Scoring

_AT_ONCE = 64
_LEFT_OUT = 0.1


def totals(codes: Codes, layout: Layout, limits: Integers, own: Integers, periods: int) -> Integers:
    """(1 + periods, cells) counts of all rows, and of those in each period."""
    found = np.zeros((1 + periods, layout.cells), dtype=np.int64)
    starts = np.append(0, limits[:-1])
    for first in range(0, len(limits), _AT_ONCE):
        last = first + _AT_ONCE
        rows = slice(int(starts[first]), int(limits[min(last, len(limits)) - 1]))
        counts = count(codes[:, rows], layout, limits[first:last] - starts[first])
        found[0] += counts.sum(axis=0, dtype=np.int64)
        for place in np.unique(own[first:last]):
            if place:
                found[place] += counts[own[first:last] == place].sum(axis=0, dtype=np.int64)
    return found


def own_scores(
    codes: Codes,
    layout: Layout,
    limits: Integers,
    own: Integers,
    paired: "npt.NDArray[np.bool_]",
    scorings: tuple[Scoring, ...],
    cells: RareCells,
) -> tuple[Floats, Floats, Integers]:
    """(blocks, channels) scores and sizes of the reference's own blocks, (blocks, rare cells) counts."""
    scores = np.zeros((len(limits), len(scorings[0].channels)))
    sizes, rare = np.zeros_like(scores), np.zeros((len(limits), len(cells)), dtype=np.int64)
    starts, last = np.append(0, limits[:-1]), 0
    while last < len(limits):
        # Blocks that are counted together are scored together.
        first, last = last, last + 1 + int(np.flatnonzero(paired[last : last + _AT_ONCE])[-1])
        some = np.arange(first, last)
        rows = slice(int(starts[first]), int(limits[some[-1]]))
        counts = count_tables(codes[:, rows], layout, limits[some] - starts[first], paired[some])
        for place in np.unique(own[some]):
            chosen = own[some] == place
            scores[some[chosen]], sizes[some[chosen]] = scorings[place].score(counts.chosen(chosen), inside=True)
        rare[some] = cells.count(counts.often)
    return scores, sizes, rare


def rates_of(
    rare: Integers,
    counts: Integers,
    cells: RareCells,
    layout: Layout,
    bins: tuple[ColumnBins, ...],
    varied: Floats,
    block_rows: int,
) -> tuple[Floats, Floats]:
    """(rare cells,) rates and clumping; ``varied`` (columns,) is how much more than independent rows' each column's
    scores vary, for the clumps of what the reference has none of cannot be learnt from it.
    """
    rows = max(1, int(counts[layout.column_cells(0)].sum()))
    own = cells.count(counts).astype(np.float64)
    beyond = _beyond(sum(column.kind == "numeric" for column in bins), rows, block_rows)
    rarely = [column.fresh if column.kind == "categorical" else beyond for column in bins]
    fresh = np.asarray([rarely[owner] for owner in cells.owners]) * cells.unseen
    mean = rare.mean(axis=0)
    clumping = np.where(mean > 0, rare.var(axis=0) / np.where(mean > 0, mean, 1), 1.0)
    clumping = np.maximum(clumping, np.where(cells.unseen, varied[cells.owners], 1.0))
    # The upper end of what the rate may be: a rate from few cells must not make a stationary stream look rich in them.
    return (np.maximum(own, fresh * rows) + 3 * np.sqrt(own) + 1) / rows, np.maximum(1.0, clumping)


def _beyond(numbers: int, rows: int, block_rows: int) -> float:
    """New values a row that a stationary stream would bring of a numeric column: those beyond either end of the
    reference, two on average in as many rows as it has.

    How many one column's range leaves out varies as the sum of two exponential gaps does, and the widest gaps of many
    columns are far above the average: but for a chance of a tenth none of ``numbers`` columns has more than the
    quantile here. It matters the more, the more rows of the reference the longest window of the tests has. One in
    ``rows`` is left to ``rates_of``, which adds it. Source: David and Nagaraja, Order Statistics, 2003, section 2.5.
    """
    from scipy.special import gammaincinv

    widest = float(gammaincinv(2, 1 - _LEFT_OUT / max(1, numbers)))
    return (2 + max(0.0, widest - 3) * min(1.0, max(WINDOWS) * block_rows / rows)) / rows


def varied(spread: Floats, channels: tuple[Channel, ...], columns: int) -> Floats:
    """(columns,) the middle variance of the scores of each column alone: one channel's may look large by chance."""
    own: list[list[float]] = [[1.0] for _ in range(columns)]
    for value, channel in zip(spread, channels, strict=True):
        if len(channel.columns) == 1:
            own[channel.columns[0]].append(float(value) ** 2)
    return np.asarray([np.median(values) for values in own])


def calibration(
    codes: Codes,
    layout: Layout,
    limits: Integers,
    own: Integers,
    scorings: tuple[Scoring, ...],
    cells: RareCells,
) -> tuple[Floats, Floats, Integers]:
    """(channels,) centre and spread of the scores of the reference's own blocks, and (blocks, rare cells) counts.

    Sums over the shortest blocks tell the spread best, for there are most of them. Chi-squared scores of pairs alone
    are not what they will be unless pairs are counted together here too.
    """
    rows = codes, layout, limits, own
    scores, sizes, rare = own_scores(*rows, np.ones(len(limits), dtype=bool), scorings, cells)
    centre, spread = _varying(scores, sizes)
    late = (scorings[0].looks > 1) & ~scorings[0].signed
    if late.any():
        paired = paired_at(own, layout.pair_blocks)
        scores, sizes, _ = own_scores(*rows, paired, scorings, cells)
        centre[late], spread[late] = _varying(scores[np.ix_(paired, late)], sizes[np.ix_(paired, late)])
    return centre, spread, rare


def _varying(scores: Floats, sizes: Floats) -> tuple[Floats, Floats]:
    """(channels,) centre of a nominal block, and spread."""
    centre: Floats = scores.sum(axis=0) / np.maximum(sizes.sum(axis=0), 1e-9)
    return centre, inflation(scores - centre * sizes, sizes)


def inflation(scores: Floats, sizes: Floats) -> Floats:
    """(channels,) the largest standard deviation of sums over 1, 2, 4, ... blocks, over that of independent scores.

    At least 1. Each that is no more than three standard errors above 1 is lowered by one, so that chance alone inflates
    little.
    """
    found = np.ones(scores.shape[1])
    width = 1
    while len(scores) // width >= 8:
        groups = len(scores) // width
        sums = scores[: groups * width].reshape(groups, width, -1).sum(axis=1)
        size = np.maximum(sizes[: groups * width].reshape(groups, width, -1).sum(axis=1), 1e-9)
        deviation = np.sqrt((sums**2 / size).sum(axis=0) / (groups - 1))
        error = 1 / np.sqrt(2 * (groups - 1))
        found = np.maximum(found, np.where(deviation > 1 + 3 * error, deviation, deviation / (1 + error)))
        width *= 2
    return found
