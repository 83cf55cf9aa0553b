from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import Event, derive_id
from schemas.events.budget import RunEnded, SpendRefused, SpendRequested
from schemas.events.plans import TriggerDeferred, TriggerDismissed
from schemas.events.releases import IncidentOpened
from schemas.events.runs import GenerationRequest
from schemas.events.sources import DriftDetected, SourceRef
from stream_app.core.drift_policy import REMEMBERED, described, noted, refusal
from stream_app.core.fingerprint import fingerprint
from stream_app.core.plan import NotedDrift, Plan
from stream_app.core.planner import initial
from tests.events import DAY, command, contract, dossier, drift, profile, rejected, source
from tests.office import PLANNER, Office, apply, moved, start, tick


def quiet(**regeneration: Any) -> Office:
    """A dataset with a certified release and nothing in flight."""
    office = Office(contract(**regeneration))
    office.certify()
    return office


def found(row: int, severity: float = 0.2, window: SourceRef | str | None = "window", **changes: Any) -> DriftDetected:
    """A drift event whose id is that of its content."""
    event = drift(row, None if isinstance(window, SourceRef) else window, severity=severity, **changes)
    event = event.model_copy(update={"window": window if isinstance(window, SourceRef) else event.window})
    return event.model_copy(update={"event_id": derive_id("found", event.digest())})


def deferred(facts: tuple[Event, ...]) -> list[str]:
    return [fact.reason for fact in facts if isinstance(fact, TriggerDeferred)]


def spend_refused(request: GenerationRequest) -> SpendRefused:
    return SpendRefused(
        event_id=f"refused-{request.release_id}",
        scope="pool",
        sequence=0,
        decides="x",
        dataset="flights",
        epsilon_before="4",
        epsilon_after="5",
        cap_epsilon="4",
        delta=1e-5,
        request=request,
        reason="over the cap",
    )


# severity


def test_small_changes_add_up_to_a_run() -> None:
    office = quiet(minimum_severity=0.5)
    office.do(found(1000, columns=("late",)), found(2000, columns=("early",)))
    assert office.plan.run is None
    assert (
        "severity is 0.2, and all that was found since the last run adds up to 0.4 of the 0.5"
        in (office.dismissals()[-1])
    )
    office.do(found(3000, columns=("never",)))
    assert office.request.source == found(3000, columns=("never",)).window


def test_a_change_that_is_reported_twice_weighs_once_and_by_its_largest_severity() -> None:
    office = quiet(minimum_severity=0.5)
    office.do(found(1000, window=None), found(1000, 0.3), found(1050, 0.25))
    assert [(each.severity, each.row) for each in office.plan.noted] == [(0.3, 1350)]
    office.do(found(9000, 0.2))
    assert office.plan.run is not None, "the same column moved again, much later: another change"


def test_ten_tenths_are_one() -> None:
    office = quiet(minimum_severity=1.0)
    office.do(*(found(1000 * number, 0.1) for number in range(1, 10)))
    assert office.plan.run is None
    office.do(found(10_000, 0.1))
    assert office.plan.run is not None


def test_what_was_noted_is_forgotten_when_a_run_learns_it() -> None:
    office = quiet(minimum_severity=0.5)
    office.do(found(1000, 0.4), start())
    assert (office.request.source, office.request.reuse) == (found(1000, 0.4).window, None)
    office.certify()
    office.do(found(5000, 0.4))
    assert office.plan.run is None


def test_what_is_found_while_a_run_is_in_flight_counts_for_the_next() -> None:
    office = Office(contract(minimum_severity=0.5))
    office.do(found(1000, 0.3))
    office.certify()
    office.do(found(5000, 0.3))
    assert office.plan.run is not None


def test_drift_on_the_raw_stream_never_weighs_in_where_it_may_not_decide() -> None:
    office = quiet(timing="schedule", minimum_severity=0.5)
    office.do(found(1000, 1.0))
    assert (office.plan.noted, office.plan.run) == ((), None)


# persistence


def test_a_change_must_last() -> None:
    office = quiet(persistence_rows=1000)
    office.do(found(5000, 1.0))
    assert "it has lasted 400 of the 1000 rows" in office.dismissals()[-1], "100 rows when found, 400 in its window"
    office.do(found(5900, 1.0, since_row=4900))
    assert office.plan.run is not None


