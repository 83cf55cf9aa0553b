"""Two neighbouring tables, asked the same questions, answer within the sensitivity that each question was paid at."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from generators.marginals import FAMILY
from generators.private.meter import Meter
from generators.protocol import FitRequest, silent
from schemas.contract import Categories, Column, Contract, Policy, Privacy, PrivacyUnit, Range

ROWS = 600


def contract(unit: PrivacyUnit) -> Contract:
    return Contract(
        dataset="test",
        policy=Policy(privacy=Privacy(scope="test", epsilon="8", unit=unit), target="late"),
        columns=(
            Column(name="plane", type="string", role="entity"),
            Column(name="late", type="integer", required=True, domain=Categories(values=(0, 1), confirmed=True)),
            Column(name="amount", type="integer", domain=Range(lower=0, upper=100_000, resolution=1, confirmed=True)),
            Column(name="city", type="string", domain=Categories(values=tuple("abcdefgh"), confirmed=True)),
            Column(
                name="hour",
                type="integer",
                required=True,
                domain=Range(lower=0, upper=23, resolution=1, confirmed=True),
            ),
        ),
    )


def table() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    hour = rng.integers(0, 24, ROWS)
    return pd.DataFrame(
        {
            "plane": [f"p{row // 12}" for row in range(ROWS)],
            "late": pd.array((hour > 15).astype(int), dtype="Int64"),
            "amount": pd.array(np.where(rng.random(ROWS) < 0.5, 7_688, rng.integers(0, 9_999, ROWS)), dtype="Int64"),
            "city": rng.choice(list("abcdefgh"), ROWS),
            "hour": pd.array(hour, dtype="Int64"),
        }
    )


class _Record:
    """Answers the first fit as usual and every later one with the first one's answers, keeping what was asked."""

    def __init__(self, measure: Any) -> None:
        self.measure = measure
        self.answers: dict[str, Any] = {}
        self.counts: list[dict[str, np.ndarray]] = []
        self.paid: dict[str, float] = {}

    def __call__(
        self, meter: Meter, label: str, counts: np.ndarray, share: float, sensitivity: float = 1.0, unit: int = 1
    ) -> Any:
        self.counts[-1][label] = counts / unit
        if len(self.counts) == 1:
            self.answers[label] = self.measure(meter, label, counts, share, sensitivity, unit)
            self.paid[label] = sensitivity * meter._max_rows
        return self.answers[label]


@pytest.mark.parametrize(
    ("unit", "removed"),
    [
        (PrivacyUnit(), [17]),
        (PrivacyUnit(), [0]),
        (PrivacyUnit(kind="entity", column="plane", max_rows=5), range(24, 36)),
        (PrivacyUnit(kind="entity", column="plane", max_rows=12), range(ROWS - 12, ROWS)),
    ],
)
def test_removing_one_unit_moves_no_answer_further_than_was_paid_for(
    monkeypatch: pytest.MonkeyPatch, unit: PrivacyUnit, removed: Any
) -> None:
    record = _Record(Meter.measure)

    def measure(meter: Meter, *asked: Any, **named: Any) -> Any:
        return record(meter, *asked, **named)

    def choose(meter: Meter, label: str, scores: np.ndarray, share: float, sensitivity: float = 1.0) -> int:
        record.counts[-1][f"{label}/scores"] = scores
        record.paid[f"{label}/scores"] = sensitivity * meter._max_rows
        return record.answers.setdefault(f"{label}/scores", int(scores.argmax()))

    monkeypatch.setattr(Meter, "measure", measure)
    monkeypatch.setattr(Meter, "choose", choose)
    pinned = contract(unit)
    for rows in (table(), table().drop(index=list(removed)).reset_index(drop=True)):
        record.counts.append({})
        FAMILY.fit(rows, FitRequest(pinned, b"s" * 32, FAMILY.mechanisms(pinned, ROWS)), silent)
    whole, less = record.counts
    assert whole.keys() == less.keys()
    assert {"total", "leaves/1/0", "leaves/1/1"} <= whole.keys()
    moved = {label: _moved(label, whole[label] - less[label]) for label in whole}
    assert all(moved[label] <= record.paid[label] + 1e-9 for label in moved)
    assert max(moved[label] / record.paid[label] for label in moved) > 0.99


def _moved(label: str, difference: np.ndarray) -> float:
    """L2; of pair and triple tables what their centring publishes; of scores the largest move."""
    if label.endswith("/scores"):
        return float(np.abs(difference).max())
    if label.startswith("triple/") and difference.ndim == 3:
        for axis in range(3):
            difference = difference - difference.mean(axis=axis, keepdims=True)
    if label.startswith("pair/"):
        difference = difference - difference.mean(axis=0) - difference.mean(axis=1, keepdims=True) + difference.mean()
    return float(np.linalg.norm(difference))
