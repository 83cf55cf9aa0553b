"""The accountant: what recorded mechanisms cost together, never less than the truth.

Gaussian mechanisms compose into one Gaussian mechanism, 1/noise_multiplier^2 adding up (Dong, Roth and Su 2022,
corollary 3.3), and its exact (epsilon, delta) curve is Balle and Wang 2018, theorem 8. That needs ``math`` alone.
As soon as another kind occurs, ``dp-accounting`` composes: privacy loss distributions, or Renyi divergences
where a mechanism is known by its zCDP parameter only. Every figure is rounded outwards.
"""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from schemas.errors import BudgetError
from schemas.mechanism import Gaussian, Mechanism, Pure, SubsampledGaussian, ZeroConcentrated

if TYPE_CHECKING:
    from dp_accounting.pld.privacy_loss_distribution import PrivacyLossDistribution

MARGIN = 1e-9
"""Relative outward rounding: far above the error of ``erfc``, far below anything a contract can tell apart."""
INTERVAL = 1e-4
"""The step on which privacy losses are rounded up."""


def gaussian_delta(mu: float, epsilon: float) -> float:
    """The exact delta at ``epsilon`` of the Gaussian mechanism with noise multiplier 1/``mu``.

    Written with the scaled erfc, because Phi(-b) - e^epsilon Phi(-a) cancels and overflows as it stands.
    """
    if mu <= 0:
        return 0.0
    near, far = epsilon / mu - mu / 2, epsilon / mu + mu / 2
    if near < 0:
        return 0.5 * (math.erfc(near / math.sqrt(2)) - math.exp(-near * near / 2) * _erfcx(far / math.sqrt(2)))
    return 0.5 * math.exp(-near * near / 2) * (_erfcx(near / math.sqrt(2)) - _erfcx(far / math.sqrt(2)))


def gaussian_epsilon(mu: float, delta: float) -> float:
    """The smallest epsilon of the Gaussian mechanism with noise multiplier 1/``mu`` at ``delta``, rounded up."""
    _check_delta(delta)
    if not (math.isfinite(mu) and mu >= 0):
        raise BudgetError("a privacy loss must be finite and not negative")
    if gaussian_delta(mu, 0.0) <= delta * (1 - MARGIN):
        return 0.0
    # beyond this tail bound delta is already smaller: Phi(-b) <= exp(-b^2 / 2) / 2
    high = mu * mu / 2 + mu * math.sqrt(2 * math.log(1 / delta)) + 1e-6
    low = 0.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if gaussian_delta(mu, middle) <= delta * (1 - MARGIN) else (middle, high)
    return high * (1 + MARGIN)


def gaussian_mu(epsilon: float, delta: float) -> float:
    """The largest mu = 1/noise multiplier of a Gaussian mechanism within (``epsilon``, ``delta``), rounded down."""
    _check_delta(delta)
    if not (math.isfinite(epsilon) and epsilon >= 0):
        raise BudgetError("an epsilon must be finite and not negative")
    low, high = 0.0, math.sqrt(2 * epsilon) + 6.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if gaussian_delta(middle, epsilon) <= delta * (1 - MARGIN) else (low, middle)
    # epsilon_of rounds outwards as well: take both margins back here, so that a grant meets its own contract
    return low * (1 - 4 * MARGIN)


def gaussian_budget(mechanisms: Iterable[Mechanism]) -> float:
    """Sum of count / noise_multiplier^2 (mu squared), rho-zCDP counting as 2 rho; others raise ``BudgetError``."""
    terms = []
    for mechanism in mechanisms:
        if isinstance(mechanism, Gaussian):
            terms.append(mechanism.count / mechanism.noise_multiplier**2)
        elif isinstance(mechanism, ZeroConcentrated):
            terms.append(2 * mechanism.rho)
        else:
            raise BudgetError(f"a grant of kind {mechanism.kind} cannot be spent on Gaussian noise")
    return math.fsum(terms)


def compose(mechanisms: Sequence[Mechanism]) -> tuple[Mechanism, ...]:
    """The same loss in as few mechanisms as possible: all Gaussians become one, equal ones are counted."""
    gaussians = [mechanism for mechanism in mechanisms if isinstance(mechanism, Gaussian)]
    others = tuple(mechanism for mechanism in mechanisms if not isinstance(mechanism, Gaussian))
    if not gaussians:
        return others
    noise = math.sqrt(1 / gaussian_budget(gaussians)) * (1 - 1e-15)
    return (Gaussian(noise_multiplier=noise), *others)


