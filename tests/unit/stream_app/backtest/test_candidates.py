"""Simulated outcomes: the share that was asked for is refused, and what passes would be certified."""

import pytest

from schemas.events.runs import CandidateCleared, CandidateRejected
from stream_app.backtest.candidates import outcome
from stream_app.core.certification import faults
from tests.events import dossier, request


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_the_share_that_was_asked_for_is_refused(rate: float) -> None:
    # 400 attempts at 0.3: more than 0.1 away from it is over four standard deviations; the seed is fixed besides.
    asked = [dossier(request(f"flights.run{number}")) for number in range(400)]
    refused = sum(isinstance(outcome(each, 1_000, rate, 3), CandidateRejected) for each in asked)
    assert abs(refused / 400 - rate) < (0.1 if 0 < rate < 1 else 1e-9)


def test_a_repeat_is_the_same_and_another_seed_another_draw() -> None:
    asked = [dossier(request(f"flights.run{number}")) for number in range(50)]
    draws = [[type(outcome(each, 1_000, 0.5, seed)) for each in asked] for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_what_passes_has_no_fault_at_the_registrys_door() -> None:
    came = outcome(dossier(request()), 1_000, 0.0, 0)
    assert isinstance(came, CandidateCleared)
    assert faults("flights", came.dossier) == ()
