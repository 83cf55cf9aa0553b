import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Contract
from schemas.drift import DriftPolicy
from schemas.events import Event
from schemas.events.budget import CapDeclared, RunEnded, SpendRequested
from schemas.events.plans import ContractApplied
from stream_app.core.fingerprint import fingerprint
from stream_app.core.plan import Plan
from stream_app.core.planner import initial
from tests.events import DAY, command, contract, dossier, drift, noise, profile, rejected
from tests.office import PLANNER, Office, apply, moved, start, tick


def test_a_contract_is_applied_and_the_first_snapshot_starts_a_run() -> None:
    office = Office()
    assert [type(fact) for fact in office.facts] == [ContractApplied, CapDeclared, SpendRequested]
    request = office.request
    assert (request.attempt, request.family, request.mechanisms, request.trigger) == (
        1,
        "private",
        (noise(),),
        "first snapshot",
    )
    assert (request.contract, request.contract_digest, request.source) == (
        contract(),
        contract().digest(),
        profile().source,
    )


def test_the_same_snapshot_counts_once_under_a_contract() -> None:
    office = Office()
    office.certify()
    assert office.do(profile(digest="1" * 64)) == ()
    office.do(profile("february"))
    assert [request.source for request in office.requests()] == [profile().source, profile("february").source]
    office.certify()
    office.do(apply(contract(version="1.1.0")), profile("february", digest="2" * 64))
    assert office.request.contract.version == "1.1.0"


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([profile()], "no contract"),
        ([apply(contract(confirmed=False)), profile()], "public domains"),
        ([apply(contract()), start()], "no snapshot"),
        ([apply(contract()), command("freeze", role="responder"), profile()], "frozen"),
        ([apply(contract()), command("withdraw_access", role="owner"), profile()], "withdrawn"),
        ([drift()], "no contract"),
    ],
)
def test_a_trigger_without_what_it_needs_is_dismissed_with_the_reason(events: list[Event], reason: str) -> None:
    office = Office(started=False)
    office.do(*events)
    assert office.requests() == []
    assert reason in office.dismissals()[-1]


def late_labels() -> Contract:
    pinned = contract()
    policy = pinned.policy.model_copy(update={"target": "late", "drift": DriftPolicy(late_labels=True)})
    return pinned.model_copy(update={"policy": policy})


def test_an_empirical_claim_needs_no_confirmed_domains_and_asks_for_no_budget() -> None:
    office = Office(contract(claim="empirical", confirmed=False))
    assert office.request.mechanisms == ()


def test_a_changed_contract_needs_a_higher_version() -> None:
    office = Office(contract(version="1.10.0"))
    for version in ("1.9.0", "1.10.0"):
        office.do(apply(contract(version=version, title="changed")))
    office.do(apply(contract(version="1.10.0")).model_copy(update={"event_id": "signed-again"}))
    assert [bool("higher version" in reason) for reason in office.dismissals()] == [True, True, False]
    office.do(apply(contract(version="1.11.0", title="changed")))
    assert office.plan.contract is not None
    assert (office.plan.contract.version, office.request.contract.version) == ("1.11.0", "1.10.0")
    foreign = command("apply_contract", role="owner", contract=contract("trains", version="2.0.0").document())
    office.do(foreign)
    assert "another dataset" in office.dismissals()[-1]


def test_drift_with_a_window_regenerates_on_the_window() -> None:
    office = Office()
    office.certify()
    office.do(drift(5000))
    assert office.request.source == drift(5000).window
    assert office.request.trigger.startswith("drift: marginal of late")


def test_one_change_is_acted_on_once() -> None:
    office = Office()
    office.certify()
    office.do(drift(5000), drift(5000, kind="correlation", event_id="same-row"), drift(5099))
    assert (len(office.requests()), office.plan.waiting) == (2, None)
    office.do(drift(5100))
    assert office.plan.waiting is not None
    office.certify()
    assert office.request.source == drift(5100).window


def test_rows_are_counted_anew_after_a_snapshot() -> None:
    office = Office()
    office.certify()
    office.do(drift(50_000))
    office.certify()
    office.do(profile("february"))
    office.certify()
    office.do(drift(150))
    assert office.request.source == drift(150).window


