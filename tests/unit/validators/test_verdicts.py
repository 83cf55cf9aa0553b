import math

import pytest

from schemas.errors import InsufficientEvidence
from tests.unit.validators.population import contract
from validators.verdicts import hold, require, unmeasured


@pytest.mark.parametrize(("value", "interval", "cautious", "verdict"), [
    (0.50, (0.48, 0.52), True, "PASS"),
    (0.54, (0.50, 0.58), True, "INSUFFICIENT"),
    (0.54, (0.50, 0.58), False, "PASS"),
    (0.56, (0.50, 0.60), True, "FAIL"),
    (0.55, None, True, "PASS"),
    (math.nan, None, True, "INVALID"),
])  # fmt: skip
def test_a_value_and_its_interval_decide(
    value: float, interval: tuple[float, float] | None, cautious: bool, verdict: str
) -> None:
    found = hold(contract(), "nearest_neighbour_share", "privacy", value, interval=interval, cautious=cautious)
    assert (found.verdict, found.limit) == (verdict, 0.55)


def test_the_contracts_own_limit_holds_and_directions_turn() -> None:
    strict = contract(limits={"coverage": 0.99})
    assert hold(strict, "coverage", "utility", 0.98).verdict == "FAIL"
    assert hold(contract(), "coverage", "utility", 0.98).verdict == "PASS"


def test_what_was_not_measured_never_passes() -> None:
    assert unmeasured(contract(), "coverage", "utility", "INSUFFICIENT", "no rows").verdict == "INSUFFICIENT"
    with pytest.raises(InsufficientEvidence, match="3 rows, at least 5"):
        require(3, 5, "rows")
