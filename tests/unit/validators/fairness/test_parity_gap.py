from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference

from schemas.errors import InsufficientEvidence
from tests.unit.validators.population import contract, evidence
from validators.fairness.parity_gap import ParityGap, difference_of
from validators.protocol import Evidence


def source(target: str = "churned") -> Evidence:
    return evidence((3_000, 2_000, 10, 3_000), contract=contract(subgroups=("region", "active"), target=target))


@pytest.mark.parametrize("seed", range(5))
def test_differences_of_counts_are_fairlearns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    group, truth, called = rng.integers(0, 3, 400), rng.integers(0, 2, 400), rng.integers(0, 2, 400)
    counts = np.bincount((group * 2 + truth) * 2 + called, minlength=12).reshape(1, 3, 2, 2).astype(float)
    expected = demographic_parity_difference(truth, called, sensitive_features=group)
    assert difference_of("demographic_parity", counts)[0] == pytest.approx(expected)
    expected = equalized_odds_difference(truth, called, sensitive_features=group)
    assert difference_of("equalised_odds", counts)[0] == pytest.approx(expected)


@pytest.mark.parametrize("target", ["churned", "plan", "income"])
def test_fresh_rows_make_no_model_less_fair(target: str) -> None:
    (found,) = ParityGap().measure(source(target))
    assert found.verdict == "PASS"
    assert {each["measure"] for each in found.detail["parity"]} == {"demographic_parity", "equalised_odds"}


def test_a_table_that_wrongs_one_group_fails() -> None:
    given = source()
    inactive = (~given.synthetic["active"]).to_numpy(dtype=bool)
    wronged = given.synthetic["churned"].to_numpy(dtype=bool) | inactive
    (found,) = ParityGap().measure(
        replace(given, synthetic=given.synthetic.assign(churned=pd.array(wronged, "boolean")))
    )
    assert found.verdict == "FAIL"
    assert (found.value or 0) > 0.3


def test_without_subgroups_or_a_target_there_is_no_finding() -> None:
    assert ParityGap().measure(evidence((300, 300, 10, 300))) == ()
    assert (
        ParityGap().measure(evidence((300, 300, 10, 300), contract=contract(subgroups=("region",), target=None))) == ()
    )
    itself = contract(subgroups=("churned",), target="churned")
    assert ParityGap().measure(evidence((300, 300, 10, 300), contract=itself)) == ()


def test_groups_without_support_are_no_evidence() -> None:
    small = contract(subgroups=("region",))
    with pytest.raises(InsufficientEvidence, match="two groups"):
        ParityGap().measure(evidence((300, 100, 10, 300), contract=small))
