"""Watch a stream of rows for the point where it leaves its reference.

Every block of rows gives one standardised score a channel; each channel runs the policy's sequential test on them
(Page's cumulative sums at several scales unless told otherwise), two-sided where the score has a sign. Rare cells (new
categories, seldom missing ones) run Poisson tails over 1, 4 and 16 blocks instead, whatever the detector.

One change gives one event: after a detection nothing is reported until ``settle_rows`` more rows have been seen; these
become the new baseline (learnt spreads stay, and the slots that they belong to), and watching goes on against it. A new
snapshot's reference replaces it at any time (``rebase``).
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from schemas.drift import DriftPolicy
from schemas.errors import ContractError
from stream_app.core.drift.blocks import Block, Blocks, counted, times_of
from stream_app.core.drift.coding.bins import Codes, Floats
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.counts.recent import Recent
from stream_app.core.drift.counts.tables import Tables
from stream_app.core.drift.detectors.detectors import sequential_tests, slow_scan
from stream_app.core.drift.detectors.rare import RareTests
from stream_app.core.drift.detectors.sequential import SequentialTests, State
from stream_app.core.drift.detectors.slow_scan import SlowScan
from stream_app.core.drift.detectors.tails import tails_of
from stream_app.core.drift.learning.baseline import Baseline, all_anew, cells_of, fewest_rows
from stream_app.core.drift.learning.relearning import moved, relearnt
from stream_app.core.drift.learning.settling import Settling
from stream_app.core.drift.packing import pack, unpack
from stream_app.core.drift.reference import Reference, scorings_of
from stream_app.core.drift.scoring.scoring import Off, Scoring
from stream_app.core.drift.scoring.whole_numbers import MOST
from stream_app.core.drift.sign import DriftSign
from stream_app.core.drift.telling.describing import described, rare_sign
from stream_app.core.drift.waiting import Waiting

if TYPE_CHECKING:
    import pandas as pd

_AT_ONCE, _CELLS_AT_ONCE = 128, 1 << 22
"""Blocks, and their cells, that are scored at once at most: what was scored beyond a sign is scored anew."""

_MOST_ROWS = 1 << 62


class _Run(NamedTuple):
    """Neighbouring blocks of one ``period``: their counts, first ``rows`` and ``times``, NaN for none."""

    period: int
    counts: Tables
    firsts: Integers
    rows: Integers
    times: Floats


class Tracker:
    """The state of one stream against one reference: a pure function of reference, policy and blocks in order.

    How rows are grouped into calls of ``observe`` makes no difference. The state holds counts, and codes of less than a
    block of rows, and no raw value; ``to_json`` and ``from_json`` carry it over a restart (except with ADWIN).
    """

    def __init__(self, reference: Reference, policy: DriftPolicy | None = None) -> None:
        self.policy = policy or DriftPolicy()
        self.rows = 0
        self._original = reference
        self.rebase(reference)

    def rebase(self, reference: Reference) -> None:
        """Watch against ``reference`` from the next row on; rows keep their numbers. It must have the same columns."""
        if [column.name for column in reference.bins] != [column.name for column in self._original.bins]:
            raise ContractError("a new reference must have the columns of the old one: start a new tracker")
        self._original = reference
        self._waiting = Waiting(reference)
        cut, spread = reference.cut_of(reference.spread), reference.spread
        tails = tails_of(reference.scorings[0], reference.counts[0], cut, spread)
        self._slow = slow_scan(self.policy, reference.channels, reference.block_rows, reference.blocks, tails)
        self._first: tuple[tuple[Scoring, ...], Off] | None = None
        self._settle_rows = fewest_rows(self.policy.settle_rows, reference.block_rows)
        self._watch(Baseline(reference.counts), reference.spread)

    def _watch(self, baseline: Baseline, spread: Floats) -> None:
        reference, layout, policy = self._original, self._original.layout, self.policy
        self._baseline, self._spread, counts = baseline, spread, baseline.counts
        cut = reference.cut_of(spread)
        self._off = Off(reference.centre, 1 / spread, cut)
        same = counts is reference.counts
        self._scorings = reference.scorings if same else self._scorings_of(counts, baseline.rows)
        self._blocks = baseline.blocks(self._scorings[0], layout, reference.block_rows)
        self._tails = tails_of(self._scorings[0], counts[0], cut, spread)
        self._tests = self._fresh_tests()
        rates = reference.rates if same else np.maximum(reference.rates, _upper(baseline, reference))
        self._rare = RareTests(rates, reference.clumping, reference.block_rows, policy.alarms_per_million)
        self._recent = Recent()
        self._remembered = int(layout.fine[-1])
        self._settling: Settling | None = None

    def _fresh_tests(self) -> SequentialTests:
        reference = self._original
        looks = reference.scorings[0].looks
        return sequential_tests(self.policy, reference.channels, reference.block_rows, self._blocks, self._tails, looks)

    def _scorings_of(self, counts: Integers, rows: Integers | None = None) -> tuple[Scoring, ...]:
        own = self._original
        return scorings_of(counts, own.layout, own.bins, own.block_rows, own.counts[0], rows, own.pools)

    @property
    def reference(self) -> Reference:
        """The reference that was given last."""
        return self._original

    @property
    def settling(self) -> bool:
        """True from a detection until its new baseline is learnt."""
        return self._settling is not None

    @property
    def score(self) -> float:
        """The largest statistic of all channels over its threshold; 1 and more is an alarm, which lasts until the
        changed rows are the baseline.
        """
        least = 1.0 if self.settling else 0.0
        return max(least, self._tests.strongest(), self._rare.strongest())

    def observe(self, frame: "pd.DataFrame") -> tuple[DriftSign, ...]:
        """Take the next rows of the stream; the changes found in them, in order. Cells are encoded, never kept raw."""
        return self.observe_codes(self._original.encode(frame), self._original.times_of(frame))

    def observe_codes(self, codes: Codes, seconds: Floats) -> tuple[DriftSign, ...]:
        """As ``observe``, of (columns, rows) codes and their times; rows that are too few for blocks that are counted
        together wait for the next call.
        """
        filled = self._waiting.filled(codes, seconds)
        return () if filled is None else self.take(counted(*filled, self._original))

    def take(self, blocks: Sequence[Block]) -> tuple[DriftSign, ...]:
        """Take counted blocks; short ones are joined with later ones of their period."""
        found: list[DriftSign] = []
        section = self._original.layout.paired
        blocks = Blocks.of(blocks, (section.first, section.stop))
        (ready, firsts), at = self._waiting.joined(blocks, self.rows), 0
        self.rows += int(blocks.rows.sum())
        while at < len(ready):
            if self._settling is not None:
                self._settle(int(firsts[at]), ready[at], found)
                at += 1
            else:
                at += self._advance(_run(ready, firsts, at), found)
        return tuple(found)

    def _advance(self, run: "_Run", found: list[DriftSign]) -> int:
        """Score blocks of one period up to the first that gives a sign; how many were used."""
        rare = self._original.rare.count(run.counts.often)
        most, seldom = self._rare.first(rare, run.rows)
        counts, firsts, scoring = run.counts.part(0, most), run.firsts[:most], self._scorings[run.period]
        scores, sizes = scoring.off(counts, self._off)
        stops = np.where(counts.paired, len(scoring.channels), scoring.often)
        tested = self._tests.update(scores, sizes, firsts, stops)
        raised = tested > 0 and self._tests.raised
        taken = self._scan(run.period, counts.part(0, tested), scores[:tested], firsts[:tested])
        if taken == tested and raised and self._slow is not None:
            self._slow.forget()
        self._rare.update(rare[:taken], run.rows[:taken], firsts[:taken])
        self._remember(run, taken)
        if raised or (seldom and taken == most) or (self._slow is not None and self._slow.passed):
            found.append(self._sign(int(firsts[taken - 1] + run.rows[taken - 1])))
            self._begin_settling(found[-1])
        return taken

    def _remember(self, run: "_Run", taken: int) -> None:
        counts = run.counts.often[:taken, : self._remembered]
        self._recent.add(counts, run.rows[:taken], run.firsts[:taken], run.times[:taken])

    def _scan(
        self, period: int, counts: "Tables | np.ndarray[Any, Any]", scores: Floats | None, firsts: Integers
    ) -> int:
        """Take blocks into the slow scan, against the first reference; how many."""
        if self._slow is None:
            return len(counts)
        if scores is None or self._baseline.counts is not self._original.counts:
            scores = self._against_first(period, counts, self._slow.reach)
        return self._slow.update(scores, firsts)

    def _against_first(self, period: int, counts: "Tables | np.ndarray[Any, Any]", channels: int) -> Floats:
        """(blocks, channels) scores of the first so many channels against the first reference."""
        reference = self._original
        if self._first is None:
            heads = tuple(each.head(channels) for each in reference.scorings)
            cut = reference.cut_of(reference.spread)
            self._first = heads, Off(*(each[:channels] for each in (reference.centre, 1 / reference.spread, cut)))
        heads, off = self._first
        return heads[period].off(counts, off)[0]

    def _sign(self, row: int) -> DriftSign:
        if self._slow is not None and self._slow.passed:
            return self._slow_sign(row, self._slow)
        reference, recent = self._original, self._recent
        return described(
            reference, self._scorings[0], self._baseline.counts[0], self._spread, self._tests, self._rare, recent, row
        )

    def _slow_sign(self, row: int, slow: SlowScan) -> DriftSign:
        """Against the first reference; with no rare cell to explain it."""
        reference = self._original
        rare = RareTests(reference.rates, reference.clumping, reference.block_rows, self.policy.alarms_per_million)
        scoring, before = reference.scorings[0], reference.counts[0]
        sign = described(reference, scoring, before, reference.spread, slow, rare, self._recent, row)
        names = [column.name for column in reference.bins]
        slow.tell(_about(reference, {names.index(name) for name in sign.columns}))
        return replace(sign, onset="gradual")

    def _begin_settling(self, sign: DriftSign) -> None:
        """From here on no state may depend on how far beyond the sign's block the tests had looked."""
        concerned = None
        if not all_anew(self._settle_rows, self._original.block_rows):
            concerned = self._concerned(sign)
            if self._settling is not None and self._settling.concerned is not None:
                concerned |= self._settling.concerned
        self._tests = self._tests.anew()
        self._settling = Settling.begun(self._baseline.counts.shape, len(self._spread), self._rare.counts, concerned)

    def _concerned(self, sign: DriftSign) -> "np.ndarray[Any, np.dtype[np.bool_]]":
        """(cells,) of the tables that the sign, or a test that is past its height, is about."""
        reference = self._original
        names = [column.name for column in reference.bins]
        whole = sign.kind not in ("correlation", "subgroup")
        columns = tuple(names.index(name) for name in sign.columns) if whole else ()
        return cells_of(reference.channels, self._tests.strength() >= 1, columns, reference.layout)

    def _settle(self, first: int, block: Block, found: list[DriftSign]) -> None:
        """Gather rows after the detection; once there are enough, learn the new baseline from them and watch again."""
        settling, reference = self._settling, self._original
        assert settling is not None
        rare = reference.rare.count(block.counts)
        settling.add(block.period, block.rows, block.counts, rare)
        rows, firsts = np.asarray([block.rows]), np.asarray([first])
        self._recent.add(block.counts[None, : self._remembered], rows, firsts, times_of([block.time]))
        heard = np.where(settling.muted, 0, rare)
        self._rare.update(heard[None], rows, firsts)
        self._scan(block.period, block.counts[None], None, firsts)
        if self._slow is not None:
            self._slow.forget()
        if settling.listening and self._rare.alarms(settling.muted):
            found.append(rare_sign(reference, self._baseline.counts[0], self._rare, self._recent, first + block.rows))
            self._begin_settling(found[-1])
            return
        if settling.rows >= self._settle_rows:
            # Whatever one change moved for good was told with it; what came and went may move again.
            if self._slow is not None:
                known = moved(settling.counts, reference, reference.scorings, reference.blocks)
                left = (each for each, is_known in zip(reference.channels, known, strict=True) if is_known)
                self._slow.tell(_about(reference, {each.columns[0] for each in left if len(each.columns) == 1}))
            self._watch(self._learnt(settling), settling.spread(reference.spread))
        elif settling.concerned is None and settling.half is None and settling.rows >= self._settle_rows / 2:
            settling.half = relearnt(self._baseline.counts, settling.counts, reference.layout)
            settling.picture = self._scorings_of(settling.half)

    def _learnt(self, settling: Settling) -> Baseline:
        """The new baseline: the settled rows, or where these are few blocks what they show to have moved."""
        reference, concerned = self._original, settling.concerned
        if concerned is not None:
            beside = moved(settling.counts, reference, self._scorings, self._blocks)
            concerned = concerned | cells_of(reference.channels, beside, (), reference.layout)
        return self._baseline.settled(settling.counts, reference.layout, concerned)

    def to_json(self) -> str:
        """Everything but the reference: counts, sums and codes of less than a block.

        Raises ``ContractError`` with ADWIN, whose state River does not show: rebuild such a tracker from the rows.
        """
        return json.dumps(
            {
                "rows": self.rows,
                "reference": self._original.digest,
                "policy": self.policy.document(),
                "counts": None if self._baseline.counts is self._original.counts else pack(self._baseline.counts),
                "among": None if self._baseline.rows is None else pack(self._baseline.rows),
                "spread": None if self._spread is self._original.spread else pack(self._spread),
                "settling": None if self._settling is None else self._settling.document(),
                "slow": None if self._slow is None else _packed(self._slow.state()),
                **self._waiting.document(),
                "tests": _packed(self._tests.state()),
                "rare": [pack(self._rare.counts), pack(self._rare.rows)],
                "recent": self._recent.document(),
            }
        )

    @classmethod
    def from_json(cls, text: str, reference: Reference) -> "Tracker":
        """The tracker that ``to_json`` wrote, against the same reference; else ``ContractError``."""
        try:
            state: dict[str, Any] = json.loads(text)
            tracker = cls(reference, DriftPolicy.from_document(state["policy"]))
            if state["reference"] != reference.digest:
                raise ValueError
            if state["counts"] is not None:
                spread = reference.spread if state["spread"] is None else unpack(state["spread"])
                among = None if state["among"] is None else unpack(state["among"])
                tracker._watch(Baseline(unpack(state["counts"]), among), spread)
            tracker._restore(state)
        except (ValueError, LookupError, ArithmeticError, TypeError, AttributeError):
            raise ContractError("not the state of a tracker of this reference") from None
        return tracker

    def _restore(self, state: dict[str, Any]) -> None:
        self.rows = int(state["rows"])
        self._waiting = Waiting.from_document(state, self._original)
        self._tests.restore({name: unpack(packed) for name, packed in state["tests"].items()})
        counts, rows = (unpack(each) for each in state["rare"])
        recent = Recent.from_document(state["recent"])
        if (
            not 0 <= self.rows <= _MOST_ROWS
            or counts.shape != self._rare.counts.shape
            or rows.shape != self._rare.rows.shape
            or any(piece.counts.shape != (self._remembered,) for piece in recent.pieces)
        ):
            raise ValueError
        self._rare.counts, self._rare.rows, self._recent = counts, rows, recent
        if self._slow is not None:
            self._slow.restore({name: unpack(packed) for name, packed in state["slow"].items()})
        if state["settling"] is not None:
            self._settling = Settling.from_document(state["settling"])
            if self._settling.half is not None:
                self._settling.picture = self._scorings_of(self._settling.half)