def epsilon_of(mechanisms: Sequence[Mechanism], delta: float, interval: float = INTERVAL) -> float:
    """The epsilon at ``delta`` of all mechanisms together, rounded up; none cost 0.

    ``interval`` is the step of privacy loss distributions: a wider one is faster and rounds further up.
    """
    if not mechanisms:
        return 0.0
    if all(isinstance(mechanism, Gaussian) for mechanism in mechanisms):
        return gaussian_epsilon(math.sqrt(gaussian_budget(mechanisms)) * (1 + 1e-15), delta)
    _check_delta(delta)
    if any(isinstance(mechanism, ZeroConcentrated) for mechanism in mechanisms):
        return _renyi_epsilon(mechanisms, delta) * (1 + MARGIN)
    return _distribution_epsilon(mechanisms, delta, interval) * (1 + MARGIN)


def within(recorded: Sequence[Mechanism], granted: Sequence[Mechanism], delta: float) -> bool:
    """True where what was run costs no more than what was granted.

    Gaussians compare by mu, which holds at every delta and under every later composition; a mixture is compared at
    ``delta``.
    """
    if not recorded:
        return True
    if all(isinstance(mechanism, Gaussian) for mechanism in (*recorded, *granted)):
        return gaussian_budget(recorded) <= gaussian_budget(granted)
    if sorted(item.to_bytes() for item in recorded) == sorted(item.to_bytes() for item in granted):
        return True
    return epsilon_of(recorded, delta) <= epsilon_of(granted, delta)


def _erfcx(x: float) -> float:
    """exp(x^2) erfc(x) for x >= 0; beyond 25, where erfc underflows, by its asymptotic series."""
    if x < 25:
        return math.exp(x * x) * math.erfc(x)
    inverse = 1 / (2 * x * x)
    return (1 - inverse * (1 - 3 * inverse * (1 - 5 * inverse * (1 - 7 * inverse)))) / (x * math.sqrt(math.pi))


def _check_delta(delta: float) -> None:
    if not 0 < delta < 1:
        raise BudgetError("delta must lie between 0 and 1")


def _distribution_epsilon(mechanisms: Sequence[Mechanism], delta: float, interval: float) -> float:
    """Pessimistic privacy loss distributions, composed: an upper bound (Doroshenko et al. 2022)."""
    composed: PrivacyLossDistribution | None = None
    for mechanism in compose(mechanisms):
        loss = _distribution(mechanism, interval)
        composed = loss if composed is None else composed.compose(loss)
    return float(composed.get_epsilon_for_delta(delta)) if composed is not None else 0.0


def _distribution(mechanism: Mechanism, interval: float) -> "PrivacyLossDistribution":
    from dp_accounting.pld import privacy_loss_distribution as pld
    from dp_accounting.pld.common import DifferentialPrivacyParameters

    if isinstance(mechanism, Gaussian):
        loss = pld.from_gaussian_mechanism(mechanism.noise_multiplier, value_discretization_interval=interval)
        return loss.self_compose(mechanism.count) if mechanism.count > 1 else loss
    if isinstance(mechanism, SubsampledGaussian):
        loss = pld.from_gaussian_mechanism(
            mechanism.noise_multiplier, sampling_prob=mechanism.sample_rate, value_discretization_interval=interval
        )
        return loss.self_compose(mechanism.steps) if mechanism.steps > 1 else loss
    if isinstance(mechanism, Pure):
        return pld.from_privacy_parameters(
            DifferentialPrivacyParameters(mechanism.epsilon, 0.0), value_discretization_interval=interval
        )
    raise BudgetError(f"the accountant does not know mechanisms of kind {mechanism.kind}")


def _renyi_epsilon(mechanisms: Sequence[Mechanism], delta: float) -> float:
    """Renyi composition; pure epsilon counts as epsilon^2/2-zCDP (Bun and Steinke 2016, proposition 1.4)."""
    from dp_accounting.rdp import RdpAccountant

    accountant = RdpAccountant()
    for mechanism in mechanisms:
        accountant.compose(_event(mechanism))
    return float(accountant.get_epsilon(delta))


def _event(mechanism: Mechanism) -> Any:
    import dp_accounting as dp

    if isinstance(mechanism, Gaussian):
        return dp.SelfComposedDpEvent(dp.GaussianDpEvent(mechanism.noise_multiplier), mechanism.count)
    if isinstance(mechanism, SubsampledGaussian):
        step = dp.PoissonSampledDpEvent(mechanism.sample_rate, dp.GaussianDpEvent(mechanism.noise_multiplier))
        return dp.SelfComposedDpEvent(step, mechanism.steps)
    if isinstance(mechanism, ZeroConcentrated):
        return dp.ZCDpEvent(mechanism.rho)
    if isinstance(mechanism, Pure):
        return dp.ZCDpEvent(mechanism.epsilon**2 / 2)
    raise BudgetError(f"the accountant does not know mechanisms of kind {mechanism.kind}")
