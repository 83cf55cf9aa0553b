"""Wished shares of columns that a chain draws late: rows are given up as soon as the column is reached, not at the end.

A chain knows the chance of a value given the columns before it. Rows with the value come from prefixes that are kept
with that chance over the highest one (rejection sampling with an empirical supremum, Caffo, Booth and Davis 2002), all
others from prefixes whose own draw was another value; so what is drawn given the value is the chain's own. Only columns
up to the wished one are drawn for rows that are given up, and nothing of them is turned into values.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from generators.arrays import Floats, Ints

PILOT = 4_096
ROUNDS, LARGEST = 24, 200_000
SPARE = 1.1


class Chain(Protocol):
    """Columns drawn one after the other into (rows, columns) codes."""

    def blank(self, rows: int) -> Ints:
        """Rows in which nothing is drawn yet."""

    def extend(self, codes: Ints, start: int, stop: int | None, rng: np.random.Generator) -> None:
        """Draw the steps from ``start`` to ``stop`` (to the end) in place."""

    def chances(self, codes: Ints, step: int, code: int) -> Floats:
        """(rows,) the chance that each row gets ``code`` at ``step``, given the steps before."""

    def place(self, step: int) -> int:
        """The column that a step draws."""


@dataclass(frozen=True, slots=True)
class Steer:
    """``code`` has ``share`` of the rows at ``step``."""

    step: int
    code: int
    share: float


@dataclass(slots=True)
class Steering:
    """A chain with steers, in order of their steps."""

    chain: Chain
    steers: Sequence[Steer]
    _known: dict[int, tuple[float, float]] = field(default_factory=dict)

    def drawn(self, rows: int, rng: np.random.Generator) -> Ints:
        """(rows, columns) codes. The last steer has its share as far as it can be had; those before have theirs among
        the prefixes that it chooses from.
        """
        return self._upto(rows, len(self.steers), None, rng)

    def _upto(self, rows: int, steers: int, stop: int | None, rng: np.random.Generator) -> Ints:
        """Rows drawn up to the step ``stop``, by the first ``steers`` steers."""
        start = 0
        codes = self.chain.blank(rows)
        if steers:
            codes = self._steered(rows, steers - 1, rng)
            start = self.steers[steers - 1].step + 1
        self.chain.extend(codes, start, stop, rng)
        return codes

    def _steered(self, rows: int, number: int, rng: np.random.Generator) -> Ints:
        """Rows drawn up to and with a steer's step, the value in its share."""
        steer = self.steers[number]
        highest, mean = self._chances(number, rng)
        wished = int(rng.binomial(rows, steer.share)) if mean > 0 else 0
        place = self.chain.place(steer.step)

        def having(codes: Ints) -> Ints:
            chances = self.chain.chances(codes, steer.step, steer.code)
            kept: Ints = codes[rng.random(len(codes)) * highest < chances]
            kept[:, place] = steer.code
            return kept

        def lacking(codes: Ints) -> Ints:
            self.chain.extend(codes, steer.step, steer.step + 1, rng)
            kept: Ints = codes[codes[:, place] != steer.code]
            return kept

        parts = self._kept(wished, mean / highest if highest else 0.0, having, number, rng)
        parts += self._kept(rows - wished, 1 - mean, lacking, number, rng)
        short = rows - sum(map(len, parts))
        if short:
            rest = self._upto(short, number, steer.step, rng)
            self.chain.extend(rest, steer.step, steer.step + 1, rng)
            parts.append(rest)
        return np.concatenate(parts)[rng.permutation(rows)]

    def _kept(
        self, rows: int, rate: float, keep: Callable[[Ints], Ints], number: int, rng: np.random.Generator
    ) -> list[Ints]:
        """At most ``rows`` rows that ``keep`` leaves of prefixes, in ``ROUNDS`` rounds at most."""
        parts: list[Ints] = []
        for _ in range(ROUNDS if rate > 0 else 0):
            if rows <= 0:
                break
            size = int(min(LARGEST, rows / rate * SPARE + 64))
            parts.append(keep(self._upto(size, number, self.steers[number].step, rng))[:rows])
            rows -= len(parts[-1])
        return parts

    def _chances(self, number: int, rng: np.random.Generator) -> tuple[float, float]:
        """The highest and the mean chance of a steer's value, of a few thousand prefixes."""
        if number not in self._known:
            steer = self.steers[number]
            chances = self.chain.chances(self._upto(PILOT, number, steer.step, rng), steer.step, steer.code)
            self._known[number] = float(chances.max()), float(chances.mean())
        return self._known[number]
