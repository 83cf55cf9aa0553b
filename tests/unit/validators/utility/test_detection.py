from dataclasses import replace

import pytest

from schemas.errors import InsufficientEvidence
from tests.unit.validators.population import evidence, independent
from validators.utility.detection import DetectionAuc


def test_fresh_rows_cannot_be_told_apart() -> None:
    """Seed 0: the AUC's deviation is about .015."""
    (found,) = DetectionAuc().measure(evidence())
    assert found.verdict == "PASS"
    assert found.value == pytest.approx(0.5, abs=0.05)


def test_shuffled_columns_are_told_apart() -> None:
    source = evidence((1_500, 1_500, 500, 1_500))
    (found,) = DetectionAuc().measure(replace(source, synthetic=independent(source.synthetic)))
    assert found.verdict == "FAIL"


def test_dtypes_and_column_order_give_nothing_away() -> None:
    source = evidence()
    stored = source.synthetic.astype({"age": "float64", "active": object})[source.synthetic.columns[::-1]]
    (found,) = DetectionAuc().measure(replace(source, synthetic=stored))
    (typed,) = DetectionAuc().measure(source)
    assert found.value == typed.value


def test_too_few_rows_are_no_evidence() -> None:
    with pytest.raises(InsufficientEvidence):
        DetectionAuc().measure(evidence((400, 149, 100, 400)))


def test_a_category_that_real_rows_lack_is_only_some_other() -> None:
    source = evidence((800, 800, 10, 800))
    renamed = source.synthetic.assign(plan=source.synthetic["plan"].replace("gold", "golden"))
    again = source.synthetic.assign(plan=source.synthetic["plan"].replace("gold", "aurum"))
    first, second = (DetectionAuc().measure(replace(source, synthetic=table))[0] for table in (renamed, again))
    assert first.value == second.value
    assert first.verdict == "FAIL"


def test_the_logistic_auc_is_told() -> None:
    (found,) = DetectionAuc().measure(evidence((400, 400, 10, 400)))
    assert 0.3 < found.detail["auc_logistic"] < 0.7