def _run(blocks: Blocks, firsts: Integers, start: int) -> _Run:
    """The blocks from ``start`` on up to the next period's; ``firsts`` are all their first rows."""
    most = max(1, min(_AT_ONCE, _CELLS_AT_ONCE // max(1, blocks.tables.cells)))
    periods = blocks.periods[start : start + most]
    others = np.flatnonzero(periods != periods[0])
    stop = start + (int(others[0]) if len(others) else len(periods))
    own, counts = slice(start, stop), blocks.tables.part(start, stop).narrowed(MOST)
    return _Run(int(periods[0]), counts, firsts[own], blocks.rows[own], blocks.times[own])


def _packed(state: State) -> dict[str, Any]:
    return {name: pack(array) for name, array in state.items()}


def _about(reference: Reference, columns: set[int]) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """(channels,) those of the columns. One that has left the first reference stays away until there is a new one, and
    what a change of its location does to its spread is no other change: that is said once.
    """
    return np.asarray([bool(columns & set(each.columns)) for each in reference.channels], dtype=bool)


def _upper(baseline: Baseline, reference: Reference) -> Floats:
    """(rare cells,) the upper end of what the rates of a new baseline may be."""
    own = reference.rare.count(baseline.counts[0]).astype(np.float64)
    if baseline.rows is None:
        rows: Integers = baseline.counts[0, reference.layout.column_cells(0)].sum(keepdims=True)
    else:
        rows = baseline.rows[0, reference.layout.fine[reference.rare.owners]]
    found: Floats = (own + 3 * np.sqrt(own) + 1) / np.maximum(1, rows)
    return found
