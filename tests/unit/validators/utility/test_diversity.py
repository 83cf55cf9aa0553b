from dataclasses import replace

import pandas as pd
import pytest

from tests.unit.validators.population import evidence
from validators.utility.diversity import Diversity


def test_fresh_rows_are_as_diverse_as_real_ones() -> None:
    (found,) = Diversity().measure(evidence())
    assert found.verdict == "PASS"
    assert found.value == pytest.approx(1, abs=0.1)


def test_every_row_twice_fails_by_distinct_rows() -> None:
    source = evidence()
    twice = pd.concat([source.synthetic.iloc[:750]] * 2, ignore_index=True)
    (found,) = Diversity().measure(replace(source, synthetic=twice))
    assert found.verdict == "FAIL"
    assert found.detail["by"] == "distinct rows"
    assert found.detail["distinct_rows"] == pytest.approx(0.5, abs=0.02)


def test_rows_that_crowd_around_few_modes_fail_by_effective_cells() -> None:
    source = evidence()
    modes = source.synthetic.iloc[[0, 1, 2] * 500].reset_index(drop=True)
    crowded = modes.assign(income=source.synthetic["income"])
    (found,) = Diversity().measure(replace(source, synthetic=crowded))
    assert found.verdict == "FAIL"
    assert found.detail["by"] == "effective cells"
    assert found.detail["effective_cells"] < 0.1