def test_a_sealed_window_shows_that_a_change_lasted() -> None:
    office = quiet(persistence_rows=1000)
    office.do(found(5000, 1.0, window=None), found(5000, 1.0, window=source("w", 1000)))
    assert office.request.source == source("w", 1000)


def test_what_did_not_last_does_not_weigh() -> None:
    office = quiet(persistence_rows=1000, minimum_severity=0.5)
    office.do(found(5000, 0.4), found(6000, 0.4, columns=("early",), window=source("w", 2000)))
    assert office.plan.run is None
    assert "adds up to 0.4 of the 0.5" in office.dismissals()[-1]


# cool-down


def test_drift_within_the_cool_down_waits_and_is_not_lost() -> None:
    office = quiet(cool_down_seconds=3600)
    facts = office.do(drift(5000))
    assert (office.plan.run, deferred(facts)) == (
        None,
        ["it waits for the end of the cool-down, 3600 s after the last run ended: 3599 s are left"],
    )
    office.do(tick("1"), after_ms=3_598_000)
    assert office.plan.run is None
    office.do(tick("2"))
    assert office.request.trigger.startswith("drift: marginal of late")
    assert office.request.source == drift(5000).window


def test_people_and_expiry_do_not_wait_for_a_cool_down_and_what_waits_is_learnt_with_them() -> None:
    office = quiet(cool_down_seconds=3600)
    office.do(drift(5000), start())
    assert (office.request.trigger, office.request.source) == ("run requested", drift(5000).window)
    assert (office.plan.waiting, office.dismissals()[-1]) == (None, "overtaken while it waited by: run requested")
    expiring = quiet(cool_down_seconds=2 * 86_400, valid_days=1)
    expiring.do(tick("1"), after_ms=DAY)
    assert expiring.request.trigger.endswith("expired")


def test_a_cool_down_also_follows_a_run_that_brought_no_release() -> None:
    office = Office(contract(cool_down_seconds=3600))
    office.do(command("cancel_run", run_id=office.request.run_id), drift(5000))
    assert (office.plan.run, office.plan.waiting is None) == (None, False)


@pytest.mark.parametrize(
    ("kind", "role", "reason"),
    [("freeze", "responder", "frozen"), ("withdraw_access", "owner", "withdrawn")],
)
def test_what_waits_is_dismissed_with_the_reason_once_no_run_may_start(kind: str, role: str, reason: str) -> None:
    office = quiet(cool_down_seconds=3600)
    office.do(drift(5000), command(kind, role=role))
    assert (office.plan.waiting, reason in office.dismissals()[-1]) == (None, True)


def test_what_waited_may_not_decide_the_time_under_a_new_contract_that_forbids_it() -> None:
    for office in (quiet(cool_down_seconds=3600), Office()):
        office.do(drift(5000), apply(contract(version="2.0.0", timing="schedule")))
        assert (office.plan.waiting, "timing is schedule" in office.dismissals()[-1]) == (None, True)


# subgroups


def test_a_subgroups_drift_is_not_displaced_by_what_else_live_rows_ask_for() -> None:
    office = Office()
    office.do(found(1000, kind="subgroup", group="b"), found(2000))
    assert "a subgroup goes first" in office.dismissals()[-1]
    office.certify()
    assert office.request.trigger.startswith("drift: subgroup of late (group b)")
    assert office.request.source == found(2000).window, "its run learns the newest rows all the same"


def test_a_subgroup_displaces_what_waits_and_a_person_displaces_both() -> None:
    office = Office()
    office.do(found(1000), found(2000, kind="subgroup"))
    assert office.dismissals()[-1].startswith("overtaken while it waited by: drift: subgroup")
    office.do(start())
    office.certify()
    assert office.request.trigger == "run requested"


def test_subgroups_take_their_turn_where_the_contract_says_so() -> None:
    office = Office(contract(subgroups_first=False))
    office.do(found(1000, kind="subgroup"), found(2000))
    office.certify()
    assert office.request.trigger.startswith("drift: marginal")


