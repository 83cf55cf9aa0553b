from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.unit.validators.population import contract, evidence
from validators.utility.leakage import LabelLeakage


@pytest.mark.parametrize("target", ["churned", "plan", "income"])
def test_fresh_rows_give_no_more_away(target: str) -> None:
    """Seed 0; the largest of six differences of AUCs, each with a deviation of about .02."""
    (found,) = LabelLeakage().measure(evidence(contract=contract(target=target)))
    assert found.verdict == "PASS"
    assert (found.value or 0) < 0.1


def test_a_column_that_spells_the_target_is_found() -> None:
    source = evidence()
    churned = source.synthetic["churned"].to_numpy(dtype=bool)
    table = source.synthetic.assign(active=pd.array(churned, dtype="boolean"))
    (found,) = LabelLeakage().measure(replace(source, synthetic=table))
    assert found.verdict == "FAIL"
    assert next(iter(found.detail["largest"])) == "active"
    assert found.value == pytest.approx(0.5, abs=0.05)


def test_missing_cells_can_spell_it_too() -> None:
    source = evidence()
    income = source.synthetic["income"].mask(source.synthetic["churned"].to_numpy(dtype=bool), np.nan)
    (found,) = LabelLeakage().measure(replace(source, synthetic=source.synthetic.assign(income=income)))
    assert found.verdict == "FAIL"


def test_a_constant_target_is_said_to_be_one() -> None:
    source = evidence()
    table = source.synthetic.assign(churned=pd.array([True] * 1_500, "boolean"))
    (found,) = LabelLeakage().measure(replace(source, synthetic=table))
    assert "constant" in (found.reason or "")
