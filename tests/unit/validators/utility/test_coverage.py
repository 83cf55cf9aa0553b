from dataclasses import replace

import pytest

from tests.unit.validators.population import evidence
from validators.utility.coverage import Coverage


def test_fresh_rows_cover_everything_common() -> None:
    (found,) = Coverage().measure(evidence())
    assert found.verdict == "PASS"
    assert found.value == pytest.approx(1.0, abs=0.02)


def test_a_collapsed_table_fails() -> None:
    source = evidence()
    collapsed = source.synthetic.iloc[[0, 1, 2] * 500].reset_index(drop=True)
    (found,) = Coverage().measure(replace(source, synthetic=collapsed))
    assert found.verdict == "FAIL"


def test_what_is_too_rare_for_the_tables_size_is_not_asked_for() -> None:
    source = evidence()
    (found,) = Coverage().measure(replace(source, synthetic=source.synthetic.iloc[:150]))
    assert found.verdict == "PASS"
