from typing import Any

import numpy as np
import pandas as pd
import pytest

from generators.dpsgd.histograms import measured
from generators.dpsgd.population import population
from generators.private.meter import Meter
from generators.protocol import FitRequest
from schemas.contract import PrivacyUnit
from schemas.mechanism import Gaussian
from tests.contract.test_families import contract, table

ROWS = 600
GRANT = (Gaussian(noise_multiplier=0.02),)


def looked(rows: pd.DataFrame, unit: PrivacyUnit | None = None) -> Any:
    pinned = contract(True, unit=unit)
    people = population(rows, FitRequest(pinned, b"s" * 32, GRANT))
    meter = Meter(GRANT, b"k" * 32, pinned.policy.privacy.unit.max_rows)
    return measured(meter, people, "late"), people, meter


def test_at_a_large_budget_the_shares_are_the_datas() -> None:
    found, people, meter = looked(table(ROWS))
    cells = found.cells(people.positions)
    classes = found.classes_of(cells)
    assert found.rows == pytest.approx(ROWS, abs=1)
    assert found.classes == pytest.approx(np.bincount(classes) / ROWS, abs=0.01)
    for place, shares in enumerate(found.shares):
        for label in range(len(found.classes)):
            real = np.bincount(cells[classes == label, place], minlength=shares.shape[1]) / (classes == label).sum()
            assert shares[label] == pytest.approx(real, abs=0.03)
    assert meter._spent <= meter.budget


@pytest.mark.parametrize("unit", [None, PrivacyUnit(kind="entity", column="plane", max_rows=3)])
def test_leaving_a_unit_out_moves_no_answer_further_than_was_paid_for(
    monkeypatch: pytest.MonkeyPatch, unit: PrivacyUnit | None
) -> None:
    whole = table(ROWS)
    gone = whole["plane"] == whole["plane"].iloc[0] if unit else pd.Series(np.arange(ROWS) == 17)
    asked: list[dict[str, Any]] = []
    answers: dict[str, Any] = {}
    plain = Meter.measure

    def measure(meter: Meter, label: str, counts: Any, share: float) -> Any:
        asked[-1][label] = counts
        if label not in answers:
            answers[label] = plain(meter, label, counts, share)
        return answers[label]

    monkeypatch.setattr(Meter, "measure", measure)
    for rows in (whole, whole[~gone].reset_index(drop=True)):
        asked.append({})
        looked(rows, unit)
    assert asked[0].keys() == asked[1].keys()
    moved = [float(np.linalg.norm(asked[0][label] - asked[1][label])) for label in asked[0]]
    assert max(moved) <= (unit.max_rows if unit else 1) + 1e-9
    assert max(moved) > 0.99
