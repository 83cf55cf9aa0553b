"""Watch a stream of rows for the point where it leaves its reference.

Every block of rows gives one standardised score a channel; each channel runs the policy's sequential test on them
(Page's cumulative sum unless told otherwise), two-sided where the score has a sign. Rare cells (new categories, seldom
missing ones) run Poisson tails over 1, 4 and 16 blocks instead, whatever the detector.

One change gives one event: after a detection nothing is reported until ``settle_rows`` rows since the change have
been seen; these become the new baseline (learnt spreads are kept as lower bounds), and watching goes on against it. A
new snapshot's reference replaces it at any time (``rebase``).
"""

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.drift import DriftPolicy
from schemas.errors import ContractError
from stream_app.core.drift.bins import Codes, Floats
from stream_app.core.drift.change import began, effect_of
from stream_app.core.drift.detectors import sequential_tests
from stream_app.core.drift.packing import pack, unpack
from stream_app.core.drift.reference import Reference, calibrate, spreads
from stream_app.core.drift.scores import Channel, count, rare, scores
from stream_app.core.drift.sign import DriftSign
from stream_app.core.drift.thresholds import WINDOWS, poisson_tail, rare_threshold

if TYPE_CHECKING:
    import pandas as pd

_AT_ONCE = 16
_COUPLED = 0.5
"""A marginal this near its threshold, relative to the strongest channel, explains a pair or subgroup that passes."""

_COUPLED_SUBGROUP = 0.85
"""Nearer, for a change of everyone always shows more in the whole column than in a part of its rows."""


