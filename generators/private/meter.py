"""The meter: every look at the data goes through here, is paid for from the grant, and is recorded."""

import hashlib
import math
from collections import Counter

import numpy as np

from generators.arrays import Floats, Ints
from generators.private.choosing import exponential_choice, range_of
from generators.private.noise import NoiseStream, noisy_counts
from schemas.accounting import gaussian_budget
from schemas.errors import BudgetError
from schemas.mechanism import Gaussian, Mechanism

SLACK = 1e-7
"""Left over on purpose, so that rounding can never take the recorded sum above the grant."""


class Meter:
    """Answers count queries with discrete Gaussian noise, within one granted budget.

    The grant is mu^2 = sum of count / noise_multiplier^2; a query that spends the share s of it gets the noise
    multiplier 1 / (mu sqrt(s)). One privacy unit moves a table of counts by at most ``max_rows`` in L2, and a projected
    table by that times ``sensitivity``. ``key`` must depend on the data as well as on the secret: the same noise on two
    different tables would cancel in their difference.
    """

    def __init__(self, granted: tuple[Mechanism, ...], key: bytes, max_rows: int) -> None:
        self.budget = gaussian_budget(granted)
        if self.budget <= 0:
            raise BudgetError("a formally private fit needs a granted mechanism")
        self._key, self._max_rows, self._spent = key, max_rows, 0.0
        self._runs: Counter[float] = Counter()
        self._labels: set[str] = set()

    @property
    def mu(self) -> float:
        """The grant as the Gaussian mechanism's mu, per row: what one count may be known by."""
        return math.sqrt(self.budget) / self._max_rows

    @property
    def left(self) -> float:
        """The share of the grant that is not spent."""
        return 1 - self._spent / self.budget

    @property
    def recorded(self) -> tuple[Mechanism, ...]:
        """What was run so far; equal noise multipliers are one entry with a count."""
        return tuple(Gaussian(noise_multiplier=noise, count=count) for noise, count in sorted(self._runs.items()))

    def deviation(self, share: float, sensitivity: float = 1.0) -> float:
        """The standard deviation that a query of this share will get, in counts; ``sensitivity`` as in ``measure``."""
        return sensitivity / (self.mu * math.sqrt(share * (1 - SLACK)))

    def measure(
        self, label: str, counts: Ints, share: float, sensitivity: float = 1.0, unit: int = 1
    ) -> tuple[Floats, float]:
        """Noisy counts and their standard deviation; raises ``BudgetError`` beyond the grant or on a label used twice.

        ``counts`` are whole numbers of 1/``unit`` rows; one privacy unit moves them by ``sensitivity`` x ``max_rows``
        rows in L2.
        """
        noise = self._paid(label, share)
        noisy, sigma = noisy_counts(self._key, label, counts, noise * self._max_rows * sensitivity * unit)
        return noisy / unit, sigma / unit

    def choose(self, label: str, scores: Ints, share: float, sensitivity: float = 1.0) -> int:
        """The index of a high score, by the exponential mechanism; recorded as the Gaussian that dominates it.

        One row moves no score by more than ``sensitivity``. Raises ``BudgetError`` as ``measure`` does.
        """
        epsilon = range_of(1 / self._paid(label, share))
        weight = epsilon / (2 * sensitivity * self._max_rows)
        return exponential_choice(NoiseStream(self._key, label), scores, weight)

    def _paid(self, label: str, share: float) -> float:
        """The noise multiplier that the share buys, once it is on the record."""
        noise = 1 / math.sqrt(self.budget * share * (1 - SLACK))
        if self._spent + 1 / noise**2 > self.budget or label in self._labels:
            raise BudgetError("a query would exceed the grant, or repeat another's noise")
        self._spent += 1 / noise**2
        self._labels.add(label)
        self._runs[noise] += 1
        return noise


def noise_key(seed: bytes, context: bytes, codes: list[Ints]) -> bytes:
    """32 bytes that depend on the secret seed, on what was asked for, and on the data: a pseudo-random function of all
    three.
    """
    state = hashlib.blake2b(key=seed[:64], digest_size=32, person=b"perennial-fit")
    state.update(len(context).to_bytes(8, "little") + context)
    for column in codes:
        state.update(len(column).to_bytes(8, "little") + np.ascontiguousarray(column, dtype="<i8").tobytes())
    return state.digest()
