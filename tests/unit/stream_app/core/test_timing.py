"""Under timing ``schedule`` and ``private`` the raw stream decides nothing: not when, not what a run learns from."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Contract
from schemas.events import Event
from schemas.events.plans import TriggerDismissed
from schemas.events.releases import CheckFailed
from schemas.events.sources import DriftDetected
from stream_app.core.fingerprint import fingerprint
from stream_app.core.persistent import Decided
from stream_app.core.plan import Plan
from tests.events import DAY, command, contract, dossier, drift, profile, rejected, source
from tests.office import Office, apply, moved, start, tick


def degraded(release_id: str, name: str = "check") -> CheckFailed:
    """A release that fails on fresh rows, with the window that showed it."""
    fields = {"event_id": name, "dataset": "flights", "release_id": release_id, "gate": "utility"}
    figures = {"metric": "tstr_ratio", "value": 0.5, "limit": 0.85, "window": source("live", 900)}
    return CheckFailed.model_validate(fields | figures)


def test_drift_leaves_the_rows_to_learn_from_and_the_kept_model_as_they_are() -> None:
    office = Office(contract(timing="schedule"))
    office.certify()
    before = (office.plan.latest, office.plan.changes, office.plan.noted)
    office.do(drift(5000), drift(9000, kind="external"), degraded(office.requests()[0].release_id))
    assert (office.plan.latest, office.plan.changes, office.plan.noted) == before
    assert "timing is schedule: drift on the raw stream decides nothing" in office.dismissals()[-2]
    office.do(start())
    assert (office.request.source, office.request.reuse is None) == (source(), False)


@pytest.mark.parametrize("timing", ["schedule", "private"])
def test_a_window_that_raw_drift_chose_is_not_learnt_from_under_a_timing_that_forbids_it(timing: str) -> None:
    office = Office()
    office.certify()
    office.do(drift(5000))
    office.certify()
    office.do(apply(contract(version="2.0.0", timing=timing)), start())
    assert office.request.source == source()


def test_a_window_that_a_private_test_chose_is_kept_under_a_schedule() -> None:
    office = Office(contract(timing="private"))
    office.certify()
    assert office.plan.armed is not None
    answer = drift(2000, kind="withheld", columns=(), grant=office.plan.armed.grant.grant_id)
    office.do(answer)
    office.certify()
    office.do(apply(contract(version="2.0.0", timing="schedule")), start())
    assert office.request.source == answer.window


RAW = st.one_of(
    st.builds(
        lambda row, kind, window, columns: drift(row, window, kind=kind, columns=columns),
        st.integers(0, 5000),
        st.sampled_from(["marginal", "correlation", "subgroup", "concept", "external"]),
        st.sampled_from(["window", None]),
        st.sampled_from([("late",), ("late", "early"), ()]),
    ),
    st.builds(lambda number: f"degraded-{number}", st.integers(0, 99)),
)
CONTRACTS = st.builds(
    lambda version, timing, ahead: apply(
        contract(version=version, timing=timing, renew_days_ahead=ahead, valid_days=2, cool_down_seconds=3600)
    ),
    st.sampled_from(["1.1.0", "2.0.0", "3.0.0"]),
    st.sampled_from(["schedule", "schedule", "private"]),
    st.sampled_from([0, 1]),
)
PUBLIC = st.one_of(
    CONTRACTS,
    st.builds(start, st.sampled_from("1234")),
    st.builds(lambda kind: command(kind, role="responder"), st.sampled_from(["freeze", "unfreeze"])),
    st.builds(profile, st.sampled_from(["january", "february"])),
    st.builds(tick, st.integers(0, 999).map(str)),
    st.sampled_from(["reject", "certified", "certified", "revoked", "cancel"]),
)
HISTORY = st.lists(st.tuples(PUBLIC, st.sampled_from([1, 3_600_000, DAY]), st.lists(RAW, max_size=3)), max_size=20)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["schedule", "private"]), HISTORY)
def test_logs_that_differ_in_what_the_raw_stream_showed_give_one_plan(
    timing: str, history: list[tuple[Event | str, int, list[Event | str]]]
) -> None:
    pinned = contract(timing=timing, cool_down_seconds=3600)
    quiet, drifting = _ready(pinned), _ready(pinned)
    for item, after_ms, raw in history:
        for shown in raw:
            # At the time of the entry before: what comes in between takes no time from what comes next.
            drifting.do(_shown(drifting, shown), after_ms=0)
        if isinstance(item, str) and quiet.plan.run is None:
            continue
        for office in (quiet, drifting):
            office.do(_outcome(office, item) if isinstance(item, str) else item, after_ms=after_ms)
        assert fingerprint(_decisive(drifting.plan)) == fingerprint(_decisive(quiet.plan))
    assert _consequences(drifting) == _consequences(quiet)


def _ready(pinned: Contract) -> Office:
    office = Office(pinned)
    office.certify()
    return office


def _decisive(plan: Plan) -> Plan:
    """All but the record of which entries were decided, and the clock, which every entry that counts sets anew."""
    return replace(plan, decided=Decided(), now=0)


def _consequences(office: Office) -> list[Event]:
    """All that others hear of but dismissals, which are what people are told of the drift itself."""
    return [fact for fact in office.facts if not isinstance(fact, TriggerDismissed)]


def _shown(office: Office, item: Event | str) -> Event:
    if isinstance(item, str):
        return degraded(office.requests()[0].release_id, item)
    assert isinstance(item, DriftDetected)
    return item


def _outcome(office: Office, item: str) -> Event:
    run = office.request
    if item == "reject":
        return rejected(dossier(run))
    return command("cancel_run", run_id=run.run_id) if item == "cancel" else moved(run, item)
