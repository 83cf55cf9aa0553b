from dataclasses import replace

import pytest

from tests.unit.validators.population import evidence, independent
from validators.utility.marginals import MarginalFidelity


def test_fresh_rows_score_as_the_train_rows_do() -> None:
    (found,) = MarginalFidelity().measure(evidence())
    assert found.verdict == "PASS"
    assert found.value == pytest.approx(found.baseline, abs=0.02)
    assert found.interval is not None
    assert found.interval[0] < (found.value or 0) < found.interval[1]


def test_a_shifted_column_is_named_worst() -> None:
    source = evidence()
    moved = source.synthetic.assign(age=source.synthetic["age"] + 30)
    (found,) = MarginalFidelity().measure(replace(source, synthetic=moved))
    assert next(iter(found.detail["worst"])) == "age"
    assert found.detail["worst"]["age"] < 0.4


def test_missing_cells_are_a_value_like_any_other() -> None:
    source = evidence()
    (found,) = MarginalFidelity().measure(replace(source, synthetic=source.synthetic.assign(plan=None)))
    assert found.detail["worst"]["plan"] < 0.1


def test_shuffled_columns_keep_their_marginals() -> None:
    source = evidence()
    (found,) = MarginalFidelity().measure(replace(source, synthetic=independent(source.synthetic)))
    assert found.verdict == "PASS"
