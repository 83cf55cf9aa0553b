from dataclasses import replace

import pytest

from tests.unit.validators.population import evidence
from validators.utility.boundaries import BoundaryAdherence


def test_fresh_rows_stay_within_the_real_range() -> None:
    (found,) = BoundaryAdherence().measure(evidence())
    assert found.verdict == "PASS"
    assert (found.value or 0) > 0.99


def test_a_scale_error_in_one_column_fails_and_names_it() -> None:
    source = evidence()
    wrong = source.synthetic.assign(income=source.synthetic["income"] * 100)
    (found,) = BoundaryAdherence().measure(replace(source, synthetic=wrong))
    assert found.verdict == "FAIL"
    assert found.detail["column"] == "income"


def test_missing_cells_are_neither_within_nor_beyond() -> None:
    source = evidence()
    half = source.synthetic["age"].mask(source.synthetic.index % 2 == 0)
    (found,) = BoundaryAdherence().measure(replace(source, synthetic=source.synthetic.assign(age=half)))
    assert found.detail["worst"]["age"] == pytest.approx(1, abs=0.01)


def test_future_times_are_beyond() -> None:
    source = evidence()
    later = source.synthetic["since"] + (source.train["since"].max() - source.train["since"].min()) * 2
    (found,) = BoundaryAdherence().measure(replace(source, synthetic=source.synthetic.assign(since=later)))
    assert found.value == 0
    assert found.detail["column"] == "since"