class Tracker:
    """The state of one stream against one reference: a pure function of reference, policy and rows in order.

    How rows are grouped into calls of ``observe`` makes no difference. The state holds binned codes of recent rows
    and no raw value; ``to_json`` and ``from_json`` carry it over a restart (except with River's detectors).
    """

    def __init__(self, reference: Reference, policy: DriftPolicy | None = None) -> None:
        self.policy = policy or DriftPolicy()
        self.rows = 0
        self._pending = np.zeros((0, len(reference.baseline.bins)), dtype="uint8")
        self._floor: dict[Channel, float] = {}
        self._learnt: Codes | None = None
        self._original = reference
        self.rebase(reference)

    def rebase(self, reference: Reference) -> None:
        """Watch against ``reference`` from the next row on; rows keep their numbers. It must have the same columns."""
        if [column.name for column in reference.baseline.bins] != [
            column.name for column in self._original.baseline.bins
        ]:
            raise ContractError("a new reference must have the columns of the old one: start a new tracker")
        if reference is not self._original:
            self.rows += len(self._pending)
            self._pending = self._pending[:0]
        self._original, self._learnt = reference, None
        self._floor = self._earlier_floor = spreads(reference)
        self._watch(reference)

    def _watch(self, reference: Reference) -> None:
        self.reference = reference
        self._channels = reference.channels
        signed = np.asarray([channel.signed for channel in self._channels], dtype=bool)
        self._tests = sequential_tests(self.policy, signed, reference.block_rows, reference.blocks)
        budget = self.policy.alarms_per_million
        self._rare_height = rare_threshold(len(reference.rates), reference.block_rows, budget)
        self._rare = np.zeros((max(WINDOWS), len(reference.rates)), dtype="int64")
        self._recent = np.zeros((0, len(reference.baseline.bins)), dtype="uint8")
        self._settling = False

    @property
    def settling(self) -> bool:
        """True from a detection until its new baseline is learnt."""
        return self._settling

    @property
    def score(self) -> float:
        """The largest statistic of all channels over its threshold; 1 and more is an alarm."""
        rare_strength = self._rare_tails()[0] / self._rare_height
        return max(float(self._tests.strength().max(initial=0)), float(rare_strength.max(initial=0)))

    def observe(self, block: "pd.DataFrame") -> tuple[DriftSign, ...]:
        """Take the next rows of the stream; the changes found in them, in order. Cells are encoded, never kept raw."""
        codes = np.concatenate([self._pending, self._original.encode(block)])
        found: list[DriftSign] = []
        while len(codes) >= self.reference.block_rows:
            size = self.reference.block_rows
            number = 1 if self._settling else min(_AT_ONCE, len(codes) // size)
            taken = self._settle(codes[:size]) if self._settling else self._advance(codes[: number * size], found)
            codes = codes[taken:]
        self._pending = codes
        return tuple(found)

    def _advance(self, codes: Codes, found: list[DriftSign]) -> int:
        """Score whole blocks, until one gives a sign; how many rows were used."""
        reference, size = self.reference, self.reference.block_rows
        counts = count(codes.reshape(-1, size, codes.shape[1]), reference.baseline)
        table = (
            scores(counts, reference.baseline, size / reference.baseline.rows) - reference.centre
        ) / reference.spread
        cells = rare(counts, reference.baseline)
        for number in range(len(table)):
            self._recent = np.concatenate([self._recent, codes[number * size : (number + 1) * size]])[
                -self.policy.settle_rows :
            ]
            self._tests.update(table[number])
            self._rare = np.concatenate([self._rare[1:], cells[number][None]])
            self.rows += size
            sign = self._sign()
            if sign is not None:
                found.append(sign)
                kept = self.rows - sign.since_row
                self._recent, self._settling = self._recent[-kept:], True
                return (number + 1) * size
        return len(codes)

    def _sign(self) -> DriftSign | None:
        strength = self._tests.strength()
        tails, windows = self._rare_tails()
        rare_strength = tails / self._rare_height
        if max(strength.max(initial=0), rare_strength.max(initial=0)) < 1:
            return None
        if rare_strength.max(initial=0) >= 1 and rare_strength.max() >= _COUPLED * self._single(strength).max(
            initial=0
        ):
            place = int(np.argmax(rare_strength))
            return self._rare_sign(place, int(windows[place]), float(tails[place]), rare_strength)
        single, strongest = self._single(strength), self._channels[int(np.argmax(strength))]
        needed = _COUPLED_SUBGROUP if strongest.kind == "subgroup" else _COUPLED
        best = (
            int(np.argmax(single))
            if single.max(initial=0) >= needed * max(1.0, strength.max())
            else int(np.argmax(strength))
        )
        channel, height = self._channels[best], self._tests.height
        columns = channel.columns if len(channel.columns) > 1 else self._columns(single, channel.columns[0])
        return self._described(channel, self._start(best), columns, float(strength.max()) * height, height)

    def _start(self, channel: int) -> int:
        """The row from which on the change is looked for; the search goes twice as far back."""
        age = self._tests.age(channel)
        return self.rows - (age * self.reference.block_rows if age is not None else (len(self._recent) + 1) // 2)

    def _single(self, strength: Floats) -> Floats:
        """The strength of channels of one column, 0 for the others."""
        alone = [len(channel.columns) == 1 for channel in self._channels]
        return np.where(np.asarray(alone, dtype=bool), strength, 0.0)

    def _columns(self, single: Floats, first: int) -> tuple[int, ...]:
        """All columns of which a channel is past its threshold or half as strong as the strongest, strongest first."""
        limit = max(1.0, _COUPLED * float(single.max()))
        order = [
            self._channels[place].columns[0] for place in np.argsort(-single, kind="stable") if single[place] >= limit
        ]
        return tuple(dict.fromkeys([first, *order]))

    def _rare_tails(self) -> tuple[Floats, "np.ndarray[Any, np.dtype[np.int64]]"]:
        reference = self.reference
        tails = np.stack(
            [
                poisson_tail(
                    self._rare[-window:].sum(axis=0) / reference.clumping,
                    window * reference.block_rows * reference.rates / reference.clumping,
                )
                for window in WINDOWS
            ]
        )
        return tails.max(axis=0), np.asarray(WINDOWS)[tails.argmax(axis=0)]

    def _rare_sign(self, place: int, window: int, tail: float, strength: Floats) -> DriftSign:
        bins = self.reference.baseline.bins
        column = place % len(bins)
        new = place >= len(bins)
        channel = Channel(
            "missingness" if not new else "new_category" if bins[column].kind == "categorical" else "marginal",
            (column,),
            True,
        )
        others = [
            int(other) % len(bins)
            for other in np.argsort(-strength, kind="stable")
            if strength[other] >= 1 and (other >= len(bins)) == new
        ]
        start = max(0, self.rows - window * self.reference.block_rows)
        return self._described(channel, start, tuple(dict.fromkeys([column, *others])), tail, self._rare_height)

    def _described(
        self, channel: Channel, start: int, columns: tuple[int, ...], statistic: float, threshold: float
    ) -> DriftSign:
        baseline = self.reference.baseline
        offset = self.rows - len(self._recent)
        since = offset + began(self._recent, start - offset, channel, baseline) if start >= offset else start
        effect, correlation = effect_of(self._recent[max(0, since - offset) :], channel, baseline)
        return DriftSign(
            self.rows,
            since,
            channel.kind,
            tuple(baseline.bins[place].name for place in columns),
            effect,
            "correlation" if correlation else "total_variation",
            statistic,
            threshold,
        )

    def _settle(self, codes: Codes) -> int:
        """Gather rows since the change; once there are enough, learn the new baseline from them and watch again."""
        self._recent = np.concatenate([self._recent, codes])
        self.rows += len(codes)
        if len(self._recent) >= self.policy.settle_rows:
            self._relearn(self._recent[-self.policy.settle_rows :])
        return len(codes)

    def _relearn(self, codes: Codes) -> None:
        old = self._original.baseline
        self._learnt, self._earlier_floor = codes, self._floor
        fresh = calibrate(codes, old.bins, old.subgroups, self.policy, old.paired, self._floor)
        self._floor = self._floor | {
            channel: max(spread, self._floor.get(channel, 1.0)) for channel, spread in spreads(fresh).items()
        }
        self._watch(fresh)

    def to_json(self) -> str:
        """Everything but the reference: binned codes, sums and counters.

        Raises ``ContractError`` with a detector of River: rebuild such a tracker from the rows.
        """
        arrays = {"pending": self._pending, "rare": self._rare, "recent": self._recent}
        # As it was before the last baseline was learnt: that is learnt again when the state is read.
        floor = [
            [channel.kind, channel.columns, channel.signed, spread] for channel, spread in self._earlier_floor.items()
        ]
        return json.dumps(
            {
                "rows": self.rows,
                "settling": self._settling,
                "policy": self.policy.document(),
                "floor": floor,
                "learnt": None if self._learnt is None else pack(self._learnt),
                "tests": {name: pack(array) for name, array in self._tests.state().items()},
                **{name: pack(array) for name, array in arrays.items()},
            }
        )

    @classmethod
    def from_json(cls, text: str, reference: Reference) -> "Tracker":
        """The tracker that ``to_json`` wrote, against the same reference; else ``ContractError``."""
        try:
            state: dict[str, Any] = json.loads(text)
            tracker = cls(reference, DriftPolicy.from_document(state["policy"]))
            floor = {Channel(kind, tuple(columns), signed): spread for kind, columns, signed, spread in state["floor"]}
            tracker._floor = tracker._earlier_floor = floor
            if state["learnt"] is not None:
                tracker._relearn(unpack(state["learnt"]))
            for name in ("pending", "rare", "recent"):
                setattr(tracker, f"_{name}", unpack(state[name]))
            tracker._tests.restore({name: unpack(packed) for name, packed in state["tests"].items()})
            tracker.rows, tracker._settling = int(state["rows"]), bool(state["settling"])
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            raise ContractError("not the state of a tracker") from None
        return tracker
