"""Private tests and Gaussian mechanisms in one scope: the ledger's epsilon against exact composition."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm

from schemas.accounting import epsilon_of
from schemas.mechanism import Gaussian, Pure


def exact_delta(epsilon: float, mu: float, pure: float, count: int) -> float:
    """Delta of a Gaussian mechanism with ``count`` pure ones, each as bad as can be: randomised response.

    Given the responses' loss l the rest is Gaussian, whose delta at epsilon - l is known (Balle and Wang 2018); every
    pure mechanism is dominated by randomised response (Kairouz, Oh and Viswanath 2015).
    """
    truthful, total = math.exp(pure) / (1 + math.exp(pure)), 0.0
    for times in range(count + 1):
        left = epsilon - (2 * times - count) * pure
        gaussian = norm.cdf(mu / 2 - left / mu) - math.exp(left) * norm.cdf(-mu / 2 - left / mu)
        total += float(binom.pmf(times, count, truthful)) * gaussian
    return total


def exact_epsilon(mu: float, pure: float, count: int, delta: float) -> float:
    low, high = 0.0, 60.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (low, middle) if exact_delta(middle, mu, pure, count) <= delta else (middle, high)
    return high


@settings(max_examples=10, deadline=None)
@given(
    noise=st.floats(0.7, 20),
    pure=st.sampled_from([0.01, 0.1, 0.5, 1.0]),
    count=st.integers(1, 6),
    delta=st.sampled_from([1e-5, 1e-7]),
)
def test_a_scope_with_private_tests_never_claims_less_than_the_exact_composition(
    noise: float, pure: float, count: int, delta: float
) -> None:
    claimed = epsilon_of((Gaussian(noise_multiplier=noise), *(Pure(epsilon=pure),) * count), delta)
    exact = exact_epsilon(1 / noise, pure, count, delta)
    assert exact - 1e-6 <= claimed <= exact + 0.01
    assert claimed <= epsilon_of((Gaussian(noise_multiplier=noise),), delta) + count * pure + 0.001


def test_private_tests_alone_cost_at_most_their_sum() -> None:
    assert epsilon_of((Pure(epsilon=0.1),) * 3, 1e-9) <= 0.3 * (1 + 1e-6)


@pytest.mark.parametrize("delta", [1e-5, 1e-9])
def test_the_figure_is_no_smaller_than_that_of_dp_accounting(delta: float) -> None:
    from dp_accounting.pld import privacy_loss_distribution as pld
    from dp_accounting.pld.common import DifferentialPrivacyParameters

    step = 1e-4
    peer = pld.from_gaussian_mechanism(3.0, value_discretization_interval=step).compose(
        pld.from_privacy_parameters(DifferentialPrivacyParameters(0.1, 0.0), value_discretization_interval=step)
    )
    claimed = epsilon_of((Gaussian(noise_multiplier=3.0), Pure(epsilon=0.1)), delta)
    assert claimed >= float(peer.get_epsilon_for_delta(delta))
