"""Discrete Gaussian noise for gradients: integers on a lattice, milliseconds for a network, no floating-point leak.

The exact sampler of ``generators.private.noise`` takes some fifty times as long. Here a draw is a sum x0 + 2^8 x1
(+ 2^16 x2) of discrete Gaussians of sigma = 2^11, each by one look into an alias table (Walker 1977) of integer
probabilities. Such a sum is the discrete Gaussian of the summed variance up to a factor 1 +- r with r of order
exp(-2 pi^2 8^2), because sigma is eight times the next term's stride (convolution of discrete Gaussians: Peikert 2010;
Micciancio and Walter 2017). What is left is that probabilities are whole multiples of 2^-80 and end at 9.5 sigma: a
draw is off by less than 2^-62 in total variation, 10^8 draws by less than 10^-10, far below any delta in use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from generators.arrays import Words
from generators.private.noise import NoiseStream

SIGMA = 2**11
STRIDE = 2**8
TAIL = 19_456
"""9.5 sigma."""
BINS = 2**16
DEEPEST = 3
CHUNK = 2**14
"""Draws at a time: what stays in a cache is drawn twice as fast."""


@dataclass(frozen=True, slots=True)
class AliasTable:
    """``BINS`` bins of 2^64 each: a 64-bit number below ``threshold`` gives the bin's own value, bin - ``TAIL``, else
    ``other``.

    Numbers are drawn 32 bits at a time: the low half is looked at only where the high one equals the threshold's.
    """

    other: npt.NDArray[np.int32]
    threshold: Words
    high: npt.NDArray[np.uint32]

    def draw(self, stream: NoiseStream, count: int) -> npt.NDArray[np.int32]:
        """``count`` values."""
        bins = stream.words(-(-count // 4)).view(np.uint16)[:count]
        number = stream.words(-(-count // 2)).view(np.uint32)[:count]
        edge = self.high.take(bins)
        below = number < edge
        for tie in np.flatnonzero(number == edge):
            low = int(stream.words(1)[0]) >> 32
            below[tie] = low < int(self.threshold[bins[tie]]) & 0xFFFFFFFF
        drawn = self.other.take(bins)
        own = bins.astype(np.int32)
        own -= TAIL
        own -= drawn
        own *= below  # branches on random bits are slow
        drawn += own
        return drawn


def deviation(levels: int) -> float:
    """The standard deviation of ``lattice_gaussian`` in lattice steps: about 2^19 at two levels, 2^27 at three."""
    return float(SIGMA * sum(STRIDE ** (2 * level) for level in range(levels)) ** 0.5)


def lattice_gaussian(stream: NoiseStream, count: int, levels: int) -> npt.NDArray[np.int32]:
    """``count`` draws of the discrete Gaussian of standard deviation ``deviation(levels)``; the farthest of three
    levels still fits 32 bits.
    """
    table = alias_table()
    drawn = np.zeros(count, dtype=np.int32)
    for start in range(0, count, CHUNK):
        part = drawn[start : start + CHUNK]
        for level in range(levels):
            more = table.draw(stream, part.size)
            more *= STRIDE**level
            part += more
    return drawn


@cache
def alias_table() -> AliasTable:
    """The table of P(z) proportional to exp(-z^2 / (2 SIGMA^2)), built in integers (0.2 s, once a process)."""
    masses = _masses()
    other, threshold = _paired([*masses, *([0] * (BINS - len(masses)))])
    return AliasTable(other - np.int32(TAIL), threshold, (threshold >> np.uint64(32)).astype(np.uint32))


def _masses() -> list[int]:
    """Whole numbers that add up to 2^80, from -TAIL to TAIL; by the recurrence of neighbouring densities."""
    from decimal import Decimal, localcontext

    with localcontext() as context:
        context.prec = 60
        step = (Decimal(-1) / (2 * SIGMA * SIGMA)).exp()
        square = step * step
        ratio, density = step, Decimal(1)
        half = []
        for _ in range(TAIL):
            density *= ratio
            ratio *= square
            half.append(density)
        total = 1 + 2 * sum(half)
        whole = [int((value / total * BINS * 2**64).to_integral_value()) for value in half]
    return [*reversed(whole), BINS * 2**64 - 2 * sum(whole), *whole]


def _paired(masses: Sequence[int]) -> tuple[npt.NDArray[np.int32], Words]:
    """Bins of equal capacity, each filled by its own value and one other (Vose 1991)."""
    capacity = 2**64
    left = list(masses)
    other = list(range(len(left)))
    small = [place for place, mass in enumerate(left) if mass < capacity]
    large = [place for place, mass in enumerate(left) if mass >= capacity]
    threshold = [capacity - 1] * len(left)
    while small and large:
        poor, rich = small.pop(), large[-1]
        other[poor], threshold[poor] = rich, left[poor]
        left[rich] -= capacity - left[poor]
        if left[rich] < capacity:
            small.append(large.pop())
    return np.array(other, dtype=np.int32), np.array(threshold, dtype=np.uint64)
