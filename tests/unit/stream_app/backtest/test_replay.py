"""A whole contract on small histories: what a planted change, an expiry, a small cap or another timing comes to.

Streams are seeded; at half a false alarm in a million rows, one of 4,000 rows gives one in about 500 seeds.
"""

from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.accounting import epsilon_of
from schemas.contract import Contract
from schemas.drift import DriftPolicy
from schemas.errors import PerennialError
from schemas.events.budget import SpendReserved, TriggerReserved
from schemas.model import epsilon_text
from stream_app.backtest.history import history_of
from stream_app.backtest.replay import Replayed, Terms, replay
from stream_app.backtest.result import Backtest
from stream_app.backtest.summary import summary
from stream_app.core.audit import audit_ledger
from tests.unit.stream_app.backtest.histories import CHANGE, REFERENCE, ROWS, SHA, TERMS, contract, replayed, rows
from tests.unit.stream_app.core.drift.odd_frames import OBJECTS


def causes(found: Backtest) -> dict[str, int]:
    return {each.cause: each.runs for each in found.runs}


def audited(done: Replayed) -> None:
    """The ledger of a replay can be added up again from its log, as any other."""
    assert audit_ledger(done.stations.logs["budget.log"].entries, done.stations.lines).faults == ()


@pytest.fixture(scope="module")
def shifted() -> Replayed:
    return replayed(rows(), contract())


def test_a_planted_change_gives_one_regeneration_soon_after_it(shifted: Replayed) -> None:
    found = summary(shifted, (CHANGE,))
    assert causes(found) == {"snapshot": 1, "drift": 1}
    assert found.regenerations == 1
    assert found.alarms.found == 1
    assert found.alarms.false == 0
    (change,) = found.alarms.changes
    assert change.delay is not None
    assert 0 < change.delay <= 1_000
    run = found.budget.grants[1]
    assert CHANGE + 1_000 <= run.row <= CHANGE + 2_000  # its window needs 1,000 rows of the new kind
    assert found.happenings[0].row == REFERENCE


def test_drift_after_the_next_known_change_is_not_the_former_ones(shifted: Replayed) -> None:
    alarms = summary(shifted, (CHANGE, REFERENCE + 500)).alarms
    assert [(change.row, change.delay is None) for change in alarms.changes] == [(2_500, True), (CHANGE, False)]
    assert alarms.false == 0
    assert summary(shifted, (ROWS - 100,)).alarms.false == 1


def test_the_epsilon_of_the_grants_added_again_is_the_ledgers(shifted: Replayed) -> None:
    audited(shifted)
    grants = [line for line in shifted.stations.lines if isinstance(line, SpendReserved)]
    mechanisms = [mechanism for line in grants for mechanism in line.mechanisms]
    found = summary(shifted).budget
    assert len(grants) == 2
    assert found.epsilon == epsilon_text(epsilon_of(tuple(mechanisms), found.delta))
    assert [grant.epsilon_after for grant in found.grants] == ["1", found.epsilon]
    assert 1 < float(found.epsilon) < 2


def test_a_replay_repeats_itself_and_a_coarser_one_finds_the_same(shifted: Replayed) -> None:
    first, again = summary(shifted), summary(replayed(rows(), contract()))
    assert first.model_copy(update={"cost": again.cost}) == again
    coarse = summary(replayed(rows(), contract(), replace(TERMS, batch_rows=250)))
    assert causes(coarse) == causes(first)
    assert coarse.budget.epsilon == first.budget.epsilon


def test_a_cap_that_is_too_small_refuses_and_says_when() -> None:
    done = replayed(rows(), contract(cap_epsilon="1.2"))
    found = summary(done)
    audited(done)
    assert (found.budget.refusals, found.budget.epsilon, causes(found)) == (1, "1", {"snapshot": 1})
    assert found.budget.ran_out is not None
    assert found.budget.ran_out.row > CHANGE
    assert "over its cap of 1.2" in found.budget.ran_out.text
    assert any("the ledger refused the budget" in reason for reason in found.dismissed)


def test_a_reserve_is_kept_from_drift() -> None:
    found = summary(replayed(rows(), contract(cap_epsilon="1.8", budget_reserve=0.4)))
    assert found.budget.refusals == 1
    assert found.budget.ran_out is not None
    assert "budget_reserve" in found.budget.ran_out.text


def test_under_a_schedule_drift_starts_nothing() -> None:
    found = summary(replayed(rows(), contract(timing="schedule")))
    assert causes(found) == {"snapshot": 1}
    assert found.alarms.found == 1
    assert [reason for reason in found.dismissed if "timing is schedule" in reason]