@pytest.mark.parametrize(
    ("pinned", "event", "reason"),
    [
        (contract(on_drift=False), drift(), "does not regenerate on drift"),
        (contract(), drift(window=None), "without a window"),
        (late_labels(), drift(window=None), "checks on labelled rows will decide"),
        (late_labels(), drift(window=None, kind="concept"), "its sealed window will decide"),
    ],
)
def test_drift_that_may_not_start_a_run_still_says_that_the_distribution_moved(
    pinned: Contract, event: Event, reason: str
) -> None:
    office = Office(pinned)
    office.certify()
    office.do(event)
    assert reason in office.dismissals()[-1]
    office.do(start())
    assert office.request.reuse is None


def test_seconds_between_drift_runs_are_the_brokers() -> None:
    office = Office(contract(debounce_seconds=60))
    office.certify()
    office.do(drift(5000))
    office.certify()
    office.do(drift(6000), after_ms=50_000)
    assert "within 60 s" in office.dismissals()[-1]
    office.do(drift(7000), after_ms=10_000)
    assert office.request.source == drift(7000).window


def test_what_comes_while_a_run_is_in_flight_waits_and_the_latest_wins() -> None:
    office = Office()
    office.do(drift(1000), drift(2000))
    assert len(office.requests()) == 1
    assert "overtaken" in office.dismissals()[-1]
    office.certify()
    assert office.request.source == drift(2000).window


def test_a_persons_request_is_not_displaced_by_an_automatic_trigger() -> None:
    office = Office()
    office.do(start(rows=77), drift(2000))
    office.certify()
    assert (office.request.rows, office.request.source) == (77, drift(2000).window)


EVENTS = st.one_of(
    st.builds(drift, st.sampled_from([10, 500, 5000]), st.sampled_from(["window", None])),
    st.builds(profile, st.sampled_from(["january", "february"])),
    st.builds(
        lambda version, claim: apply(contract(version=version, claim=claim, valid_days=1)),
        st.sampled_from(["1.0.0", "2.0.0"]),
        st.sampled_from(["formal", "empirical"]),
    ),
    st.builds(start, st.sampled_from("12"), family=st.sampled_from([None, "leaking", "nonsense"])),
    st.builds(
        lambda kind, nonce: command(kind, nonce=nonce),
        st.sampled_from(["freeze", "unfreeze", "withdraw_access", "grant_access"]),
        st.sampled_from("12"),
    ),
    st.builds(tick, st.sampled_from("12")),
)
OUTCOMES = st.sampled_from(["reject", "certified", "awaiting_approval", "rejected", "revoked", "cancel"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(EVENTS, OUTCOMES), max_size=30))
def test_every_run_ends_once_and_only_one_is_ever_in_flight(history: list[Event | str]) -> None:
    office = Office(started=False)
    for item in history:
        if isinstance(item, Event):
            office.do(item, after_ms=DAY // 3)
        elif office.plan.run is not None:
            run = office.request
            office.do(
                rejected(dossier(run))
                if item == "reject"
                else command("cancel_run", run_id=run.run_id)
                if item == "cancel"
                else moved(run, item)
            )
    open_runs: set[str] = set()
    for fact in {fact.event_id: fact for fact in office.facts}.values():
        if isinstance(fact, SpendRequested):
            open_runs.add(fact.request.run_id)
            assert (
                fact.request.mechanisms
                or fact.request.reuse
                or fact.request.contract.policy.privacy.claim == "empirical"
            )
            assert fact.request.attempt <= fact.request.contract.policy.regeneration.max_attempts
        if isinstance(fact, RunEnded):
            open_runs.remove(fact.run_id)
        assert len(open_runs) <= 1
    assert open_runs == ({office.request.run_id} if office.plan.run else set())
    again: Plan = initial("flights")
    for entry in office.log.entries:
        again, _ = PLANNER.step(again, entry)
    assert fingerprint(again) == fingerprint(office.plan)
    assert all(PLANNER.step(again, entry)[0] is again for entry in office.log.entries)
