"""River's detectors go on from plain numbers as if they had never stopped."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.drift import ADWIN, PageHinkley

from schemas.errors import ContractError
from stream_app.core.drift.detectors.river_state import (
    ReplayedAdwin,
    page_hinkley_state,
    page_hinkley_statistic,
    restore_page_hinkley,
)

SCORES = st.lists(st.floats(-5, 5), max_size=200)


def detector() -> Any:
    return PageHinkley(min_instances=5, delta=0.1, threshold=3.0, alpha=1.0)


@settings(max_examples=80, deadline=None)
@given(SCORES, SCORES)
def test_page_hinkley_goes_on_from_its_numbers(before: list[float], after: list[float]) -> None:
    whole, again = detector(), detector()
    for score in before:
        whole.update(score)
    restore_page_hinkley(again, json.loads(json.dumps(page_hinkley_state(whole), allow_nan=False)))
    for score in after:
        whole.update(score)
        again.update(score)
        assert whole.drift_detected == again.drift_detected
        assert page_hinkley_statistic(whole) == page_hinkley_statistic(again)
    assert page_hinkley_state(whole) == page_hinkley_state(again)


def test_all_that_page_hinkley_keeps_beside_its_parameters_is_written() -> None:
    kept = {name for name in vars(detector()) if name.startswith("_")} - {"_test_drift", "_x_mean"}
    state = page_hinkley_state(detector())
    assert {name.lstrip("_") for name in kept} | {"n", "mean"} == {name.lstrip("_") for name in state}
    assert set(vars(detector()._x_mean)) == {"n", "_mean"}


@pytest.mark.parametrize(
    "change", [{"n": "1"}, {"mean": None}, {"_sum_increase": True}, {"drift_detected": 1}, {"more": 1.0}]
)
def test_numbers_that_are_none_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ContractError):
        restore_page_hinkley(detector(), page_hinkley_state(detector()) | change)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2_500), st.integers(0, 2**16))
def test_adwin_goes_on_from_its_inputs(cut: int, seed: int) -> None:
    import random

    scores = [random.Random(seed).gauss(0, 1) + (place > 1_500) for place in range(2_600)]
    whole = ReplayedAdwin(0.01, 5)
    carried = ReplayedAdwin(0.01, 5)
    for place, score in enumerate(scores):
        if place == cut:
            state = json.loads(json.dumps(carried.inputs))
            carried = ReplayedAdwin(0.01, 5)
            carried.restore(state)
        whole.update(score)
        carried.update(score)
        assert whole.drift_detected == carried.drift_detected
    assert len(whole.inputs) <= 1_024


def test_adwin_is_rivers_own_until_its_inputs_are_many() -> None:
    import random

    plain: Any = ADWIN(delta=0.01, clock=1, min_window_length=1, grace_period=5)
    own, chance, alarms = ReplayedAdwin(0.01, 5), random.Random(1), 0
    for place in range(1_000):
        score = chance.gauss(0, 1) + 2 * (place > 500)
        plain.update(score)
        own.update(score)
        assert plain.drift_detected == own.drift_detected
        alarms += own.drift_detected
    assert alarms > 0
