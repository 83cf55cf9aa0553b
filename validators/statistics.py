"""Intervals and exact tails that the gates rest on; every draw takes a generator, nothing reads global state."""

from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
Interval = tuple[float, float]
Z95 = 1.959963984540054


def generator(seed: int, purpose: str) -> np.random.Generator:
    """A stream of its own for each purpose, so that adding a validator moves no other's draws."""
    return np.random.default_rng([abs(seed), crc32(purpose.encode())])


def clopper_pearson(hits: int, trials: int, confidence: float = 0.95) -> Interval:
    """Exact binomial interval; (0, 1) without trials. Clopper and Pearson 1934."""
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    lower = float(betaincinv(hits, trials - hits + 1, tail)) if hits > 0 else 0.0
    upper = float(betaincinv(hits + 1, trials - hits, 1 - tail)) if hits < trials else 1.0
    return lower, upper


def hypergeometric_tail(hits: int, drawn: int, members: int, total: int) -> float:
    """P(X >= hits) where ``drawn`` of ``total`` units are drawn, ``members`` of them members; summed in logs."""
    from scipy.special import gammaln, logsumexp

    low, high = max(hits, drawn - (total - members), 0), min(drawn, members)
    if hits <= max(0, drawn - (total - members)):
        return 1.0
    if low > high:
        return 0.0
    x = np.arange(low, high + 1, dtype=np.float64)
    logs = (
        _log_choose(gammaln, members, x)
        + _log_choose(gammaln, total - members, drawn - x)
        - _log_choose(gammaln, total, drawn)
    )
    return float(min(1.0, np.exp(logsumexp(logs))))


def _log_choose(gammaln: Callable[..., Reals], n: float, k: Reals | float) -> Reals:
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - np.asarray(k) + 1)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    lower: float
    upper: float

    @property
    def interval(self) -> Interval:
        return self.lower, self.upper


def auc(positive: Reals, negative: Reals) -> float:
    """P(positive > negative) + half of the ties; needs one score at least on each side."""
    return float(placements(positive, negative)[0].mean())


def auc_interval(positive: Reals, negative: Reals) -> Estimate:
    """AUC with DeLong's variance (DeLong et al. 1988, by midranks as in Sun and Xu 2014); exact rule where it
    degenerates.

    At an AUC of 0 or 1 the variance vanishes whatever the support; the interval is then that of as many
    independent pairs as the smaller side has, all of one outcome.
    """
    above, below = placements(positive, negative)
    value = float(above.mean())
    m, n = len(positive), len(negative)
    if value in (0.0, 1.0):
        reach = 0.025 ** (1 / min(m, n))
        return Estimate(value, reach if value else 0.0, 1.0 if value else 1 - reach)
    variance = (above.var(ddof=1) / m if m > 1 else 0.25) + (below.var(ddof=1) / n if n > 1 else 0.25)
    half = Z95 * float(np.sqrt(variance))
    return Estimate(value, max(0.0, value - half), min(1.0, value + half))


def placements(positive: Reals, negative: Reals) -> tuple[Reals, Reals]:
    """For each positive the share of negatives below it, for each negative the share of positives above it."""
    m, n = len(positive), len(negative)
    together = midranks(np.concatenate([positive, negative]))
    above = (together[:m] - midranks(positive)) / n
    below = 1 - (together[m:] - midranks(negative)) / m
    return above, below


def midranks(values: Reals) -> Reals:
    """Ranks from 1, ties sharing their mean."""
    order = np.argsort(values, kind="stable")
    _, first, counts = np.unique(values[order], return_index=True, return_counts=True)
    ranks = np.empty(len(values), dtype=np.float64)
    ranks[order] = np.repeat(first + (counts + 1) / 2, counts)
    return ranks


def bootstrap(
    measure: Callable[[npt.NDArray[np.int64]], float], rows: int, rng: np.random.Generator, rounds: int = 200
) -> float:
    """Standard deviation of ``measure`` over resamples of row numbers; rounds it cannot judge (NaN) are left out."""
    values = np.array([measure(rng.integers(0, rows, rows)) for _ in range(rounds)])
    kept = values[np.isfinite(values)]
    return float(kept.std(ddof=1)) if len(kept) > 1 else float("inf")


def normal_interval(value: float, deviation: float, low: float = 0.0, high: float = 1.0) -> Interval:
    """``value`` +- 1.96 deviations, kept within [low, high]."""
    half = Z95 * deviation
    return max(low, min(high, value - half)), min(high, max(low, value + half))


def log_tails(drawn: int, members: int, total: int) -> Reals:
    """(drawn + 1,) log P(X >= x) for x = 0, 1, ... of the members among ``drawn`` of ``total`` units."""
    from scipy.special import gammaln

    low, high = max(0, drawn - (total - members)), min(drawn, members)
    x = np.arange(low, high + 1, dtype=np.float64)
    logs = (
        _log_choose(gammaln, members, x)
        + _log_choose(gammaln, total - members, drawn - x)
        - _log_choose(gammaln, total, drawn)
    )
    tails = np.zeros(drawn + 1)
    tails[low : high + 1] = np.minimum(0.0, np.logaddexp.accumulate(logs[::-1])[::-1])
    tails[: low + 1] = 0.0
    tails[high + 1 :] = -np.inf
    return tails
