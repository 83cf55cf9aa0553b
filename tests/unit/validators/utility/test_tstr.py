from dataclasses import replace

import pandas as pd
import pytest

from schemas.errors import InsufficientEvidence
from tests.unit.validators.population import contract, evidence, independent
from validators.utility.learning import learning
from validators.utility.tstr import TstrRatio, outcomes


@pytest.mark.parametrize("target", ["churned", "plan", "income", "active"])
def test_fresh_rows_keep_the_quality_for_every_kind_of_target(target: str) -> None:
    """Seed 0; nobody can predict the last one, so nothing is lost."""
    (found,) = TstrRatio().measure(evidence((2_000, 1_000, 500, 2_000), contract=contract(target=target)))
    assert found.verdict == "PASS"
    assert found.detail["task"] == ("number" if target == "income" else "classes")
    assert found.value == pytest.approx(1.0, abs=0.15)
    assert set(found.detail["learners"]) == {"boosting", "linear"}


def test_the_worst_learner_decides_and_the_skill_is_told() -> None:
    (found,) = TstrRatio().measure(evidence())
    figures = found.detail["learners"]
    ratios = {name: each["auc_synthetic"] / each["auc_real"] for name, each in figures.items()}
    assert found.value == pytest.approx(min(ratios.values()))
    assert found.detail["worst"] == min(ratios, key=lambda name: ratios[name])
    for each in figures.values():
        assert each["skill_real"] == pytest.approx(each["auc_real"] - 0.5)
        assert 0 < each["f1_synthetic"] <= 1


@pytest.mark.parametrize("target", ["churned", "plan", "income"])
def test_shuffled_columns_keep_none(target: str) -> None:
    source = evidence(contract=contract(target=target))
    (found,) = TstrRatio().measure(replace(source, synthetic=independent(source.synthetic)))
    assert found.verdict == "FAIL"


def test_turned_labels_fail() -> None:
    source = evidence()
    (found,) = TstrRatio().measure(
        replace(source, synthetic=source.synthetic.assign(churned=~source.synthetic.churned))
    )
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


def test_outcomes_are_worked_out_once() -> None:
    task = learning(evidence((300, 300, 10, 300)))
    assert task is not None
    assert outcomes(task) is outcomes(task)
