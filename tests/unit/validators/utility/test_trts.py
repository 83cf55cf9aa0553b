from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.unit.validators.population import contract, evidence, independent
from validators.utility.trts import TrtsRatio


@pytest.mark.parametrize("target", ["churned", "plan", "income"])
def test_fresh_rows_are_as_easy_as_the_holdout_and_shuffled_ones_are_not(target: str) -> None:
    source = evidence((2_000, 1_000, 500, 2_000), contract=contract(target=target))
    (fresh,) = TrtsRatio().measure(source)
    (shuffled,) = TrtsRatio().measure(replace(source, synthetic=independent(source.synthetic)))
    assert (fresh.verdict, shuffled.verdict) == ("PASS", "FAIL")


def test_a_constant_target_is_worth_guessing() -> None:
    source = evidence()
    table = source.synthetic.assign(churned=pd.array([True] * len(source.synthetic), "boolean"))
    (found,) = TrtsRatio().measure(replace(source, synthetic=table))
    assert found.verdict == "FAIL"
    assert found.value == pytest.approx(0.5 / max(each["holdout"] for each in found.detail["learners"].values()))
    assert np.isfinite(found.value or np.nan)
