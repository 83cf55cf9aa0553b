from dataclasses import replace

import pytest

from tests.unit.validators.population import evidence
from validators.protocol import Evidence
from validators.utility.conditioning import compared
from validators.utility.detection import DetectionAuc
from validators.utility.marginals import MarginalFidelity
from validators.utility.tstr import TstrRatio


def boosted(share: int = 4) -> Evidence:
    """A table in which churned rows are ``share`` times as many as in the population, as a run may ask for."""
    source = evidence((1_500, 800, 500, 6_000))
    churned = source.synthetic["churned"].fillna(False).astype(bool)
    stayed = source.synthetic[~churned]
    few = stayed.iloc[: len(stayed) // share]
    return replace(
        source, synthetic=source.synthetic[churned]._append(few).sample(frac=1, random_state=0).reset_index(drop=True)
    )


def test_obeying_a_condition_is_not_punished() -> None:
    source = boosted()
    for validator in (MarginalFidelity(), DetectionAuc(), TstrRatio()):
        for found in validator.measure(replace(source, conditioned=("churned",))):
            assert found.verdict == "PASS"
            assert found.detail["conditioned"] == ["churned"]
    (punished,) = DetectionAuc().measure(source)
    (fair,) = DetectionAuc().measure(replace(source, conditioned=("churned",)))
    assert (punished.value or 0) > (fair.value or 1) + 0.1


def test_thinning_restores_the_real_shares_and_repeats_no_row() -> None:
    tables = compared(replace(boosted(), conditioned=("churned",)))
    assert tables.synthetic["churned"].mean() == pytest.approx(tables.holdout["churned"].mean(), abs=0.03)
    assert not tables.synthetic.duplicated().any()


def test_a_run_for_one_value_is_compared_with_the_real_rows_of_that_value() -> None:
    source = evidence()
    only = source.synthetic[source.synthetic["churned"].fillna(False).astype(bool)].reset_index(drop=True)
    tables = compared(replace(source, synthetic=only, conditioned=("churned",)))
    assert tables.holdout["churned"].all()
    assert len(tables.synthetic) == len(only)
    assert tables.detail["real_share_compared"] < 1
    assert TstrRatio().measure(replace(source, synthetic=only, conditioned=("churned",))) == ()


def test_without_conditions_the_tables_are_as_they_were() -> None:
    source = evidence()
    assert compared(source).synthetic is source.synthetic