def test_a_subgroup_that_waited_for_a_cool_down_goes_before_a_newer_drift() -> None:
    office = quiet(cool_down_seconds=10)
    office.do(found(1000, kind="subgroup"))
    office.do(found(2000), after_ms=60_000)
    assert office.request.trigger.startswith("drift: subgroup")


def test_subgroups_may_be_debounced_for_fewer_rows() -> None:
    office = quiet(debounce_rows=2000, subgroup_debounce_rows=100)
    office.do(found(5000))
    office.certify()
    office.do(found(5500))
    assert "within 2000 rows" in office.dismissals()[-1]
    office.do(found(5500, kind="subgroup"))
    assert office.plan.run is not None
    office.certify()
    office.do(found(5550, kind="subgroup"))
    assert "within 100 rows" in office.dismissals()[-1]


# outside detectors


def test_an_outside_finding_without_a_window_is_learnt_from_rows_that_no_run_has_read() -> None:
    office = quiet(on_drift=True, minimum_severity=0.5)
    office.do(found(1000, 0.1))
    office.do(found(9000, 1.0, kind="external", window=None))
    assert office.request.source == found(1000, 0.1).window


def test_an_outside_finding_without_new_rows_says_what_it_needs() -> None:
    office = quiet()
    office.do(found(9000, 1.0, kind="external", window=None))
    assert (office.plan.run, "it needs a window, or a new snapshot" in office.dismissals()[-1]) == (None, True)
    office.do(found(9001, 1.0, kind="external"))
    assert office.request.source == found(9001, 1.0, kind="external").window


def test_a_run_that_got_no_budget_has_read_nothing() -> None:
    office = quiet()
    office.do(found(5000))
    office.do(spend_refused(office.request))
    office.do(found(9000, kind="external", window=None))
    assert office.request.source == found(5000).window
    office.do(found(12_000, kind="external", window=None))
    assert "a run has read the newest rows" in office.dismissals()[-1]


def test_an_outside_finding_before_any_run_uses_the_snapshot() -> None:
    office = Office(started=False)
    office.do(apply(contract()), command("freeze", role="responder"), profile(), command("unfreeze", role="responder"))
    office.do(found(9000, 1.0, kind="external", window=None))
    assert office.request.source == profile().source


def test_texts_for_operators_stay_short_whatever_a_detector_names() -> None:
    text = described(drift(columns=tuple(f"{'c' * 500}{number}" for number in range(40)), group="g" * 500))
    assert ("and 35 more" in text, len(text) < 500) == (True, True)


SPANS = st.tuples(st.integers(-5, 50), st.integers(-5, 50))


@given(st.lists(st.tuples(SPANS, st.sampled_from("ab"), st.floats(0, 1)), max_size=80))
def test_whatever_is_reported_changes_in_mind_never_meet(reports: list[tuple[tuple[int, int], str, float]]) -> None:
    known: tuple[NotedDrift, ...] = ()
    for (since, row), column, severity in reports:
        event = found(row, severity, since_row=since, columns=(column,), window=None)
        known = noted(known, event)
        newest = known[-1]
        assert newest.since_row <= min(since, row)
        assert newest.row >= max(since, row) or row < since
        assert newest.severity >= severity
        assert len(known) <= REMEMBERED
        for number, one in enumerate(known):
            for other in known[number + 1 :]:
                assert one.columns != other.columns or one.row < other.since_row or other.row < one.since_row
    if known:
        plan = Plan("flights", contract=contract(minimum_severity=1.0), noted=known)
        assert plan.contract is not None
        reason = refusal(plan, plan.contract, found(1, window=source("w")))
        assert (reason is None) == (sum(each.severity for each in known) >= 1 - 1e-9)


# laws

