from dataclasses import replace

from tests.unit.validators.population import contract, evidence, independent
from validators.utility.tstr_auc import TstrAuc


def test_where_real_rows_reach_the_limit_synthetic_ones_must() -> None:
    source = evidence(contract=contract(limits={"tstr_auc": 0.7}))
    (fresh,) = TstrAuc().measure(source)
    assert (fresh.verdict, fresh.detail["applies"]) == ("PASS", True)
    assert (fresh.baseline or 0) >= 0.7
    (shuffled,) = TstrAuc().measure(replace(source, synthetic=independent(source.synthetic)))
    assert shuffled.verdict == "FAIL"


def test_where_they_do_not_the_finding_passes_and_says_why() -> None:
    source = evidence(contract=contract(limits={"tstr_auc": 0.99}))
    (found,) = TstrAuc().measure(replace(source, synthetic=independent(source.synthetic)))
    assert (found.verdict, found.detail["applies"]) == ("PASS", False)
    assert "does not apply" in (found.reason or "")
    assert found.value is not None


def test_a_number_has_no_auc() -> None:
    assert TstrAuc().measure(evidence(contract=contract(target="income"))) == ()
