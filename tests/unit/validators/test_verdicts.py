import math

import pytest

from schemas.errors import InsufficientEvidence
from tests.unit.validators.population import contract
from validators.verdicts import Rule, hold, require, unmeasured


@pytest.mark.parametrize(("value", "interval", "rule", "verdict"), [
    (0.90, (0.88, 0.92), "cautious", "FAIL"),
    (0.50, (0.48, 0.52), "cautious", "PASS"),
    (0.76, (0.70, 0.82), "cautious", "INSUFFICIENT"),
    (0.76, (0.70, 0.82), "value", "PASS"),
    (0.80, (0.76, 0.84), "cautious", "FAIL"),
    (0.80, (0.76, 0.84), "confident", "PASS"),
    (0.80, (0.79, 0.84), "confident", "FAIL"),
    (0.80, None, "confident", "FAIL"),
    (0.78, None, "cautious", "PASS"),
    (math.nan, None, "cautious", "INVALID"),
])  # fmt: skip
def test_a_value_and_its_interval_decide(
    value: float, interval: tuple[float, float] | None, rule: Rule, verdict: str
) -> None:
    found = hold(contract(), "detection_auc", "utility", value, interval=interval, rule=rule)
    assert (found.verdict, found.limit) == (verdict, 0.78)


def test_the_contracts_own_limit_holds_and_directions_turn() -> None:
    strict = contract(limits={"coverage": 0.99})
    assert hold(strict, "coverage", "utility", 0.98).verdict == "FAIL"
    assert hold(contract(), "coverage", "utility", 0.98).verdict == "PASS"


def test_what_was_not_measured_never_passes() -> None:
    assert unmeasured(contract(), "coverage", "utility", "INSUFFICIENT", "no rows").verdict == "INSUFFICIENT"
    with pytest.raises(InsufficientEvidence, match="3 rows, at least 5"):
        require(3, 5, "rows")
