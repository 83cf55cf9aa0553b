"""The reference profile of a dataset: bins, exact counts, and how much blocks of the reference itself vary.

Real streams are autocorrelated (hours of a day, days of a week): a test that assumes independent rows would alarm at
once. So every channel learns from the reference's own blocks, in time order, by how much sums over 1, 2, 4, ...
blocks vary more than independent rows would, and is scaled down by it.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.contract import Contract
from schemas.drift import DriftPolicy, Season
from schemas.errors import ContractError, InsufficientEvidence
from schemas.public_bins import public_column
from stream_app.core.drift.coding.bins import MISSING, Codes, ColumnBins, Floats, as_numbers, learn_bins
from stream_app.core.drift.coding.cells import columns_of
from stream_app.core.drift.coding.encoding import Encoder
from stream_app.core.drift.coding.seasons import WHOLE, blocks_of, keys_of
from stream_app.core.drift.counts.layout import Integers, Layout, Subgroup, lay_out
from stream_app.core.drift.counts.rare_cells import RareCells, rare_cells
from stream_app.core.drift.learning.own_blocks import calibration, rates_of, totals, varied
from stream_app.core.drift.packing import pack, unpack
from stream_app.core.drift.scoring.channels import Channel
from stream_app.core.drift.scoring.scoring import Scoring, scoring_of

if TYPE_CHECKING:
    import pandas as pd

MINIMUM_ROWS = 500
_FEWEST_BLOCKS = 20
_SHORTEST_BLOCK = 50
_FEWEST_IN_PERIOD = 500
_PAIR_ROWS = 400
"""Pairs are counted over as many blocks as have so many rows, of which there are at least 20 in the reference: most
counts are theirs, and what they tell of is rarely told within a block. No count of theirs is to need more than a byte,
as far as the reference says.
"""

_BYTE, _SURE = 255, 6.0
_CELLS_A_ROW = 200
"""A block of a very wide table has more rows, so that its scores cost less than counting it."""

_DEPENDENT, _FEW_ROWS = 1.15, 40.0
_OF_SHARES = ("share", "exchange")
_CUT_DEPENDENT, _CUT_SHARE, _CUT_SQUARED, _CUT = 3.0, 4.0, 4.0, 20.0
_ARRAYS = ("counts", "centre", "spread", "rates", "clumping")


@dataclass(frozen=True)
class Reference:
    """``counts`` (1 + periods, cells) of all rows and of each period of the season, whose keys are ``periods``.

    ``centre`` and ``spread`` (channels,) of the reference's own block scores. ``rates`` and ``clumping`` (rare cells,):
    expected cells a row, and by how much more than a Poisson count they vary from block to block. ``late`` is the
    column whose labels come late, if any: it has bins, and every count of it says that it is missing.
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
    late: str | None = None

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

    @cached_property
    def pools(self) -> Integers:
        """(1 + periods, cells) the slots that chi-squared channels of dependent rows keep under every baseline.

        Their spread was learnt with these slots. Few independent rows spread unevenly over the cells of a table, so
        that a new baseline would pool others; more slots vary more, and rows that have not changed would seem to.
        Scores of independent rows have a spread of 1 whatever their slots are.
        """
        scorings = self.scorings
        dependent = self.spread[len(self.spread) - scorings[0].squared :] > _DEPENDENT
        return np.stack([scoring.pools(dependent) for scoring in scorings])

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
        counted = np.asarray([each.measures in _OF_SHARES for each in self.channels[:linear]], dtype=bool)
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

    def as_counted(self, codes: Codes) -> Codes:
        """(columns, rows) codes as they are counted: a label that comes late is in no count, even where it is there."""
        place = self.late_place
        if place is None:
            return codes
        found = codes.copy()
        found[place] = MISSING
        return found

    @cached_property
    def late_place(self) -> int | None:
        """The place of ``late`` among the columns."""
        return next((place for place, column in enumerate(self.bins) if column.name == self.late), None)

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder(self.bins)

    def periods_of(self, seconds: Floats) -> Integers:
        """(rows,) which of ``counts`` rows at these times are compared with."""
        found = np.zeros(len(seconds), dtype=np.int64)
        keys = keys_of(seconds, self.season) if self.periods else found
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
            "pair_blocks": self.layout.pair_blocks,
            "triples": self.layout.triples,
            "coarse": pack(self.layout.coarse),
            "subgroups": [[each.column, each.number, pack(each.groups)] for each in self.layout.subgroups],
        }
        plain = {name: getattr(self, name) for name in ("block_rows", "season", "time", "periods")}
        plain |= {} if self.late is None else {"late": self.late}
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
            plain |= {"periods": tuple(document["periods"]), "late": document.get("late")}
            found = cls(bins, _layout(document["layout"], bins), **plain, **arrays)
            if arrays["counts"].shape != (1 + len(found.periods), found.layout.cells):
                raise ValueError
            return found
        except (ValueError, LookupError, ArithmeticError, TypeError, AttributeError):
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
        int(document["pair_blocks"]),
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
    pools: Integers | None = None,
) -> tuple[Scoring, ...]:
    """A scoring for each of (baselines, cells) counts, all with the same channels; ``rows`` are what ``scoring_of``
    counts among, ``pools`` the slots that it keeps.
    """
    among = [None] * len(counts) if rows is None else list(rows)
    kept = [None] * len(counts) if pools is None else list(pools)
    return tuple(
        scoring_of(each, layout, bins, block_rows, which, own, slots)
        for each, own, slots in zip(counts, among, kept, strict=True)
    )


