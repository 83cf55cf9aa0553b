"""The reference profile of a dataset: bins, exact counts, and how much blocks of the reference itself vary.

Real streams are autocorrelated (hours of a day, days of a week): a test that assumes independent rows would alarm at
once. So every channel learns from the reference's own blocks, in time order, by how much sums over 1, 2, 4, ...
blocks vary more than independent rows would, and is scaled down by it.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.contract import Contract
from schemas.drift import DriftPolicy, Season
from schemas.errors import ContractError, InsufficientEvidence
from schemas.public_bins import public_column
from stream_app.core.drift.coding.bins import Codes, ColumnBins, Floats, as_numbers, learn_bins
from stream_app.core.drift.coding.cells import columns_of
from stream_app.core.drift.coding.encoding import Encoder
from stream_app.core.drift.coding.seasons import WHOLE, blocks_of, keys_of
from stream_app.core.drift.counts.counting import count
from stream_app.core.drift.counts.layout import Integers, Layout, Subgroup, lay_out
from stream_app.core.drift.counts.rare_cells import RareCells, rare_cells
from stream_app.core.drift.detectors.thresholds import WINDOWS
from stream_app.core.drift.packing import pack, unpack
from stream_app.core.drift.scoring.channels import Channel
from stream_app.core.drift.scoring.scoring import Scoring, scoring_of

if TYPE_CHECKING:
    import pandas as pd

MINIMUM_ROWS = 500
_FEWEST_BLOCKS = 20
_SHORTEST_BLOCK = 50
_FEWEST_IN_PERIOD = 500
_AT_ONCE = 64
_CELLS_A_ROW = 200
"""A block of a very wide table has more rows, so that its scores cost less than counting it."""

_DEPENDENT, _FEW_ROWS = 1.15, 40.0
_CUT_DEPENDENT, _CUT_SHARE, _CUT_SQUARED, _CUT = 3.0, 4.0, 4.0, 20.0
_LEFT_OUT = 0.1
_ARRAYS = ("counts", "centre", "spread", "rates", "clumping")


@dataclass(frozen=True)
class Reference:
    """``counts`` (1 + periods, cells) of all rows and of each period of the season, whose keys are ``periods``.

    ``centre`` and ``spread`` (channels,) of the reference's own block scores. ``rates`` and ``clumping`` (rare cells,):
    expected cells a row, and by how much more than a Poisson count they vary from block to block.
    """

    bins: tuple[ColumnBins, ...]
    layout: Layout
    block_rows: int
    season: Season
    time: str | None
    periods: tuple[int, ...]
    counts: Integers
    centre: Floats
    spread: Floats
    rates: Floats
    clumping: Floats

    @property
    def rows(self) -> int:
        return int(self.counts[0, self.layout.column_cells(0)].sum())

    @property
    def blocks(self) -> int:
        """Whole blocks in the reference."""
        return self.rows // self.block_rows

    @property
    def channels(self) -> tuple[Channel, ...]:
        return self.scorings[0].channels

    @cached_property
    def scorings(self) -> tuple[Scoring, ...]:
        """One for all rows, then one for each period."""
        return scorings_of(self.counts, self.layout, self.bins, self.block_rows, self.counts[0])

    def cut_of(self, spread: Floats) -> Floats:
        """(channels,) where a block's standardised score is cut off.

        Some scores have heavier tails than normal: those that vary more than independent rows would, for they rest on
        few independent pieces; shares of rare values, which are counts of a few rows; chi-squared ones. Cut off, it
        takes a run of blocks to raise an alarm: about four, three and three.
        """
        scoring = self.scorings[0]
        squared = np.asarray([not channel.signed for channel in self.channels], dtype=bool)
        found = np.where(squared, _CUT_SQUARED, _CUT)
        shares, linear = scoring.scales[:, 1], len(scoring.scales)
        few = scoring.expected[scoring.base_of[:linear]] * np.minimum(shares, 1 - shares) < _FEW_ROWS
        counted = np.asarray([channel.measures == "share" for channel in self.channels[:linear]], dtype=bool)
        found[:linear] = np.where(counted & few, _CUT_SHARE, found[:linear])
        return np.where(spread > _DEPENDENT, _CUT_DEPENDENT, found)

    @cached_property
    def rare(self) -> RareCells:
        """The cells that are watched by Poisson tails."""
        return rare_cells(self.layout, self.counts[0])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of ``to_json``."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def encode(self, frame: "pd.DataFrame") -> Codes:
        """(columns, rows) codes of a frame with (some of) the reference's columns."""
        return self._encoder.codes(columns_of(frame, self.bins))

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder(self.bins)

    def periods_of(self, seconds: Floats) -> Integers:
        """(rows,) which of ``counts`` rows at these times are compared with."""
        keys = keys_of(seconds, self.season)
        found = np.zeros(len(keys), dtype=np.int64)
        for place, key in enumerate(self.periods):
            found[keys == key] = 1 + place
        return found

    def times_of(self, frame: "pd.DataFrame") -> Floats:
        """(rows,) seconds since 1970 of the time column, NaN without one."""
        if self.time is None or self.time not in frame.columns:
            return np.full(len(frame), np.nan)
        return as_numbers(frame[self.time], "timestamp")

    def to_json(self) -> str:
        """The profile as JSON without cell values other than bin edges and categories."""
        layout = {
            "pairs": self.layout.pairs,
            "triples": self.layout.triples,
            "coarse": pack(self.layout.coarse),
            "subgroups": [[each.column, each.number, pack(each.groups)] for each in self.layout.subgroups],
        }
        plain = {name: getattr(self, name) for name in ("block_rows", "season", "time", "periods")}
        arrays = {name: pack(getattr(self, name)) for name in _ARRAYS}
        return json.dumps({"bins": [asdict(column) for column in self.bins], "layout": layout, **plain, **arrays})

    @classmethod
    def from_json(cls, text: str) -> "Reference":
        """The profile that ``to_json`` wrote; raises ``ContractError`` on any other text."""
        try:
            document = json.loads(text)
            bins = tuple(ColumnBins(**_tuples(column)) for column in document["bins"])
            arrays: dict[str, Any] = {name: unpack(document[name]) for name in _ARRAYS}
            plain = {name: document[name] for name in ("block_rows", "season", "time")}
            found = cls(bins, _layout(document["layout"], bins), periods=tuple(document["periods"]), **plain, **arrays)
            if arrays["counts"].shape != (1 + len(found.periods), found.layout.cells):
                raise ValueError
            return found
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            raise ContractError("not a reference profile") from None


