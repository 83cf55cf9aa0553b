"""Estimates told beside progress: time left, processor seconds and their cost."""

from hypothesis import given
from hypothesis import strategies as st

from stream_app.adapters.jobs import Heard
from stream_app.agents.telling import estimator


def test_time_left_and_cost_follow_from_what_is_done() -> None:
    estimate = estimator(3.6, "EUR")
    assert estimate(Heard(0.0, "reading"), 100.0) == {}
    found = estimate(Heard(0.25, "epochs", 5, 20, None, 50.0), 110.0)
    assert found == {"seconds_left": 30.0, "cpu_seconds": 200.0, "estimated_cost": "0.2000 EUR"}


def test_nothing_is_guessed_too_early_or_without_a_price() -> None:
    estimate = estimator(None, "EUR")
    assert estimate(Heard(0.02, "reading"), 0.0) == {}
    assert estimate(Heard(0.04, "reading", cpu_seconds=1), 5.0) == {}
    assert "estimated_cost" not in estimate(Heard(0.5, "fitting", cpu_seconds=1), 9.0)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1e6), st.floats(0, 1e6)), max_size=20))
def test_estimates_are_never_negative(told: list[tuple[float, float, float]]) -> None:
    estimate, now = estimator(1.0, "EUR"), 0.0
    for fraction, later, cpu in told:
        now += later
        found = estimate(Heard(fraction, "x", cpu_seconds=cpu), now)
        assert all(value >= 0 for value in found.values() if isinstance(value, float))
