"""When a release meets the attacks again."""

from hypothesis import given
from hypothesis import strategies as st

from stream_app.core.attacks import DAY_MS, LastAttack, due

TIMES = st.integers(0, 2**40)


@given(TIMES, TIMES, st.integers(1, 365), st.integers(1, 50))
def test_the_schedule_decides_while_the_suite_is_the_same(at: int, now: int, days: int, look: int) -> None:
    expected = "schedule" if now >= at + days * DAY_MS else None
    assert due(LastAttack(at, "a", look), "a", now, days) == expected


@given(TIMES, TIMES, st.integers(1, 365), st.sampled_from([None, "b"]))
def test_another_suite_or_an_unknown_one_waits_for_nothing(at: int, now: int, days: int, suite: str | None) -> None:
    assert due(LastAttack(at, suite, 1), "a", now, days) == "suite"
