"""Has the stream left its release? One private answer, for one epsilon, however many windows are looked at.

AboveThreshold in the form of Lyu, Su and Li 2017 (algorithm 1, c = 1, no numeric answers): one noisy threshold for the
whole run, fresh noise for every query, and an end at the first "yes". With a statistic of whole steps that one unit
moves by at most S (``departure.py``), discrete Laplace noise of scale b1 on the threshold and b2 on each query gives
pure epsilon-differential privacy for epsilon = S/b1 + 2S/b2; their proof shifts the threshold's noise by S and the last
query's by 2S, both whole steps here. The parts are 1 : 2^(2/3) (their section 4.2).

*What a neighbouring stream is.* A row more or a row less within the messages of the stream; how rows are packed into
messages, and when the broker took these, is as public as the clock. Windows are spans of the broker's time at
multiples of ``window_seconds``: a row falls into one window, and no other row moves with it. Queries compare sums of
1, 2, 4, ... windows: a row is in each sum once. Queries may depend on earlier answers and on public releases, so a run
may go on against a newer release. That other mechanisms read the same rows meanwhile costs no more than their
composition (Vadhan and Zhang 2023).

*What is told.* That it fired, and after which window. Not by how much: the statistic with the noise that the
comparison used is not covered by the proof (Lyu, Su and Li 2017, section 3).

*Noise on retry.* Both noises come from a keyed stream: the threshold's under the grant, a query's under the grant, the
window and a digest of what was counted. A replay repeats the answer; other counts draw fresh noise, which is one more
query, and queries before the first "yes" are free.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from generators.private.noise import NoiseStream, discrete_laplace
from schemas.drift import DriftPolicy
from schemas.errors import ContractError, InputError
from schemas.events.base import derive_id
from schemas.events.budget import TriggerGrant
from schemas.events.sources import DriftDetected, SourceRef
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.packing import pack, unpack
from stream_app.core.drift.private.departure import SENSITIVITY, STEPS, Departure
from stream_app.core.drift.reference import Reference

DETECTOR = "perennial-private-1"
SCALES = 6
"""Sums of up to 1, 2, 4, ... 32 windows are compared at each look."""

_THRESHOLD_PART = Fraction(38_649, 100_000)
"""1 / (1 + 2^(2/3))."""
_LARGEST_SCALE = 2**40
_SECRET = 32
_MOST_ODDS = 0.5


@dataclass(frozen=True, slots=True)
class Fired:
    """The answer: rows that the broker took from ``start`` to before ``end`` (milliseconds) complete the evidence.

    ``looks`` is how many windows the run had looked at, this one included.
    """

    grant_id: str
    start: int
    end: int
    looks: int
    threshold_rows: float


@dataclass(frozen=True)
class Noises:
    """The scales of both noises, and the public threshold, in steps."""

    threshold_scale: int
    query_scale: int
    threshold: int

    @classmethod
    def of(cls, epsilon: str, odds: float) -> "Noises":
        """For an epsilon in decimals; the threshold is passed by noise alone with at most ``odds``.

        Raises ``InputError`` on an epsilon of 0, or one so small that noise drowns every window.
        """
        whole = Fraction(Decimal(epsilon))
        if whole <= 0:
            raise InputError("a private test needs an epsilon above 0")
        first = math.ceil(SENSITIVITY / (whole * _THRESHOLD_PART))
        second = math.ceil(2 * SENSITIVITY / (whole * (1 - _THRESHOLD_PART)))
        if max(first, second) > _LARGEST_SCALE:
            raise InputError("the epsilon of a private test is too small: its noise would drown every window")
        return cls(first, second, threshold_for(first, second, odds))

    @property
    def epsilon(self) -> Fraction:
        """What a run costs, exactly."""
        return Fraction(SENSITIVITY, self.threshold_scale) + Fraction(2 * SENSITIVITY, self.query_scale)


@lru_cache(maxsize=256)
def threshold_for(first: int, second: int, odds: float) -> int:
    """The least threshold that the difference of two Laplace noises of these scales exceeds with at most ``odds``.

    The tail of the continuous difference, (b^2 e^(-t/b) - a^2 e^(-t/a)) / (2 (b^2 - a^2)) with b > a; the lattice is so
    fine (over a thousand steps to a row) that the discrete tail is the same to a part in a thousand. The threshold has
    no part in the privacy, only in the rate of false alarms.
    """
    small, large = sorted((float(first), float(second)))
    large = max(large, small * (1 + 1e-6))

    def tail(at: float) -> float:
        near, far = large * large * math.exp(-at / large), small * small * math.exp(-at / small)
        return (near - far) / (2 * (large * large - small * small))

    low, high = 0.0, large * (math.log(1 / odds) + 10)
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle) > odds else (low, middle)
    return math.ceil(high)


class PrivateTrigger:
    """One run of the private test: counts go in with the broker's time, at most one answer comes out.

    ``release`` is the reference that the released table gives, and nothing else: its bins and layout are as public as
    the table. ``secret`` is the trigger's own, of 32 bytes at least. The odds of a false answer are met each look: half
    of them by the sampling of rows, half by the noise.
    """

    def __init__(self, grant: TriggerGrant, release: Reference, policy: DriftPolicy, secret: bytes) -> None:
        if len(secret) < _SECRET:
            raise InputError(f"the secret of a private test has at least {_SECRET} bytes")
        self.grant, self.policy, self._secret = grant, policy, secret
        self.fired: Fired | None = None
        self.looks = 0
        self._follow(release)

    def _follow(self, release: Reference) -> None:
        half, policy = odds_of(self.policy) / 2, self.policy
        ordered = tuple(column.kind == "numeric" for column in release.bins)
        released = release.counts[0].astype(np.int64)
        self._departure = Departure(
            release.layout, ordered, released, policy.window_rows, policy.tolerance, half, SCALES
        )
        self._noises = Noises.of(self.grant.epsilon, half)
        self.release = release
        self._sums = np.zeros((SCALES, release.layout.cells), dtype=np.int64)
        self._whole = 0
        self._open: int | None = None

    def rebase(self, grant: TriggerGrant, release: Reference) -> None:
        """Go on against a newer release, under a renewal of the same grant; what was counted before is forgotten."""
        if (grant.grant_id, grant.epsilon) != (self.grant.grant_id, self.grant.epsilon):
            raise InputError("a renewal is of the same grant")
        self.grant = grant
        self._follow(release)

    @property
    def threshold_rows(self) -> float:
        """The public threshold, in rows beyond what chance and the tolerance explain."""
        return self._noises.threshold * self._departure.moved / STEPS

    @cached_property
    def _threshold_noise(self) -> int:
        """In steps, the same for the whole of a grant."""
        return self._laplace("threshold", self._noises.threshold_scale)

    def take(self, counts: Integers, at: int) -> Fired | None:
        """Count one message that the broker took ``at`` (milliseconds since 1970), having looked at a window it ends.

        ``counts`` are of inserted rows alone: a delete would be a second say of the same row. Raises ``InputError`` on
        counts of another layout; nothing is changed then.
        """
        if counts.shape != (self._sums.shape[1],) or (counts.size and int(counts.min()) < 0):
            raise InputError("these are no counts of rows on the released table's layout")
        answer = self.pass_time(at)
        if self.fired is None:
            number = at // self._span
            self._open = number if self._open is None else max(self._open, number)
            self._sums += counts
        return answer

    def pass_time(self, at: int) -> Fired | None:
        """Look at the open window if it has ended by ``at``."""
        if self.fired is not None or self._open is None or at // self._span <= self._open:
            return None
        number, self._open = self._open, None
        self.looks += 1
        if self._answer(number):
            start, end = number * self._span, (number + 1) * self._span
            self.fired = Fired(self.grant.grant_id, start, end, self.looks, self.threshold_rows)
            self._sums[:] = 0
            return self.fired
        self._whole += 1
        for scale in range(SCALES):
            if self._whole % 2**scale == 0:
                self._sums[scale] = 0
        return None

    def _answer(self, number: int) -> bool:
        statistic = max(self._departure.of(counts) for counts in self._sums)
        seen = hashlib.sha256(self.grant.release_id.encode() + self._sums.tobytes()).hexdigest()
        noise = self._laplace(f"window/{number}/{seen}", self._noises.query_scale)
        return statistic + noise >= self._noises.threshold + self._threshold_noise

    def _laplace(self, label: str, scale: int) -> int:
        stream = NoiseStream(self._secret, f"private-trigger/{self.grant.grant_id}/{label}")
        return int(discrete_laplace(stream, scale, 1)[0])

    @property
    def _span(self) -> int:
        return self.policy.window_seconds * 1000

    def to_json(self) -> str:
        """The state: counts of rows, so it is kept where the stream's other counts are, and holds no noise."""
        fired = None if self.fired is None else [getattr(self.fired, name) for name in Fired.__slots__]
        return json.dumps(
            {
                "grant": self.grant.document(),
                "policy": self.policy.document(),
                "looks": self.looks,
                "whole": self._whole,
                "open": self._open,
                "fired": fired,
                "release": self.release.digest,
                "sums": pack(self._sums),
            }
        )

    @classmethod
    def from_json(cls, text: str, release: Reference, secret: bytes) -> "PrivateTrigger":
        """The run that ``to_json`` wrote, against the same release and with the same secret; else ``ContractError``."""
        try:
            state: dict[str, Any] = json.loads(text)
            if state["release"] != release.digest:
                raise ValueError
            grant = TriggerGrant.from_document(state["grant"])
            trigger = cls(grant, release, DriftPolicy.from_document(state["policy"]), secret)
            sums = unpack(state["sums"])
            if sums.shape != trigger._sums.shape or sums.dtype != np.int64 or sums.min(initial=0) < 0:
                raise ValueError
            trigger._sums, trigger.looks, trigger._whole = sums, int(state["looks"]), int(state["whole"])
            trigger._open = None if state["open"] is None else int(state["open"])
            trigger.fired = None if state["fired"] is None else Fired(*state["fired"])
        except (ValueError, KeyError, TypeError, AttributeError, InputError):
            raise ContractError("not the state of a private test") from None
        return trigger


def odds_of(policy: DriftPolicy) -> float:
    """The chance of a false answer that the contract accepts for one window."""
    return min(_MOST_ODDS, policy.alarms_per_million * policy.window_rows / 1e6)


def drift_event(dataset: str, fired: Fired, policy: DriftPolicy, window: SourceRef | None) -> DriftDetected:
    """The event of an answer: public figures only, neither what moved nor by how much; a replay repeats its id."""
    rows = fired.looks * policy.window_rows
    return DriftDetected(
        event_id=derive_id("private-drift", fired.grant_id, "sealed" if window else "seen"),
        dataset=dataset,
        kind="withheld",
        columns=(),
        effect=fired.threshold_rows / policy.window_rows,
        effect_unit="share of a window (the public threshold, not what was measured)",
        said="a private test says that live rows left the release; which columns, and by how much, is not told",
        statistic=fired.threshold_rows,
        threshold=fired.threshold_rows,
        row=rows,
        since_row=0,
        detector=DETECTOR,
        window=window,
        grant=fired.grant_id,
    )
