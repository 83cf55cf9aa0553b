from dataclasses import replace

import pytest

from tests.unit.validators.population import evidence
from validators.utility.outliers import OutlierShare


def test_one_in_a_hundred_fresh_rows_lies_out() -> None:
    (found,) = OutlierShare().measure(evidence((4_000, 2_000, 100, 4_000)))
    assert found.verdict == "PASS"
    assert found.value == pytest.approx(0.01, abs=0.006)
    assert found.baseline == pytest.approx(0.01, abs=0.008)


def test_a_table_full_of_outliers_fails() -> None:
    source = evidence()
    far = source.synthetic["age"].mask(source.synthetic.index % 12 == 0, 400)
    (found,) = OutlierShare().measure(replace(source, synthetic=source.synthetic.assign(age=far)))
    assert found.verdict == "FAIL"
    assert found.value == pytest.approx(1 / 12, abs=0.02)