def _layout(document: dict[str, Any], bins: tuple[ColumnBins, ...]) -> Layout:
    coarse = unpack(document["coarse"])
    return Layout(
        tuple(column.size for column in bins),
        coarse,
        tuple(int(row.max()) + 1 for row in coarse),
        tuple((int(left), int(right)) for left, right in document["pairs"]),
        tuple((int(one), int(two), int(three)) for one, two, three in document["triples"]),
        tuple(Subgroup(int(column), int(number), unpack(groups)) for column, number, groups in document["subgroups"]),
    )


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}


def scorings_of(
    counts: Integers,
    layout: Layout,
    bins: tuple[ColumnBins, ...],
    block_rows: int,
    which: Integers,
    rows: Integers | None = None,
) -> tuple[Scoring, ...]:
    """A scoring for each of (baselines, cells) counts, all with the same channels; ``rows`` are what ``scoring_of``
    counts among.
    """
    among = [None] * len(counts) if rows is None else list(rows)
    return tuple(
        scoring_of(each, layout, bins, block_rows, which, own) for each, own in zip(counts, among, strict=True)
    )


def build_reference(frame: "pd.DataFrame", contract: Contract, policy: DriftPolicy | None = None) -> Reference:
    """Learn the profile of ``frame``: its rows by the contract's time column where it has one, else in the order given.

    Raises ``InsufficientEvidence`` under 500 rows or without a modelled column.
    """
    policy = policy or contract.policy.drift
    bins = learn_bins(frame, contract)
    if len(frame) < MINIMUM_ROWS or not bins:
        raise InsufficientEvidence(f"a reference needs at least {MINIMUM_ROWS} rows and one modelled column")
    ordered = in_time_order(frame, contract)
    codes = Encoder(bins).codes(columns_of(ordered, bins))
    timed = contract.time is not None and contract.time in ordered.columns
    seconds = as_numbers(ordered[contract.time], "timestamp") if timed else np.full(len(ordered), np.nan)
    return calibrated(codes, seconds, bins, _planned(codes, bins, contract), policy, contract.time)


def in_time_order(frame: "pd.DataFrame", contract: Contract) -> "pd.DataFrame":
    """The rows by the contract's time column, stably; as given where the frame has none."""
    from schemas.table import conform

    if contract.time is None or contract.time not in frame.columns:
        return frame
    times = conform(frame[[contract.time]], contract, roles=("time",)).table[contract.time]
    return frame.iloc[np.argsort(times.to_numpy(dtype=object if times.dtype == object else None), kind="stable")]


def _planned(codes: Codes, bins: tuple[ColumnBins, ...], contract: Contract) -> Layout:
    names = [column.name for column in bins]
    marginals = [np.bincount(row, minlength=column.size) for row, column in zip(codes, bins, strict=True)]
    policy = contract.policy
    groups = tuple(names.index(name) for name in dict.fromkeys(policy.subgroups) if name in names)
    triples = tuple(
        (names.index(one), names.index(two), names.index(three))
        for one, two, three in policy.triples
        if {one, two, three} <= set(names)
    )
    first = tuple(names.index(name) for name in (policy.target,) if name in names)
    public = policy.generation.counts == "public_bins"
    levels = tuple(public_column(contract.column(name)).levels for name in names) if public else None
    return lay_out(marginals, bins, groups, triples, first, levels)


