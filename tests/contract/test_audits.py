"""Formal families under a one-run audit: what a fit gives away never exceeds its claim, and weaker noise is caught.

The audit is that of ``tests/benchmarks/generators/canaries.py``. Seeds are fixed, so each test always passes or never
does; the chances below are those of its seeds being unlucky ones.
"""

import numpy as np
import pytest

from generators.registry import FAMILIES, available
from tests.benchmarks.generators.canaries import black_box, bound, broken, canaries, white_box
from tests.contract.quickly import QUICKLY

CLAIM = "2"
MANY = 100_000
"""White box. With exact noise the bound is near 1.0; with half of it 2.19 +- .06, above the claim in 998 of 1,000."""
SOME = 10_000
FEW = 150
FORMAL = [name for name in available() if FAMILIES[name].formal and not FAMILIES[name].control]
METERED = [name for name in ("dp-marginals", "aim") if name in FORMAL]
"""Families whose every look at the data is a question to a meter."""


@pytest.mark.parametrize("seed", range(12))
def test_scores_that_are_all_alike_say_nothing(seed: int) -> None:
    """The order of ties must not come from the coins. False alarms: 12 seeds at 5 %, fixed."""
    assert bound(canaries(200, CLAIM, seed), np.zeros(200), seed).epsilon <= float(CLAIM)


@pytest.mark.parametrize("name", METERED)
def test_the_noisy_answers_of_a_fit_do_not_refute_its_claim(name: str) -> None:
    """A true claim is exceeded with a chance of 5 % at most; at the bound's usual 1.0 it practically never is."""
    found = white_box(name, canaries(MANY, CLAIM, seed=1), seed=1)
    assert 0.5 < found.epsilon <= float(CLAIM)


@pytest.mark.parametrize("name", METERED)
def test_noise_halved_is_caught(name: str) -> None:
    """Missed with a chance of .2 %."""
    with broken(2):
        assert white_box(name, canaries(MANY, CLAIM, seed=1), seed=1).epsilon > float(CLAIM)


@pytest.mark.parametrize("name", METERED)
def test_a_tenth_of_the_noise_is_caught_from_the_synthetic_rows_alone(name: str) -> None:
    with broken(10):
        assert black_box(name, canaries(SOME, CLAIM, seed=2), seed=2, rows=10 * SOME).epsilon > float(CLAIM)


@pytest.mark.parametrize("name", FORMAL)
def test_the_synthetic_rows_of_a_fit_do_not_refute_its_claim(name: str) -> None:
    """A true claim is exceeded with a chance of 5 % at most, for each family."""
    few = canaries(FEW, CLAIM, seed=3)
    found = black_box(name, few, seed=3, rows=10 * FEW, parameters=QUICKLY.get(name))
    assert found.epsilon <= float(CLAIM)
