from dataclasses import replace

import pytest

from tests.unit.validators.population import contract, evidence
from validators.utility.class_balance import ClassBalance


def test_fresh_rows_pass() -> None:
    (found,) = ClassBalance().measure(evidence())
    assert found.verdict == "PASS"
    assert found.interval is not None
    assert found.interval[0] == 0


def test_a_moved_target_fails() -> None:
    source = evidence()
    moved = source.synthetic.assign(churned=source.synthetic["churned"] | (source.synthetic.index % 3 == 0))
    (found,) = ClassBalance().measure(replace(source, synthetic=moved))
    expected = abs(moved["churned"].mean() - source.holdout["churned"].mean())
    assert found.verdict == "FAIL"
    assert found.value == pytest.approx(expected, abs=1e-9)


def test_a_numeric_target_is_compared_in_bins() -> None:
    source = replace(evidence(), contract=contract(target="income"))
    (fresh,) = ClassBalance().measure(source)
    (scaled,) = ClassBalance().measure(
        replace(source, synthetic=source.synthetic.assign(income=source.synthetic["income"] * 2))
    )
    assert (fresh.verdict, scaled.verdict) == ("PASS", "FAIL")


def test_without_a_target_there_is_no_finding() -> None:
    assert ClassBalance().measure(replace(evidence(), contract=contract(target=None))) == ()


def test_a_condition_on_the_target_is_obeyed_not_punished() -> None:
    source = evidence((1_500, 800, 500, 3_000))
    churned = source.synthetic["churned"].astype(bool)
    boosted = source.synthetic[churned | (source.synthetic.index % 5 == 0)].reset_index(drop=True)
    (punished,) = ClassBalance().measure(replace(source, synthetic=boosted))
    (fair,) = ClassBalance().measure(replace(source, synthetic=boosted, conditioned=("churned",)))
    assert (punished.verdict, fair.verdict) == ("FAIL", "PASS")