def test_an_expiry_without_drift_samples_again_and_spends_nothing() -> None:
    found = summary(replayed(rows(shift_at=None), contract(valid_days=2)))
    (expiry,) = [each for each in found.runs if each.cause == "expiry"]
    assert expiry.runs == expiry.sampled_again == expiry.certified == 2  # 5.6 days after the snapshot
    assert found.budget.epsilon == "1"
    assert found.cost.fits == 1
    assert [each.what for each in found.happenings].count("expired") == 2


def test_a_renewal_ahead_is_told_from_an_expiry() -> None:
    found = summary(replayed(rows(shift_at=None), contract(valid_days=2, renew_days_ahead=1)))
    assert causes(found) == {"snapshot": 1, "renewal": 5}
    assert found.budget.epsilon == "1"


def test_after_drift_an_expiry_is_a_fit_of_the_newest_rows() -> None:
    found = summary(replayed(rows(), contract(valid_days=3, on_drift=False)))
    (expiry,) = [each for each in found.runs if each.cause == "expiry"]
    assert (expiry.runs, expiry.sampled_again) == (1, 0)
    assert float(found.budget.epsilon) > 1


def test_refused_attempts_climb_the_ladder_and_stay_spent() -> None:
    done = replayed(rows(shift_at=None), contract(), replace(TERMS, reject_rate=1.0))
    found = summary(done)
    audited(done)
    (run,) = found.runs
    assert (run.attempts, run.certified) == (3, 0)
    assert float(found.budget.epsilon) > 1.5
    assert any("the contract allows … attempts" in reason for reason in found.dismissed)


def test_approvals_are_given_as_soon_as_they_are_asked_for() -> None:
    found = summary(replayed(rows(shift_at=None), contract(approvals=("privacy_officer", "legal"))))
    assert [each.certified for each in found.runs] == [1]


_ENDS = ("granted", "certified")


def test_a_fit_takes_its_time() -> None:
    day = 86_400.0
    found = summary(replayed(rows(), contract(), replace(TERMS, fit_seconds=day)))
    granted, certified = (next(each for each in found.happenings if each.what == what) for what in _ENDS)
    assert certified.at - granted.at == day * 1000
    assert found.cost.training_seconds == 2 * day


def test_a_cool_down_defers_a_run_and_does_not_lose_it() -> None:
    agreed = contract(cool_down_seconds=4 * 86_400)
    found = summary(replayed(rows(), agreed))
    (reason,) = found.deferred
    assert "cool-down" in reason
    drift = next(grant for grant in found.budget.grants if grant.cause == "drift")
    first = found.budget.grants[0]
    assert 0 <= drift.at - first.at - 4 * 86_400_000 <= 86_400_000


def test_columns_that_no_contract_names_pause_the_dataset() -> None:
    frame = rows(shift_at=None).assign(surprise=1)
    found = summary(replayed(frame, contract()))
    assert found.alarms.kinds == {"schema": 1}
    assert [each.what for each in found.happenings].count("incident") == 1
    assert any("paused" in text for text in found.unfinished)


def test_random_order_has_no_drift_and_says_what_false_alarms_cost(shifted: Replayed) -> None:
    mixed = shifted.history.shuffled(5, "at")
    agreed = shifted.contract
    assert mixed.frame["at"].equals(shifted.history.frame["at"])
    assert not mixed.frame["size"].equals(shifted.history.frame["size"])
    assert sorted(mixed.frame["size"]) == sorted(shifted.history.frame["size"])
    found = summary(shifted, stationary=replayed(mixed.frame, agreed)).stationary
    assert found is not None
    assert (found.drifts, found.drift_runs, found.epsilon) == (0, 0, "1")


def private(**more: str) -> Contract:
    agreed = contract(timing="private", trigger_epsilon="0.5", cap_epsilon=more.get("cap", "4"))
    drift = agreed.policy.drift.model_copy(update={"window_seconds": 86_400, "window_rows": 720})
    return agreed.model_copy(update={"policy": agreed.policy.model_copy(update={"drift": drift})})


def test_a_private_test_is_paid_for_and_starts_the_run() -> None:
    done = replayed(rows(), private())
    found = summary(done)
    audited(done)
    assert causes(found) == {"snapshot": 1, "drift": 1}
    tests = [line for line in done.stations.lines if isinstance(line, TriggerReserved) and line.mechanisms]
    assert [grant.cause for grant in found.budget.grants] == ["snapshot", "private test", "drift", "private test"]
    assert len(tests) == 2
    assert found.alarms.kinds["withheld"] == 1
    drift = found.budget.grants[2]
    assert drift.row > CHANGE


