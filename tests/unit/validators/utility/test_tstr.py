from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from schemas.errors import InsufficientEvidence
from tests.unit.validators.population import contract, evidence, independent
from validators.utility.tstr import TstrRatio


@pytest.mark.parametrize("target", ["churned", "plan", "income"])
def test_fresh_rows_keep_the_skill_for_every_kind_of_target(target: str) -> None:
    (found,) = TstrRatio().measure(evidence((2_000, 1_000, 500, 2_000), contract=contract(target=target)))
    assert found.verdict == "PASS"
    assert found.detail["task"] == ("number" if target == "income" else "classes")
    assert found.value == pytest.approx(1.0, abs=0.15)


def test_shuffled_columns_keep_none() -> None:
    source = evidence()
    (found,) = TstrRatio().measure(replace(source, synthetic=independent(source.synthetic)))
    assert found.verdict == "FAIL"
    assert (found.value or 1) < 0.4


def test_a_constant_synthetic_target_fails_and_says_so() -> None:
    source = evidence()
    (found,) = TstrRatio().measure(
        replace(source, synthetic=source.synthetic.assign(churned=pd.array([True] * 1_500, "boolean")))
    )
    assert found.verdict == "FAIL"
    assert "constant" in (found.reason or "")


def test_a_class_that_the_table_lacks_is_named_as_a_number_not_by_its_value() -> None:
    source = evidence(contract=contract(target="plan"))
    table = source.synthetic[source.synthetic["plan"] != "gold"].reset_index(drop=True)
    (found,) = TstrRatio().measure(replace(source, synthetic=table))
    assert "1 classes" in (found.reason or "")
    assert "gold" not in found.model_dump_json()


def test_a_constant_real_target_is_no_evidence() -> None:
    source = evidence()
    with pytest.raises(InsufficientEvidence, match="constant"):
        TstrRatio().measure(replace(source, train=source.train.assign(churned=pd.array([True] * 1_500, "boolean"))))


def test_without_a_target_there_is_no_finding() -> None:
    assert TstrRatio().measure(evidence(contract=contract(target=None))) == ()


def test_a_target_that_nobody_can_predict_is_not_lost() -> None:
    source = evidence((2_000, 2_000, 500, 2_000), contract=contract(target="active"))
    (found,) = TstrRatio().measure(source)
    assert found.detail["skill_real"] < 0.05
    assert np.isfinite(found.value or np.nan)