def calibrated(
    codes: Codes, seconds: Floats, bins: tuple[ColumnBins, ...], layout: Layout, policy: DriftPolicy, time: str | None
) -> Reference:
    """A reference from (columns, rows) codes in order of time, at (rows,) ``seconds``."""
    rows = codes.shape[1]
    wanted = max(policy.block_rows, layout.cells // _CELLS_A_ROW)
    block_rows = max(_SHORTEST_BLOCK, min(wanted, rows // _FEWEST_BLOCKS))
    keys = keys_of(seconds, policy.season)
    found, often = np.unique(keys[keys != WHOLE], return_counts=True)
    periods = tuple(int(key) for key, number in zip(found, often, strict=True) if number >= _FEWEST_IN_PERIOD)
    places = np.zeros(rows, dtype=np.int64)
    for place, key in enumerate(periods):
        places[keys == key] = 1 + place
    limits, own = blocks_of(places, block_rows)
    counts = _totals(codes, layout, limits, own, len(periods))
    scorings = scorings_of(counts, layout, bins, block_rows, counts[0])
    cells = rare_cells(layout, counts[0])
    scores, sizes, rare = _own_scores(codes, layout, limits, own, scorings, cells)
    centre = scores.sum(axis=0) / np.maximum(sizes.sum(axis=0), 1e-9)
    spread = _inflation(scores - centre * sizes, sizes)
    varied = _varied(spread, scorings[0].channels, len(bins))
    rates, clumping = _rates(rare, counts[0], cells, layout, bins, varied, block_rows)
    return Reference(
        bins, layout, block_rows, policy.season, time, periods, counts, centre, spread, rates, clumping
    )  # fmt: skip


def _totals(codes: Codes, layout: Layout, limits: Integers, own: Integers, periods: int) -> Integers:
    """(1 + periods, cells) counts of all rows, and of those in each period."""
    totals = np.zeros((1 + periods, layout.cells), dtype=np.int64)
    starts = np.append(0, limits[:-1])
    for first in range(0, len(limits), _AT_ONCE):
        last = first + _AT_ONCE
        rows = slice(int(starts[first]), int(limits[min(last, len(limits)) - 1]))
        counts = count(codes[:, rows], layout, limits[first:last] - starts[first])
        totals[0] += counts.sum(axis=0)
        for place in np.unique(own[first:last]):
            if place:
                totals[place] += counts[own[first:last] == place].sum(axis=0)
    return totals


def _own_scores(
    codes: Codes, layout: Layout, limits: Integers, own: Integers, scorings: tuple[Scoring, ...], cells: RareCells
) -> tuple[Floats, Floats, Integers]:
    """(blocks, channels) scores and sizes of the reference's own blocks, (blocks, rare cells) counts."""
    scores = np.zeros((len(limits), len(scorings[0].channels)))
    sizes, rare = np.zeros_like(scores), np.zeros((len(limits), len(cells)), dtype=np.int64)
    starts = np.append(0, limits[:-1])
    for first in range(0, len(limits), _AT_ONCE):
        some = np.arange(first, min(first + _AT_ONCE, len(limits)))
        rows = slice(int(starts[first]), int(limits[some[-1]]))
        counts = count(codes[:, rows], layout, limits[some] - starts[first])
        for place in np.unique(own[some]):
            chosen = own[some] == place
            scores[some[chosen]], sizes[some[chosen]] = scorings[place].score(counts[chosen], inside=True)
        rare[some] = cells.count(counts)
    return scores, sizes, rare


def _rates(
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
    ``rows`` is left to ``_rates``, which adds it. Source: David and Nagaraja, Order Statistics, 2003, section 2.5.
    """
    from scipy.special import gammaincinv

    widest = float(gammaincinv(2, 1 - _LEFT_OUT / max(1, numbers)))
    return (2 + max(0.0, widest - 3) * min(1.0, max(WINDOWS) * block_rows / rows)) / rows


def _varied(spread: Floats, channels: tuple[Channel, ...], columns: int) -> Floats:
    """(columns,) the middle variance of the scores of each column alone: one channel's may look large by chance."""
    own: list[list[float]] = [[1.0] for _ in range(columns)]
    for value, channel in zip(spread, channels, strict=True):
        if len(channel.columns) == 1:
            own[channel.columns[0]].append(float(value) ** 2)
    return np.asarray([np.median(values) for values in own])


def _inflation(scores: Floats, sizes: Floats) -> Floats:
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
