"""The wished shares of every cell: the generator's own, moved as little as the wished margins allow, in whole rows.

Iterative proportional fitting (Deming and Stephan 1940) keeps the generator's own dependence between columns; it is
the joint closest in Kullback-Leibler divergence that has the margins (Csiszar 1975).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generators.arrays import Bools, Floats, Ints
from generators.sampling.cells import Cells

ROUNDS = 300
NEVER_SEEN = 1e-12
"""The share that a cell is taken to have, relative to the rest, which the generator did not draw so far."""


@dataclass(frozen=True, slots=True)
class Margin:
    """The cells ``members`` together make up ``share`` of all rows."""

    members: Bools
    share: float


def raked(drawn: Ints, margins: Sequence[Sequence[Margin]]) -> Floats:
    """(count,) shares that add up to 1 and have the margins; ``drawn`` counts the generator's own rows by cell.

    Each inner sequence divides all cells among its members. Margins that exclude each other are met as nearly as they
    can be.
    """
    joint: Floats = np.maximum(drawn / max(1, int(drawn.sum())), NEVER_SEEN)
    joint /= joint.sum()
    for _ in range(ROUNDS if margins else 0):
        before = joint.copy()
        for margin in (margin for group in margins for margin in group):
            held = joint[margin.members].sum()
            joint[margin.members] *= margin.share / held if held > 0 else 0.0
        joint /= joint.sum()
        if np.abs(joint - before).max() < 1e-12:
            break
    return joint


def with_parity(rates: Floats, weights: Floats, difference: float) -> Floats:
    """(groups,) favourable shares of groups of these ``weights``, at most ``difference`` apart; all rows together keep
    their share. Groups between both ends keep their own.
    """
    total, rates = weights.sum(), np.clip(rates, 0.0, 1.0)
    present = weights > 0
    if not present.any() or float(np.ptp(rates[present])) <= difference:
        return rates
    overall = float((weights * rates).sum() / total)
    low, high = -difference, 1.0
    for _ in range(100):
        floor = (low + high) / 2
        held = float((weights * np.clip(rates, floor, floor + difference)).sum() / total)
        low, high = (floor, high) if held < overall else (low, floor)
    found: Floats = np.clip(np.clip(rates, low, low + difference), 0.0, 1.0)
    return found


def apportioned(shares: Floats, rows: int) -> Ints:
    """(count,) whole rows that add up to ``rows``, by largest remainder; cells without a share get none."""
    exact = shares / shares.sum() * rows
    counts: Ints = np.floor(exact + 1e-9).astype(np.int64)
    left = rows - int(counts.sum())
    if left > 0:
        counts[np.argsort(counts - exact, kind="stable")[:left]] += 1
    return counts


def settled(counts: Ints, shares: Floats, cells: Cells, place: int, wanted: Ints) -> Ints:
    """The counts with exactly ``wanted`` rows of each code of one axis; both add up to the same.

    A row is moved along that axis between cells that are equal on all others, so that no other margin changes; of all
    such moves the one is taken that leaves the shares most nearly as they were.
    """
    counts = counts.copy()
    held = np.moveaxis(counts.reshape(cells.shape), place, 0)
    wished = np.moveaxis((shares * counts.sum()).reshape(cells.shape), place, 0)
    for code in range(len(wanted)):
        others = range(code + 1, len(wanted))
        for _ in range(abs(int(wanted[code] - held[code].sum()))):
            up = int(held[code].sum()) < wanted[code]
            if not _move(held, wished, [(other, code) if up else (code, other) for other in others]):
                break
    return counts


def _move(held: Ints, wished: Floats, ways: Sequence[tuple[int, int]]) -> bool:
    """One row from the first to the second of the best of these ways, where any is open; in place."""
    best, chosen = -np.inf, (0, 0, 0)
    for giving, taking in ways:
        gain = (held[giving] - wished[giving]) - (held[taking] - wished[taking])
        gain = np.where((held[giving] > 0) & (wished[taking] > 0), gain, -np.inf)
        if float(gain.max()) > best:
            best, chosen = float(gain.max()), (giving, taking, int(gain.argmax()))
    if best == -np.inf:
        return False
    giving, taking, at = chosen
    step = np.zeros(held[giving].size, dtype=np.int64)
    step[at] = 1
    held[giving] -= step.reshape(held[giving].shape)
    held[taking] += step.reshape(held[taking].shape)
    return True
