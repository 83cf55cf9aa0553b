"""What an attack's scores are worth: accuracy at a threshold that other units chose, hits at a low false-alarm rate.

All bounds are one-sided at ``confidence`` each, from exact binomial ones (Clopper and Pearson 1934).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from validators.statistics import Estimate, clopper_pearson, hypergeometric_tail

Flags = npt.NDArray[np.bool_]
RATES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""False-alarm rates of the ROC points."""


@dataclass(frozen=True, slots=True)
class LowRate:
    """Share of members found where ``allowed`` of the non-members are; ``by_chance`` is the probability of as many hits
    if members and non-members were alike, with the threshold's own luck counted.
    """

    found: Estimate
    rate: float
    allowed: int
    by_chance: float


def guesses(score: Reals, member: Flags, half: Flags) -> Flags:
    """Who is taken for a member: on each half at the threshold that separates the other half best."""
    taken = np.zeros(len(score), dtype=bool)
    for choose, judge in ((half, ~half), (~half, half)):
        taken[judge] = score[judge] >= _threshold(score[choose], member[choose])
    return taken


def _threshold(score: Reals, member: Flags) -> float:
    """The least score that counts as a member's, for the best balanced accuracy."""
    order = np.argsort(-score, kind="stable")
    gain = np.cumsum(np.where(member[order], 1 / max(1, member.sum()), -1 / max(1, (~member).sum())))
    ends = np.flatnonzero(np.r_[np.diff(score[order]) != 0, True])
    best = ends[np.argmax(gain[ends])]
    return float(score[order[best]])


def accuracy(taken: Flags, member: Flags, confidence: float) -> Estimate:
    """Balanced accuracy; bounds by adding squared reaches (MOVER: Zou and Donner 2008)."""
    hits, members = int((taken & member).sum()), int(member.sum())
    spared, others = int((~taken & ~member).sum()), int((~member).sum())
    value = (hits / members + spared / others) / 2
    (low1, high1), (low2, high2) = _bounds(hits, members, confidence), _bounds(spared, others, confidence)
    below = float(np.hypot(hits / members - low1, spared / others - low2)) / 2
    above = float(np.hypot(high1 - hits / members, high2 - spared / others)) / 2
    return Estimate(value, max(0.0, value - below), min(1.0, value + above))


def low_rate(score: Reals, member: Flags, rate: float, confidence: float) -> LowRate:
    """Hits above the threshold that ``rate`` of the non-members pass, rounded down; ties count for nobody."""
    others = np.sort(score[~member])[::-1]
    allowed = min(int(rate * len(others) + 1e-9), len(others) - 1)
    hits, members = int((score[member] > others[allowed]).sum()), int(member.sum())
    low, high = _bounds(hits, members, confidence)
    chance = hypergeometric_tail(hits, hits + allowed, members, len(score)) if hits + allowed <= len(score) else 1.0
    return LowRate(Estimate(hits / members, low, high), allowed / len(others), allowed, chance)


def roc(score: Reals, member: Flags) -> list[float]:
    """Share of members found at each of ``RATES``."""
    others, members = np.sort(score[~member])[::-1], np.sort(score[member])
    places = np.minimum((np.array(RATES) * len(others) + 1e-9).astype(np.int64), len(others) - 1)
    found = 1 - np.searchsorted(members, others[places], side="right") / len(members)
    return [round(float(share), 5) for share in found[:-1]] + [1.0]


def _bounds(hits: int, trials: int, confidence: float) -> tuple[float, float]:
    return clopper_pearson(hits, trials, 2 * confidence - 1)