COOL_DOWN = 7 * 3600
CONTRACTS = st.builds(
    lambda version, timing, minimum, rows, cool, ahead: apply(
        contract(
            version=version,
            timing=timing,
            minimum_severity=minimum,
            persistence_rows=rows,
            cool_down_seconds=cool,
            renew_days_ahead=ahead,
            valid_days=2,
            subgroup_debounce_rows=10,
        )
    ),
    st.sampled_from(["1.0.0", "2.0.0", "3.0.0"]),
    st.sampled_from(["raw", "raw", "schedule"]),
    st.sampled_from([0, 0.3]),
    st.sampled_from([0, 300]),
    st.just(COOL_DOWN),
    st.sampled_from([0, 1]),
)
DRIFTS = st.builds(
    lambda row, kind, window, severity, columns: found(row, severity, window, kind=kind, columns=columns),
    st.integers(0, 5000),
    st.sampled_from(["marginal", "marginal", "marginal", "subgroup", "external", "schema"]),
    st.sampled_from(["window", "window", None]),
    st.sampled_from([0.0, 0.2, 1.0]),
    st.sampled_from([("late",), ("late", "early"), ()]),
)
COMMANDS = st.builds(
    lambda kind, nonce: command(kind, nonce=nonce),
    st.sampled_from(
        ["freeze", "unfreeze", "unfreeze", "unfreeze", "start_run", "withdraw_access", "grant_access", "grant_access"]
    ),
    st.sampled_from("1234"),
)
HISTORY = st.lists(
    st.tuples(
        st.one_of(
            DRIFTS,
            DRIFTS,
            DRIFTS,
            CONTRACTS,
            COMMANDS,
            st.builds(profile, st.sampled_from(["january", "february"])),
            st.builds(tick, st.integers(0, 999).map(str)),
            st.sampled_from(["reject", "certified", "certified", "revoked", "cancel"]),
        ),
        st.sampled_from([1, 1000, 2 * 3_600_000, DAY]),
    ),
    max_size=40,
)


def outcome_of(office: Office, item: str) -> Event:
    run = office.request
    if item == "reject":
        return rejected(dossier(run))
    return command("cancel_run", run_id=run.run_id) if item == "cancel" else moved(run, item)


@settings(max_examples=100, deadline=None)
@given(HISTORY)
def test_the_policy_holds_whatever_happens(history: list[tuple[Event | str, int]]) -> None:
    office, ended_at = Office(started=False), None
    for item, after_ms in [
        (apply(contract(cool_down_seconds=COOL_DOWN)), 1),
        (profile(), 1),
        ("certified", 1),
        *history,
    ]:
        if isinstance(item, str) and office.plan.run is None:
            continue
        event = outcome_of(office, item) if isinstance(item, str) else item
        before = office.plan
        facts = office.do(event, after_ms=after_ms)
        if office.plan is before:
            continue  # a repeat: the recorded facts
        now, rested = office.log.entries[-1].at, ended_at
        if any(isinstance(fact, RunEnded) for fact in facts):
            assert before.run is not None
            ended_at = rested = now
        for fact in facts:
            if isinstance(fact, SpendRequested):
                _started_lawfully(fact, before, office.plan, now, rested)
        if isinstance(event, DriftDetected):
            _answered(facts, before, office.plan)
        if before.paused is None and office.plan.paused is not None:
            assert sum(isinstance(fact, IncidentOpened) for fact in facts) == 1
    again: Plan = initial("flights")
    for entry in office.log.entries:
        again, _ = PLANNER.step(again, entry)
    assert fingerprint(again) == fingerprint(office.plan)


def _started_lawfully(fact: SpendRequested, before: Plan, after: Plan, now: int, rested: int | None) -> None:
    request = fact.request
    assert after.run is not None
    assert after.run.request == request, "one run in flight, and the newest attempt is its"
    assert after.paused is None
    assert not after.frozen
    if request.attempt > 1:
        assert before.run is not None
        assert before.run.request.run_id == request.run_id
        return
    if request.origin in ("drift", "check"):
        assert request.contract.policy.privacy.timing == "raw"
        assert rested is None or now - rested >= COOL_DOWN * 1000


def _answered(facts: tuple[Event, ...], before: Plan, after: Plan) -> None:
    """A run, a wait, or a dismissal; never silence."""
    started = any(isinstance(fact, SpendRequested) for fact in facts)
    dismissed = any(isinstance(fact, TriggerDismissed) for fact in facts)
    waits = after.waiting is not None and after.waiting != before.waiting
    assert started or dismissed or waits