def build_reference(frame: "pd.DataFrame", contract: Contract, policy: DriftPolicy | None = None) -> Reference:
    """Learn the profile of ``frame``: its rows by the contract's time column where it has one, else in the order given.

    Under ``late_labels`` no cell of the target is counted. Raises ``InsufficientEvidence`` under 500 rows or without a
    modelled column.
    """
    policy = policy or contract.policy.drift
    bins = learn_bins(frame, contract)
    if len(frame) < MINIMUM_ROWS or not bins:
        raise InsufficientEvidence(f"a reference needs at least {MINIMUM_ROWS} rows and one modelled column")
    ordered = in_time_order(frame, contract)
    codes = Encoder(bins).codes(columns_of(ordered, bins))
    timed = contract.time is not None and contract.time in ordered.columns
    seconds = as_numbers(ordered[contract.time], "timestamp") if timed else np.full(len(ordered), np.nan)
    late = next((place for place, column in enumerate(bins) if column.name == _late(contract, policy)), None)
    layout = _planned(codes, bins, contract, late)
    if late is not None:
        codes[late] = MISSING
    found = calibrated(codes, seconds, bins, layout, policy, contract.time)
    return found if late is None else replace(found, late=bins[late].name)


def _late(contract: Contract, policy: DriftPolicy) -> str | None:
    return contract.policy.target if policy.late_labels else None


def in_time_order(frame: "pd.DataFrame", contract: Contract) -> "pd.DataFrame":
    """The rows by the contract's time column, stably; as given where the frame has none."""
    from schemas.table import conform

    if contract.time is None or contract.time not in frame.columns:
        return frame
    times = conform(frame[[contract.time]], contract, roles=("time",)).table[contract.time]
    return frame.iloc[np.argsort(times.to_numpy(dtype=object if times.dtype == object else None), kind="stable")]


def _planned(codes: Codes, bins: tuple[ColumnBins, ...], contract: Contract, late: int | None) -> Layout:
    """What is counted; of column ``late`` no pair, no triple and no group, which would stay empty."""
    names = [column.name for column in bins]
    marginals = [np.bincount(row, minlength=column.size) for row, column in zip(codes, bins, strict=True)]
    policy = contract.policy
    counted = [name for place, name in enumerate(names) if place != late]
    groups = tuple(names.index(name) for name in dict.fromkeys(policy.subgroups) if name in counted)
    triples = tuple(
        (names.index(one), names.index(two), names.index(three))
        for one, two, three in policy.triples
        if {one, two, three} <= set(counted)
    )
    first = tuple(names.index(name) for name in (policy.target,) if name in counted)
    public = policy.generation.counts == "public_bins"
    levels = tuple(public_column(contract.column(name)).levels for name in names) if public else None
    return lay_out(marginals, bins, groups, triples, first, levels, late)


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
    counts = totals(codes, layout, limits, own, len(periods))
    layout = replace(layout, pair_blocks=_pair_blocks(counts[0], layout, block_rows))
    scorings = scorings_of(counts, layout, bins, block_rows, counts[0])
    cells = rare_cells(layout, counts[0])
    centre, spread, rare = calibration(codes, layout, limits, own, scorings, cells)
    columns = varied(spread, scorings[0].channels, len(bins))
    rates, clumping = rates_of(rare, counts[0], cells, layout, bins, columns, block_rows)
    return Reference(
        bins, layout, block_rows, policy.season, time, periods, counts, centre, spread, rates, clumping
    )  # fmt: skip


def _pair_blocks(counts: Integers, layout: Layout, block_rows: int) -> int:
    """Over how many blocks pairs are counted; ``counts`` (cells,) are the reference's."""
    rows, section = max(1, int(counts[layout.column_cells(0)].sum())), layout.paired
    blocks = max(1, min(_PAIR_ROWS, rows // _FEWEST_BLOCKS) // block_rows)
    most = float(counts[section.first : section.stop].max(initial=0)) / rows
    while blocks > 1:
        together = blocks * block_rows
        if min(together, together * most + _SURE * np.sqrt(together * most * (1 - most))) <= _BYTE:
            break
        blocks -= 1
    return blocks
