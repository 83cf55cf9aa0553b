"""A private test on live rows: what it counts, where its window lies, and that it answers once whatever happens."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ContractError, InputError
from schemas.table import conform
from stream_app.adapters.row_batches import columns_of_rows
from stream_app.core.drift.private.live_test import LiveTest
from stream_app.core.drift.private.private_trigger import PrivateTrigger
from stream_app.core.drift.reference import Reference, build_reference
from stream_app.core.drift.wire import Compared
from tests.unit.stream_app.agents.lives import CONTRACT, observed, rows
from tests.unit.stream_app.core.drift.private_tests import HOUR, POLICY, RELEASE, SECRET, counted, grant
from tests.unit.stream_app.core.drift.private_tests import rows as coded

ORIGIN = "source.records/0"
QUIET, MOVED = (Compared(RELEASE.digest, counted(coded(1_000, 5, shift))) for shift in (0.0, 2.0))


def live(name: str = "flights.test.1") -> LiveTest:
    return LiveTest(PrivateTrigger(grant(name), RELEASE, POLICY, SECRET))


def feed(test: LiveTest, hours: list[Compared | None], start: int = 0, origin: str = ORIGIN) -> None:
    """Two messages an hour."""
    for hour, compared in enumerate(hours, start):
        for half in (0, 1):
            offset = 2 * hour + half
            test.take(origin, offset, offset, hour * HOUR + half * HOUR // 2, compared)


def test_an_answer_comes_with_the_stretch_of_its_window_and_no_other() -> None:
    test = live()
    feed(test, [QUIET, QUIET, MOVED])
    assert (test.fired, test.stretches) == (None, {ORIGIN: (4, 5)})
    feed(test, [QUIET], start=3)
    assert test.fired is not None
    assert (test.fired.start, test.fired.end, test.due) == (2 * HOUR, 3 * HOUR, True)
    feed(test, [MOVED] * 9, start=4)
    assert test.stretches == {ORIGIN: (4, 5)}
    assert test.fired.looks == 3


def test_messages_without_fitting_counts_belong_to_the_window_and_are_not_counted() -> None:
    test = live()
    other = Compared("0" * 64, MOVED.counts)
    for offset, compared in enumerate((None, other, QUIET, None)):
        test.take(ORIGIN, offset, offset, 5 * HOUR, compared)
    assert test.stretches == {ORIGIN: (0, 3)}
    test.take("source.records/1", 7, 8, 5 * HOUR, None)
    assert test.stretches == {ORIGIN: (0, 3), "source.records/1": (7, 8)}
    feed(test, [None, other] * 10, start=6)
    assert test.fired is None


def test_what_was_taken_before_changes_nothing() -> None:
    once, twice = live(), live()
    for hour in range(4):
        compared = MOVED if hour == 2 else QUIET
        feed(once, [compared], start=hour)
        feed(twice, [compared], start=hour)
        feed(twice, [MOVED] * (hour + 1))
    assert once.fired == twice.fired is not None
    assert once.to_json() == twice.to_json()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=12), st.data())
def test_a_worker_that_takes_over_anywhere_comes_to_the_same_answer(moved: list[bool], data: st.DataObject) -> None:
    hours = [MOVED if each else QUIET for each in moved]
    whole, carried = live(), live()
    feed(whole, [*hours, QUIET])
    cut = data.draw(st.integers(0, len(hours)))
    feed(carried, list(hours[:cut]))
    carried = LiveTest.from_json(carried.to_json(), SECRET)
    feed(carried, [*hours[cut:], QUIET], start=cut)
    assert carried.to_json() == whole.to_json()
    assert (carried.fired is not None) == any(moved)


def test_the_answer_and_whether_it_was_told_outlive_a_worker() -> None:
    test = live()
    feed(test, [MOVED, QUIET])
    again = LiveTest.from_json(test.to_json(), SECRET)
    assert again.due
    assert (again.fired, again.stretches) == (test.fired, {ORIGIN: (0, 1)})
    again.told = True
    last = LiveTest.from_json(again.to_json(), SECRET)
    assert not last.due
    feed(last, [MOVED] * 5, start=2)
    assert last.fired == test.fired


def test_a_renewal_goes_on_in_a_window_that_opens_then() -> None:
    test = live()
    feed(test, [QUIET, MOVED])
    renewed = grant(release="flights.run.2")
    test.rebase(renewed, RELEASE)
    assert (test.grant, test.stretches) == (renewed, {})
    test.take(ORIGIN, 4, 4, 2 * HOUR, QUIET)
    test.take(ORIGIN, 5, 5, 3 * HOUR, QUIET)
    assert (test.fired, test.stretches) == (None, {ORIGIN: (5, 5)})
    with pytest.raises(InputError):
        test.rebase(grant("flights.test.2"), RELEASE)


def test_nothing_follows_an_answer_not_even_a_renewal() -> None:
    test = live()
    feed(test, [MOVED, QUIET])
    test.rebase(grant(release="flights.run.2"), RELEASE)
    assert test.grant == grant()
    assert test.due


def test_counts_of_another_layout_are_refused_and_change_nothing() -> None:
    test = live()
    feed(test, [QUIET])
    before = test.to_json()
    for counts in (np.ones(3, dtype=np.int64), -QUIET.counts):
        with pytest.raises(ContractError):
            test.take(ORIGIN, 9, 9, HOUR, Compared(RELEASE.digest, counts))
    assert test.to_json() == before


@pytest.mark.parametrize("operation", ["delete", "label"])
def test_only_inserts_are_counted(operation: Any) -> None:
    frame = rows(2_000, 1)
    test, release = on_lives(frame)
    assert test.count(columns_of_rows(observed(frame, operation)), operation) is None
    found = test.count(columns_of_rows(observed(frame)), "insert")
    assert found is not None
    assert test.fits(found)
    assert found.counts.tolist() == release.counts[0].tolist()


def test_rows_are_counted_on_the_bins_of_the_release_alone() -> None:
    test, release = on_lives(rows(2_000, 1))
    found = test.count(columns_of_rows(observed(rows(500, 2, shift=3.0))), "insert")
    assert found is not None
    assert found.counts.shape == (release.layout.cells,)
    assert found.counts[release.layout.column_cells(0)].sum() == 500


def on_lives(frame: pd.DataFrame) -> tuple[LiveTest, Reference]:
    release = build_reference(conform(frame, CONTRACT).table, CONTRACT)
    return LiveTest(PrivateTrigger(grant(), release, POLICY, SECRET)), release


TEXT = live().to_json()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.text(max_size=3))
def test_a_damaged_state_is_a_contract_error_or_a_state(place: int, what: str) -> None:
    damaged = TEXT[:place] + what + TEXT[place + 1 + len(what) :]
    try:
        found = LiveTest.from_json(damaged, SECRET)
    except ContractError:
        return
    assert isinstance(found.told, bool)


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"trigger": 1, "release": 2}', TEXT[:-1]])
def test_other_text_is_a_contract_error(text: str) -> None:
    with pytest.raises(ContractError):
        LiveTest.from_json(text, SECRET)