def test_a_private_test_that_is_refused_is_a_refusal() -> None:
    found = summary(replayed(rows(), private(cap="1.1")))
    assert causes(found) == {"snapshot": 1}
    assert found.budget.refusals == 1
    assert found.budget.ran_out is not None
    assert found.budget.ran_out.text.startswith("private test: ")


def test_unconfirmed_domains_start_no_run_and_the_reason_is_counted() -> None:
    agreed = contract()
    loose = agreed.columns[1].model_copy(
        update={"domain": agreed.columns[1].domain.model_copy(update={"confirmed": False})}  # type: ignore[union-attr]
    )
    agreed = agreed.model_copy(update={"columns": (agreed.columns[0], loose, agreed.columns[2])})
    found = summary(replayed(rows(shift_at=None), agreed))
    assert found.runs == ()
    assert found.budget.epsilon == "0"
    assert any("nobody has confirmed" in reason for reason in found.dismissed)


def test_without_times_rows_come_at_the_assumed_rate() -> None:
    found = summary(replayed(rows(), contract(timed=False)))
    assert found.last == "day 6.0"  # 1,000 rows a day
    assert causes(found) == {"snapshot": 1, "drift": 1}
    assert any("assumed rate" in text for text in found.supposed)


def test_what_is_open_at_the_end_is_said() -> None:
    found = summary(replayed(rows(shift_at=ROWS - 1_200), contract(), Terms(window_rows=2_000)))
    assert causes(found) == {"snapshot": 1}
    assert any("more rows before its window is full" in text for text in found.unfinished)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["size", "kind", "other"]), st.lists(OBJECTS, min_size=1, max_size=6), st.integers(0, 1_200))
def test_whatever_cells_stream_in_the_replay_ends(name: str, cells: list[object], first: int) -> None:
    frame = rows(1_200, None)
    odd = pd.Series([cells[place % len(cells)] for place in range(1_200)], dtype=object)
    whole = frame[name].astype(object) if name in frame else pd.Series([None] * 1_200, dtype=object)
    frame = frame.assign(**{name: whole.where(frame.index < first, odd)})
    agreed = contract()
    try:
        done = replay(history_of(frame, agreed, SHA, 500, 1_000), agreed, TERMS)
    except PerennialError:
        return
    audited(done)
    assert summary(done).rows == 700


def test_decades_are_replayed_day_by_day() -> None:
    """Releases of a year expire and are sampled again; the clock goes through every day in between."""
    frame = rows(1_200, None).assign(at=pd.date_range("1970-01-01", "1999-12-01", periods=1_200))
    agreed = contract(valid_days=365)
    found = summary(replay(history_of(frame, agreed, SHA, 500, 1_000), agreed, TERMS))
    (expiry,) = [each for each in found.runs if each.cause == "expiry"]
    assert expiry.runs == expiry.sampled_again == 17


def late_labels(turn_at: int | None) -> tuple[pd.DataFrame, Contract]:
    """Whether ``kind`` is a follows from the size, the opposite way from ``turn_at`` on."""
    frame, agreed = rows(8_000, shift_at=None), contract()
    turned = frame.index >= (len(frame) if turn_at is None else turn_at)
    frame["kind"] = ["ab"[int((size > 0) != turn)] for size, turn in zip(frame["size"], turned, strict=True)]
    policy = agreed.policy.model_copy(update={"target": "kind", "drift": DriftPolicy(late_labels=True)})
    return frame, agreed.model_copy(update={"policy": policy})


def test_labels_that_come_late_start_a_run_on_labelled_rows_and_no_false_one() -> None:
    frame, agreed = late_labels(CHANGE)
    done = replayed(frame, agreed, replace(TERMS, label_delay=1_000))
    found = summary(done, (CHANGE,))
    assert causes(found) == {"snapshot": 1, "drift": 1}
    assert found.alarms.kinds == {"concept": 1}
    (change,) = found.alarms.changes
    assert change.delay is not None
    assert 1_000 < change.delay < 2_000
    run = found.budget.grants[1]
    assert CHANGE + change.delay + 1_000 <= run.row <= CHANGE + change.delay + 2_000  # as many labels since
    release = done.stations.plan.good
    assert release is not None
    assert 1_000 <= (release.source.rows or 0) <= 1_500
    assert "every row is labelled, 1000 rows after it came" in found.supposed


def test_labels_that_come_late_and_as_ever_start_nothing() -> None:
    found = summary(replayed(*late_labels(None), replace(TERMS, label_delay=500)))
    assert (causes(found), found.alarms.found, found.unfinished) == ({"snapshot": 1}, 0, ())
