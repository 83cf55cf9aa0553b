from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from schemas.errors import InsufficientEvidence
from tests.unit.validators.population import evidence
from validators.protocol import Evidence
from validators.utility.minority import MinorityRecall, recall


def rare(sizes: tuple[int, int, int, int] = (3_000, 2_000, 10, 3_000)) -> Evidence:
    """Churn is rare and can be learnt: young, active customers, with one label in fifty turned."""
    source = evidence(sizes)
    tables = {side: relabelled(getattr(source, side)) for side in ("train", "holdout", "synthetic")}
    return replace(source, **tables)


def relabelled(table: pd.DataFrame) -> pd.DataFrame:
    turned = np.arange(len(table)) % 50 == 0
    young = ((table["age"] < 35) & table["active"]).to_numpy(dtype=bool)
    return table.assign(churned=pd.array(young ^ turned, dtype="boolean"))


def test_fresh_rows_do_not_hurt_and_false_ones_do() -> None:
    source = rare()
    (fresh,) = MinorityRecall().measure(source)
    assert fresh.verdict == "PASS"
    assert fresh.detail["share"] < 0.2
    old = ((source.synthetic["age"] > 55) & source.synthetic["active"]).to_numpy(dtype=bool)
    poisoned = source.synthetic.assign(churned=pd.array(old, dtype="boolean"))
    (hurt,) = MinorityRecall().measure(replace(source, synthetic=poisoned))
    assert hurt.verdict == "FAIL"


def test_a_frequent_class_has_no_finding() -> None:
    assert MinorityRecall().measure(evidence()) == ()


def test_too_few_rare_rows_are_no_evidence() -> None:
    with pytest.raises(InsufficientEvidence, match="rare class"):
        MinorityRecall().measure(rare((3_000, 120, 10, 3_000)))


def test_recall_at_as_many_alerts_as_positives() -> None:
    positive = np.array([True, True, False, False])
    assert recall(np.array([4.0, 1.0, 3.0, 2.0]), positive, np.zeros(4)).value == 0.5
    assert recall(np.array([4.0, 3.0, 1.0, 2.0]), positive, np.zeros(4)).value == 1
