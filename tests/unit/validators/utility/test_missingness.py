from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from schemas.finding import Finding
from tests.unit.validators.population import evidence
from validators.protocol import Evidence
from validators.utility.missingness import Missingness


def measured(source: Evidence, **columns: object) -> Finding:
    (found,) = Missingness().measure(replace(source, synthetic=source.synthetic.assign(**columns)))
    return found


def test_fresh_rows_are_missing_as_often() -> None:
    found = measured(evidence())
    assert found.verdict == "PASS"
    assert (found.value or 1) < 0.03


def test_half_of_a_column_missing_against_none_fails() -> None:
    source = evidence()
    found = measured(source, age=source.synthetic["age"].mask(source.synthetic.index % 2 == 0))
    assert found.verdict == "FAIL"
    assert found.value == pytest.approx(0.5, abs=0.01)
    assert found.detail["columns"] == ["age"]


def test_cells_that_are_missing_together_by_mistake_are_seen_though_each_rate_is_right() -> None:
    source, rng = evidence((2_000, 1_500, 300, 2_000)), np.random.default_rng(0)
    tables = {}
    for name in ("train", "holdout", "synthetic"):
        table = getattr(source, name)
        gone = rng.random(len(table)) < 0.4
        other = gone if name == "synthetic" else rng.random(len(table)) < 0.4
        tables[name] = table.assign(region=table["region"].mask(pd.Series(gone)), plan="x")
        tables[name]["plan"] = tables[name]["plan"].astype(object).mask(pd.Series(other), None)
    (found,) = Missingness().measure(replace(source, **tables))
    assert found.verdict == "FAIL"
    assert found.value == pytest.approx(0.24, abs=0.05)
    assert found.detail["columns"] == ["plan", "region"]


def test_few_fresh_rows_are_not_refused_by_noise() -> None:
    # 30 seeds at 100 rows a side
    for seed in range(30):
        assert measured(evidence((100, 100, 50, 100), seed=seed)).verdict == "PASS"
