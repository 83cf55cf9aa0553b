"""Nothing is measured beyond the grant, and what is recorded is what was run."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.private.meter import Meter, noise_key
from schemas.accounting import gaussian_budget, within
from schemas.errors import BudgetError
from schemas.mechanism import Gaussian, Pure, ZeroConcentrated

KEY = b"k" * 32
COUNTS = np.full(4_000, 100)


def test_noise_follows_share_sensitivity_and_max_rows() -> None:
    meter = Meter((Gaussian(noise_multiplier=2.0),), KEY, max_rows=3)
    noisy, deviation = meter.measure("a", COUNTS, share=0.25, sensitivity=0.5)
    assert deviation == pytest.approx(2.0 / 0.5 * 3 * 0.5, rel=1e-4)
    # 4,000 draws: the deviation's own relative error is 1.1 %, five times that is the tolerance
    assert (noisy - COUNTS).std() == pytest.approx(deviation, rel=0.056)
    assert [item.document()["noise_multiplier"] for item in meter.recorded] == [pytest.approx(4.0, rel=1e-6)]
    assert meter.deviation(0.25, 0.5) == pytest.approx(deviation, rel=1e-4)


@settings(deadline=None)
@given(shares=st.lists(st.floats(0.001, 0.4), min_size=1, max_size=12), noise=st.floats(0.3, 60))
def test_the_recorded_sum_never_exceeds_the_grant(shares: list[float], noise: float) -> None:
    granted = (Gaussian(noise_multiplier=noise),)
    meter = Meter(granted, KEY, 1)
    try:
        for place, share in enumerate(shares):
            meter.measure(str(place), COUNTS[:3], share)
    except BudgetError:
        assert sum(shares) > 1 - 1e-6
    assert gaussian_budget(meter.recorded) <= gaussian_budget(granted)
    assert not meter.recorded or within(meter.recorded, granted, 1e-5)


def test_the_whole_grant_can_be_spent_and_no_more() -> None:
    meter = Meter((Gaussian(noise_multiplier=5.0, count=2), ZeroConcentrated(rho=0.01)), KEY, 1)
    for place in range(10):
        meter.measure(str(place), COUNTS[:2], 0.1)
    assert gaussian_budget(meter.recorded) == pytest.approx(0.1, rel=1e-6)
    with pytest.raises(BudgetError):
        meter.measure("one more", COUNTS[:2], 0.001)


def test_a_label_cannot_repeat_its_noise() -> None:
    meter = Meter((Gaussian(noise_multiplier=5.0),), KEY, 1)
    meter.measure("same", COUNTS[:2], 0.1)
    with pytest.raises(BudgetError):
        meter.measure("same", COUNTS[:2], 0.1)


@pytest.mark.parametrize("granted", [(), (Pure(epsilon=1.0),)])
def test_a_grant_that_cannot_be_spent_on_counts_is_refused(granted: tuple[Pure, ...]) -> None:
    with pytest.raises(BudgetError):
        Meter(granted, KEY, 1)


def test_noise_keys_differ_by_seed_context_and_data() -> None:
    one, two = np.array([1, 2, 3]), np.array([4])
    keys = [
        noise_key(b"s" * 32, b"c", [one, two]),
        noise_key(b"t" * 32, b"c", [one, two]),
        noise_key(b"s" * 32, b"d", [one, two]),
        noise_key(b"s" * 32, b"c", [one, two + 1]),
        noise_key(b"s" * 32, b"c", [two, one]),
        noise_key(b"s" * 32, b"c", [np.append(one, two)]),
    ]
    assert len(set(keys)) == len(keys)
    assert noise_key(b"s" * 32, b"c", [one, two]) == keys[0]
