"""What every formal family records for a fit, told by ``dp-accounting``: no more than the contract's epsilon."""

import pandas as pd
import pytest

from generators.protocol import FitRequest, silent
from generators.registry import FAMILIES, available, family
from schemas.accounting import compose, epsilon_of
from schemas.contract import Categories, Column, Contract, Policy, Privacy, Range
from schemas.mechanism import Gaussian, Mechanism, SubsampledGaussian
from tests.contract.quickly import QUICKLY

FORMAL = [name for name in available() if FAMILIES[name].formal and not FAMILIES[name].control]
ROWS = 300


def contract(epsilon: str) -> Contract:
    return Contract(
        dataset="accounted",
        columns=(
            Column(name="late", type="integer", required=True, domain=Categories(values=(0, 1), confirmed=True)),
            Column(
                name="hour",
                type="integer",
                required=True,
                domain=Range(lower=0, upper=23, resolution=1, confirmed=True),
            ),
            Column(
                name="city", type="string", required=True, domain=Categories(values=("a", "b", "c"), confirmed=True)
            ),
            Column(
                name="cost",
                type="integer",
                required=True,
                domain=Range(lower=0, upper=999, resolution=1, confirmed=True),
            ),
        ),
        policy=Policy(privacy=Privacy(scope="test", claim="formal", epsilon=epsilon), target="late"),
    )


def table() -> pd.DataFrame:
    place = pd.Series(range(ROWS))
    return pd.DataFrame(
        {
            "late": (place % 3 == 0).astype("Int64"),
            "hour": (place % 24).astype("Int64"),
            "city": place.map(lambda at: "abc"[at % 3]),
            "cost": (place * 37 % 1_000).astype("Int64"),
        }
    )


def told(mechanisms: tuple[Mechanism, ...], delta: float, above: bool) -> float:
    """dp-accounting's epsilon for what was recorded, equal Gaussians as one, rounded up (``above``) or down."""
    from dp_accounting.pld import privacy_loss_distribution as pld

    whole = None
    for mechanism in compose(mechanisms):
        assert isinstance(mechanism, Gaussian | SubsampledGaussian)
        steps = mechanism.steps if isinstance(mechanism, SubsampledGaussian) else mechanism.count
        rate = mechanism.sample_rate if isinstance(mechanism, SubsampledGaussian) else 1.0
        loss = pld.from_gaussian_mechanism(
            mechanism.noise_multiplier,
            sampling_prob=rate,
            value_discretization_interval=1e-4,
            pessimistic_estimate=above,
        )
        loss = loss.self_compose(steps) if steps > 1 else loss
        whole = loss if whole is None else whole.compose(loss)
    assert whole is not None
    return float(whole.get_epsilon_for_delta(delta))


@pytest.mark.parametrize("name", FORMAL)
@pytest.mark.parametrize("epsilon", ["0.1", "1", "10"])
def test_recorded_mechanisms_cost_what_dp_accounting_says_and_no_more_than_the_contract(
    name: str, epsilon: str
) -> None:
    pinned = contract(epsilon)
    delta = pinned.policy.privacy.delta
    granted = family(name).mechanisms(pinned, ROWS)
    # A fit that comes to nothing under so little budget has run its mechanisms as well: they count all the same.
    model = family(name).fit(table(), FitRequest(pinned, bytes(32), granted, QUICKLY.get(name, {})), silent)
    assert model.mechanisms
    ours = epsilon_of(model.mechanisms, delta)
    assert ours <= float(epsilon)
    assert ours >= told(model.mechanisms, delta, above=False) * (1 - 1e-6)
    assert ours == pytest.approx(told(model.mechanisms, delta, above=True), rel=0.01)
