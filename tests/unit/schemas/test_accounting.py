"""The accountant against an independent one, and its laws."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.accounting import (
    compose,
    epsilon_of,
    gaussian_budget,
    gaussian_delta,
    gaussian_epsilon,
    gaussian_mu,
    within,
)
from schemas.errors import BudgetError
from schemas.mechanism import Gaussian, Mechanism, Pure, SubsampledGaussian, ZeroConcentrated

EPSILONS = st.floats(0.001, 60)
DELTAS = st.floats(1e-12, 1e-3)


@pytest.mark.parametrize(("noise", "delta"), [(0.4, 1e-6), (1.0, 1e-5), (3.73, 1e-5), (12.0, 1e-7), (80.0, 1e-9)])
def test_agrees_with_privacy_loss_distributions_and_never_lies_below(noise: float, delta: float) -> None:
    from dp_accounting.pld import privacy_loss_distribution as pld

    grid = 2e-4 / noise
    pessimistic, optimistic = (
        pld.from_gaussian_mechanism(
            noise, value_discretization_interval=grid, pessimistic_estimate=above
        ).get_epsilon_for_delta(delta)
        for above in (True, False)
    )
    # the reference is off by at most its grid, to the stated side; our outward rounding is far smaller
    assert optimistic - 1e-7 <= epsilon_of((Gaussian(noise_multiplier=noise),), delta) <= pessimistic + 1e-7
    assert pessimistic - optimistic <= 2 * grid


def test_a_thousand_gaussians_agree_with_composed_distributions() -> None:
    from dp_accounting.pld import privacy_loss_distribution as pld

    many = pld.from_gaussian_mechanism(120.0, value_discretization_interval=1e-4).self_compose(1_000)
    ours = epsilon_of((Gaussian(noise_multiplier=120.0, count=1_000),), 1e-5)
    assert ours == pytest.approx(many.get_epsilon_for_delta(1e-5), rel=0.01)


def test_known_values() -> None:
    assert gaussian_mu(1.0, 1e-5) == pytest.approx(0.26805, abs=1e-5)
    assert epsilon_of((), 1e-5) == 0.0
    assert gaussian_delta(1.0, 0.0) == pytest.approx(math.erf(0.5 / math.sqrt(2)), rel=1e-12)


@settings(deadline=None)
@given(epsilon=EPSILONS, delta=DELTAS)
def test_a_grant_for_epsilon_costs_at_most_epsilon_and_hardly_less(epsilon: float, delta: float) -> None:
    cost = gaussian_epsilon(gaussian_mu(epsilon, delta), delta)
    assert cost <= epsilon
    assert cost == pytest.approx(epsilon, rel=1e-5, abs=1e-7)


@settings(deadline=None)
@given(noises=st.lists(st.floats(0.5, 500), min_size=1, max_size=6), delta=DELTAS)
def test_composition_is_one_gaussian_and_costs_more_than_each_part(noises: list[float], delta: float) -> None:
    parts: list[Mechanism] = [Gaussian(noise_multiplier=noise) for noise in noises]
    whole = epsilon_of(parts, delta)
    assert epsilon_of(compose(parts), delta) == pytest.approx(whole, rel=1e-6, abs=1e-9)
    assert all(epsilon_of([part], delta) <= whole for part in parts)
    assert within(parts, parts, delta)
    assert within(parts[:-1], parts, delta)
    assert not within([*parts, Gaussian(noise_multiplier=1_000.0)], parts, delta)


@settings(deadline=None)
@given(mu=st.floats(1e-4, 20), delta=DELTAS)
def test_the_reported_epsilon_keeps_its_delta(mu: float, delta: float) -> None:
    assert gaussian_delta(mu, gaussian_epsilon(mu, delta)) <= delta


def test_mixtures_cost_at_least_their_parts() -> None:
    delta = 1e-5
    subsampled = SubsampledGaussian(noise_multiplier=1.1, sample_rate=0.01, steps=500)
    parts: tuple[Mechanism, ...] = (subsampled, Pure(epsilon=0.2), Gaussian(noise_multiplier=4.0))
    whole = epsilon_of(parts, delta)
    assert whole > max(epsilon_of((part,), delta) for part in parts)
    assert whole < epsilon_of((*parts, ZeroConcentrated(rho=0.01)), delta)


def test_subsampled_gaussian_agrees_with_the_renyi_bound_from_below() -> None:
    from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent, SelfComposedDpEvent
    from dp_accounting.rdp import RdpAccountant

    event = SelfComposedDpEvent(PoissonSampledDpEvent(0.01, GaussianDpEvent(1.1)), 500)
    bound = RdpAccountant().compose(event).get_epsilon(1e-5)
    ours = epsilon_of((SubsampledGaussian(noise_multiplier=1.1, sample_rate=0.01, steps=500),), 1e-5)
    assert 0.5 * bound < ours <= bound


def test_pure_epsilon_alone_costs_itself() -> None:
    assert 0.69 < epsilon_of((Pure(epsilon=0.7),), 1e-5) <= 0.7 + 1e-3


def test_a_zcdp_grant_pays_for_gaussians_of_the_same_rho_only() -> None:
    granted = (ZeroConcentrated(rho=0.05),)
    assert gaussian_budget(granted) == pytest.approx(0.1)
    assert within((Gaussian(noise_multiplier=math.sqrt(10.001)),), granted, 1e-5)
    assert not within((Gaussian(noise_multiplier=1.0),), granted, 1e-5)


@pytest.mark.parametrize(("mu", "delta"), [(1.0, 0.0), (1.0, 1.0), (math.nan, 1e-5), (math.inf, 1e-5), (-1.0, 1e-5)])
def test_impossible_questions_are_refused(mu: float, delta: float) -> None:
    with pytest.raises(BudgetError):
        gaussian_epsilon(mu, delta)


def test_other_kinds_cannot_be_spent_on_gaussian_noise() -> None:
    with pytest.raises(BudgetError):
        gaussian_budget((Pure(epsilon=1.0),))
