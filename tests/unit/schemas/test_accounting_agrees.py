"""Each mechanism's epsilon beside ``dp-accounting``: within 1 % of it and never below what it proves to be lost.

The reference is dp-accounting at a finer grid than the accountant's own. Its pessimistic estimate is an upper bound on
the true epsilon and its optimistic one a lower bound; together they say how far off the reference itself may be.
"""

import math

import pytest

from schemas.accounting import epsilon_of
from schemas.mechanism import Gaussian, Mechanism, Pure, SubsampledGaussian, ZeroConcentrated

DELTA = 1e-5
FINE = 5e-5
CLOSE = 0.01


def reference(mechanisms: tuple[Mechanism, ...], delta: float, above: bool) -> float:
    """dp-accounting's epsilon from privacy loss distributions, rounded up (``above``) or down; pure ones only up."""
    from dp_accounting.pld import privacy_loss_distribution as pld
    from dp_accounting.pld.common import DifferentialPrivacyParameters

    composed = None
    for mechanism in mechanisms:
        if isinstance(mechanism, Pure):
            loss = pld.from_privacy_parameters(
                DifferentialPrivacyParameters(mechanism.epsilon, 0.0), value_discretization_interval=FINE
            )
        else:
            assert isinstance(mechanism, Gaussian | SubsampledGaussian)
            subsampled = isinstance(mechanism, SubsampledGaussian)
            loss = pld.from_gaussian_mechanism(
                mechanism.noise_multiplier,
                sampling_prob=mechanism.sample_rate if subsampled else 1.0,
                value_discretization_interval=FINE,
                pessimistic_estimate=above,
            )
            times = mechanism.steps if subsampled else mechanism.count
            loss = loss.self_compose(times) if times > 1 else loss
        composed = loss if composed is None else composed.compose(loss)
    assert composed is not None
    return float(composed.get_epsilon_for_delta(delta))


EXACT: list[tuple[Mechanism, ...]] = [
    (Gaussian(noise_multiplier=3.73),),
    (Gaussian(noise_multiplier=0.6),),
    (Gaussian(noise_multiplier=20.0, count=30),),
    (Gaussian(noise_multiplier=5.0, count=3), Gaussian(noise_multiplier=11.0, count=20)),
    (SubsampledGaussian(noise_multiplier=1.0, sample_rate=0.02, steps=60),),
    (SubsampledGaussian(noise_multiplier=2.5, sample_rate=0.1, steps=40),),
    (Pure(epsilon=0.7),),
    (SubsampledGaussian(noise_multiplier=1.5, sample_rate=0.05, steps=50), Gaussian(noise_multiplier=6.0)),
    (Gaussian(noise_multiplier=4.0), Pure(epsilon=0.3), Pure(epsilon=0.1)),
]


@pytest.mark.parametrize("mechanisms", EXACT, ids=lambda found: "+".join(item.kind for item in found))
def test_within_a_hundredth_and_never_below(mechanisms: tuple[Mechanism, ...]) -> None:
    ours = epsilon_of(mechanisms, DELTA)
    # the optimistic estimate is below the truth; the pessimistic one above it, by its grid at most
    pure = any(isinstance(mechanism, Pure) for mechanism in mechanisms)
    assert ours >= reference(mechanisms, DELTA, above=pure) * (1 - 1e-6)
    assert ours == pytest.approx(reference(mechanisms, DELTA, above=True), rel=CLOSE)


@pytest.mark.parametrize("rho", [0.001, 0.03, 0.5, 4.0])
def test_zcdp_lies_between_its_gaussian_and_the_textbook_conversion(rho: float) -> None:
    """A Gaussian mechanism has rho-zCDP, so that no smaller figure could hold; Bun and Steinke's own is looser."""
    from dp_accounting import ZCDpEvent
    from dp_accounting.rdp import RdpAccountant

    ours = epsilon_of((ZeroConcentrated(rho=rho),), DELTA)
    peer = float(RdpAccountant().compose(ZCDpEvent(rho)).get_epsilon(DELTA))
    assert peer <= ours <= peer * (1 + CLOSE)
    assert epsilon_of((Gaussian(noise_multiplier=1 / math.sqrt(2 * rho)),), DELTA) <= ours
    assert ours <= rho + 2 * math.sqrt(rho * math.log(1 / DELTA))


def test_zcdp_mixed_with_subsampled_steps_is_the_renyi_accountants_sum() -> None:
    from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent, SelfComposedDpEvent, ZCDpEvent
    from dp_accounting.rdp import RdpAccountant

    steps = SelfComposedDpEvent(PoissonSampledDpEvent(0.01, GaussianDpEvent(1.1)), 300)
    peer = float(RdpAccountant().compose(steps).compose(ZCDpEvent(0.02)).get_epsilon(DELTA))
    mixture = (SubsampledGaussian(noise_multiplier=1.1, sample_rate=0.01, steps=300), ZeroConcentrated(rho=0.02))
    assert peer <= epsilon_of(mixture, DELTA) <= peer * (1 + CLOSE)
