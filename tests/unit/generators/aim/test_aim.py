"""The adaptive rounds find what pairs cannot hold, ask no more than they pay for, and keep to the grant."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from generators.aim.family import FAMILY
from generators.aim.joint import Clique
from generators.private.meter import Meter
from generators.protocol import FitRequest, silent
from schemas.accounting import gaussian_budget, within
from schemas.contract import Categories, Column, Contract, Policy, Privacy, PrivacyUnit
from schemas.errors import BudgetError, ContractError
from tests.unit.generators.marginals import test_sensitivity as neighbours

QUICK = {"rounds": 2, "look_rows": 4_000}
SECRET = b"s" * 32


def flags(rows: int) -> pd.DataFrame:
    """``odd`` is the parity of the two others: no pair of columns shares anything."""
    rng = np.random.default_rng(4)
    left, right = rng.integers(0, 2, rows), rng.integers(0, 2, rows)
    columns = {"odd": left ^ right, "left": left, "right": right, "noise": rng.integers(0, 2, rows)}
    return pd.DataFrame({name: pd.array(values, dtype="Int64") for name, values in columns.items()})


def parity(epsilon: str = "4") -> Contract:
    return Contract(
        dataset="test",
        policy=Policy(privacy=Privacy(scope="test", epsilon=epsilon), target="odd"),
        columns=tuple(
            Column(name=name, type="integer", required=True, domain=Categories(values=(0, 1), confirmed=True))
            for name in ("odd", "left", "right", "noise")
        ),
    )


def fitted(family: Any, table: pd.DataFrame, contract: Contract, **parameters: float) -> Any:
    granted = family.mechanisms(contract, len(table))
    return family.fit(table, FitRequest(contract, SECRET, granted, parameters), silent)


def test_learns_an_effect_of_three_columns_that_pairs_cannot_hold() -> None:
    """Parity holds in half of the rows where only pairs are known; one seed."""
    model = fitted(FAMILY, flags(4_000), parity(), **QUICK)
    drawn = model.sample(4_000, 1)
    assert (drawn["odd"] == (drawn["left"] + drawn["right"]) % 2).mean() > 0.9
    assert any({*link.columns, column} == {0, 1, 2} for column, links in model.joints.items() for link in links)


def test_spends_the_grant_and_no_more() -> None:
    table, contract = flags(500), parity()
    granted = FAMILY.mechanisms(contract, 500)
    recorded = fitted(FAMILY, table, contract, **QUICK).mechanisms
    assert within(recorded, granted, 1e-5)
    assert gaussian_budget(recorded) > 0.9 * gaussian_budget(granted)


@pytest.mark.parametrize(
    ("unit", "removed"),
    [(PrivacyUnit(), [17]), (PrivacyUnit(kind="entity", column="plane", max_rows=5), range(24, 36))],
)
def test_removing_one_unit_moves_no_answer_and_no_score_further_than_was_paid_for(
    monkeypatch: pytest.MonkeyPatch, unit: PrivacyUnit, removed: Any
) -> None:
    """The second fit is answered, and made to choose, as the first one was."""
    answers, choices = neighbours._Record(Meter.measure), _Choices(Meter.choose)

    def measure(meter: Meter, *asked: Any, **named: Any) -> Any:
        return answers(meter, *asked, **named)

    def choose(meter: Meter, *asked: Any, **named: Any) -> int:
        return choices(meter, *asked, **named)

    monkeypatch.setattr("generators.aim.family.LEAST_MASS", 0.0)
    monkeypatch.setattr(Meter, "measure", measure)
    monkeypatch.setattr(Meter, "choose", choose)
    contract = neighbours.contract(unit)
    for rows in (neighbours.table(), neighbours.table().drop(index=list(removed)).reset_index(drop=True)):
        answers.counts.append({})
        choices.scores.append({})
        fitted(FAMILY, rows, contract, **QUICK)
    whole, less = answers.counts
    assert whole.keys() == less.keys()
    later = [label for label in whole if label.startswith("rounds/")]
    assert later
    for label in later:
        moved = neighbours._moved(label.removeprefix("rounds/"), whole[label] - less[label])
        assert moved <= answers.paid[label] + 1e-9
    first, second = choices.scores
    assert first.keys() == second.keys() != set()
    for label in first:
        assert np.abs(first[label] - second[label]).max() <= choices.paid[label]


class _Choices:
    """Lets the first fit choose and every later one repeat the first one's choices, keeping the scores."""

    def __init__(self, choose: Any) -> None:
        self.choose = choose
        self.chosen: dict[str, int] = {}
        self.scores: list[dict[str, np.ndarray]] = []
        self.paid: dict[str, float] = {}

    def __call__(self, meter: Meter, label: str, scores: np.ndarray, share: float, sensitivity: float = 1.0) -> int:
        self.scores[-1][label] = scores
        if len(self.scores) == 1:
            self.chosen[label] = self.choose(meter, label, scores, share, sensitivity)
            self.paid[label] = sensitivity * meter._max_rows
        return self.chosen[label]


def test_cliques_count_rows_in_their_own_order() -> None:
    codings = fitted(FAMILY, flags(300), parity(), **QUICK).codings
    rows = np.array([[1, 0, 1, 0], [1, 0, 1, 1], [0, 1, 1, 0]])
    counts = Clique((0, 2), (True, True)).counts(rows, codings).reshape(2, 2)
    assert counts.tolist() == [[0, 1], [0, 2]]


@pytest.mark.parametrize("parameters", [{"rounds": 0.0}, {"start": 1.0}, {"speed": 1.0}])
def test_parameters_out_of_range_are_refused(parameters: dict[str, float]) -> None:
    with pytest.raises(ContractError, match="aim"):
        fitted(FAMILY, flags(50), parity(), **parameters)


def test_no_grant_is_no_fit() -> None:
    with pytest.raises(BudgetError):
        FAMILY.fit(flags(50), FitRequest(parity(), SECRET), silent)
