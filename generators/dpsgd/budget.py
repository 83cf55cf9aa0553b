"""What a private training costs: histograms for bins first, then steps on Poisson samples, within one (epsilon, delta).

Pure arithmetic on public facts: the contract and the announced number of rows, which fix the sample rate and nothing
else. The noise multiplier is the smallest that the accountant allows (privacy loss distributions), to a thousandth of
epsilon.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from schemas.accounting import INTERVAL, epsilon_of, gaussian_mu
from schemas.contract import Contract
from schemas.errors import BudgetError
from schemas.mechanism import Gaussian, Mechanism, SubsampledGaussian

SHARE = 0.25
"""What histograms take of the whole budget, as a share of mu^2."""
LEAST_NOISE, MOST_NOISE = 0.35, 1e6
CLOSE = 0.999
POINTS = 20
WIDE = 2.0


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant taken apart: Gaussians for histograms, and the steps on samples."""

    histograms: tuple[Gaussian, ...]
    training: SubsampledGaussian

    def spent(self, steps: int) -> tuple[Mechanism, ...]:
        """All histograms and so many steps."""
        if not steps:
            return self.histograms
        return (*self.histograms, self.training.model_copy(update={"steps": steps}))


def planned(contract: Contract, rows: int, batch: int, steps: int) -> tuple[Mechanism, ...]:
    """The mechanisms of a fit with about ``batch`` of ``rows`` rows a step; raises ``BudgetError`` at epsilon zero."""
    privacy = contract.policy.privacy
    return _planned(float(privacy.epsilon), privacy.delta, min(0.5, batch / max(rows, 1)), steps)


def read_grant(granted: Sequence[Mechanism], family: str) -> Grant:
    """Raises ``BudgetError`` unless it is Gaussians and one subsampled Gaussian, as ``planned`` asks for."""
    training = [item for item in granted if isinstance(item, SubsampledGaussian)]
    histograms = tuple(item for item in granted if isinstance(item, Gaussian))
    if len(training) != 1 or not histograms or len(histograms) + 1 != len(granted):
        raise BudgetError(f"{family} needs a grant of Gaussian histograms and one subsampled Gaussian")
    return Grant(histograms, training[0])


def spending(grant: Grant, delta: float, steps: int) -> list[tuple[int, float]]:
    """(step, epsilon up to it) at ``POINTS`` steps up to ``steps``, for people to watch: by the accountant."""
    total = epsilon_of(grant.spent(steps), delta)
    marks = sorted({max(1, round(steps * point / POINTS)) for point in range(1, POINTS)} - {steps}) if steps else []
    interval = max(INTERVAL, INTERVAL * 15 * total)
    return [*((mark, min(total, epsilon_of(grant.spent(mark), delta, interval))) for mark in marks), (steps, total)]


@lru_cache(maxsize=256)
def _planned(epsilon: float, delta: float, rate: float, steps: int) -> tuple[Mechanism, ...]:
    mu = gaussian_mu(epsilon, delta)
    if epsilon <= 0 or mu <= 0:
        raise BudgetError("the contract's epsilon is zero: no formally private release is possible")
    histograms = Gaussian(noise_multiplier=1 / (mu * math.sqrt(SHARE)))

    def together(noise: float) -> tuple[Mechanism, ...]:
        return histograms, SubsampledGaussian(noise_multiplier=noise, sample_rate=rate, steps=steps)

    start = _guess(mu * math.sqrt(1 - SHARE), rate, steps)
    interval = _interval(epsilon, start)
    noise = _least_noise(lambda wanted: epsilon_of(together(wanted), delta, interval), epsilon, start)
    while epsilon_of(together(noise), delta) > epsilon:
        noise *= 1.001
    return together(noise)


def _interval(epsilon: float, noise: float) -> float:
    """How finely to search: coarser where losses are large and that is exact enough."""
    return INTERVAL if epsilon < WIDE and noise > WIDE else max(INTERVAL, INTERVAL * 7 * epsilon)


def _guess(mu: float, rate: float, steps: int) -> float:
    """By the central limit theorem mu = rate sqrt(steps (exp(1/noise^2) - 1)) (Bu, Dong, Long and Su 2020)."""
    return 1 / math.sqrt(math.log1p((mu / rate) ** 2 / steps))


def _least_noise(price: Callable[[float], float], epsilon: float, start: float) -> float:
    """The smallest noise within ``epsilon``, to a thousandth of it: secant steps on logarithms inside a bracket."""
    low, high, slope = LEAST_NOISE, math.inf, -1.0
    noise = min(max(start, LEAST_NOISE), MOST_NOISE)
    before: tuple[float, float] | None = None
    for _ in range(60):
        found = price(noise)
        if found <= epsilon and (found >= epsilon * CLOSE or noise <= LEAST_NOISE):
            return noise
        low, high = (low, noise) if found <= epsilon else (noise, high)
        here = (math.log(noise), math.log(max(found, 1e-12)))
        if before is not None and abs(here[0] - before[0]) > 1e-9:
            slope = min(-0.2, max(-4.0, (here[1] - before[1]) / (here[0] - before[0])))
        before = here
        noise = math.exp(here[0] + (math.log(epsilon * (1 + CLOSE) / 2) - here[1]) / slope)
        if not low < noise < high:
            noise = math.sqrt(low * high) if math.isfinite(high) else low * 2
        if noise > MOST_NOISE:
            break
    if math.isfinite(high):
        return high
    raise BudgetError("the contract's epsilon is too small for a training with noise")
