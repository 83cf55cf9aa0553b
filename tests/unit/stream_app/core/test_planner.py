from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Contract
from schemas.events import Event
from schemas.events.budget import CapDeclared, RunEnded, SpendRefused, SpendRequested
from schemas.events.plans import ContractApplied, Ticked, TriggerDismissed
from schemas.events.releases import CheckFailed, ReleaseMoved
from schemas.events.runs import GenerationRequest
from stream_app.core.fingerprint import fingerprint
from stream_app.core.plan import Plan
from stream_app.core.planner import Planner, initial
from tests.events import DAY, Log, Selection, artefact, command, contract, dossier, drift, noise, profile, rejected

PLANNER = Planner(Selection())


class Office:
    """A plan with its log; by default a contract is in force and the first snapshot's run is in flight."""

    def __init__(self, pinned: Contract | None = None, started: bool = True) -> None:
        self.log, self.plan, self.facts = Log(), initial("flights"), list[Event]()
        if started:
            self.do(apply(pinned or contract()), profile())

    def do(self, *events: Event, after_ms: int = 1000) -> tuple[Event, ...]:
        told: tuple[Event, ...] = ()
        for event in events:
            self.plan, told = PLANNER.step(self.plan, self.log.append(event, after_ms))
            self.facts += told
        return told

    @property
    def request(self) -> GenerationRequest:
        assert self.plan.run is not None
        return self.plan.run.request

    def certify(self, state: Any = "certified") -> tuple[Event, ...]:
        return self.do(moved(self.request, state))

    def refuse(self) -> tuple[Event, ...]:
        return self.do(rejected(dossier(self.request)))

    def requests(self) -> list[GenerationRequest]:
        return [fact.request for fact in self.facts if isinstance(fact, SpendRequested)]

    def dismissals(self) -> list[str]:
        return [fact.reason for fact in self.facts if isinstance(fact, TriggerDismissed)]


def apply(pinned: Contract) -> Event:
    return command("apply_contract", role="owner", contract=pinned.document(), dataset=pinned.dataset)


def moved(request: GenerationRequest, state: Any = "certified") -> ReleaseMoved:
    training = dossier(request).training
    assert training is not None
    return ReleaseMoved(event_id=f"moved-{request.release_id}-{state}", dataset="flights", run_id=request.run_id, state=state,
                        release_id=request.release_id, source=request.source, contract_digest=request.contract_digest, training=training)


def outcomes(facts: tuple[Event, ...]) -> list[str]:
    return [fact.outcome for fact in facts if isinstance(fact, RunEnded)]


def start(nonce: str = "", **fields: Any) -> Event:
    return command("start_run", nonce=nonce, **fields)


def tick(name: str = "t") -> Ticked:
    return Ticked(event_id=name, target="flights")


def test_a_contract_is_applied_and_the_first_snapshot_starts_a_run() -> None:
    office = Office()
    assert [type(fact) for fact in office.facts] == [ContractApplied, CapDeclared, SpendRequested]
    request = office.request
    assert (request.attempt, request.family, request.mechanisms, request.trigger) == (1, "private", (noise(),), "first snapshot")
    assert (request.contract, request.contract_digest, request.source) == (contract(), contract().digest(), profile().source)


def test_the_same_snapshot_counts_once_under_a_contract() -> None:
    office = Office()
    office.certify()
    assert office.do(profile(digest="1" * 64)) == ()
    office.do(profile("february"))
    assert [request.source for request in office.requests()] == [profile().source, profile("february").source]
    office.certify()
    office.do(apply(contract(version="1.1.0")), profile("february", digest="2" * 64))
    assert office.request.contract.version == "1.1.0"


@pytest.mark.parametrize(("events", "reason"), [
    ([profile()], "no contract"),
    ([apply(contract(confirmed=False)), profile()], "public domains"),
    ([apply(contract()), start()], "no snapshot"),
    ([apply(contract()), command("freeze", role="responder"), profile()], "frozen"),
    ([apply(contract()), command("withdraw_access", role="owner"), profile()], "withdrawn"),
    ([drift()], "no contract"),
])
def test_a_trigger_without_what_it_needs_is_dismissed_with_the_reason(events: list[Event], reason: str) -> None:
    office = Office(started=False)
    office.do(*events)
    assert office.requests() == []
    assert reason in office.dismissals()[-1]


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
    office.do(drift(5000), drift(5000, kind="pair", event_id="same-row"), drift(5099))
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


@pytest.mark.parametrize(("pinned", "event", "reason"), [
    (contract(on_drift=False), drift(), "does not regenerate on drift"),
    (contract(timing="schedule"), drift(), "timing"),
    (contract(timing="private"), drift(), "timing"),
    (contract(), drift(window=None), "without a window"),
])
def test_drift_that_may_not_start_a_run_still_says_that_the_distribution_moved(pinned: Contract, event: Event, reason: str) -> None:
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


def test_an_unchanged_distribution_is_sampled_again_for_nothing() -> None:
    office = Office()
    first = office.request
    office.certify()
    office.do(start(rows=50, where=[{"column": "late", "value": 1, "share": 0.2}]))
    again = office.request
    assert (again.mechanisms, again.earned, again.reuse) == ((), first.mechanisms, artefact(f"{first.release_id}.model"))
    assert (again.rows, again.where[0].share, again.family) == (50, 0.2, "private")
    office.certify()
    office.do(start("2"))
    assert (office.request.reuse, office.request.earned) == (again.reuse, again.earned)


@pytest.mark.parametrize("between", [
    [start("f", family="second")], [drift(5000)], [profile("february")], [apply(contract(version="2.0.0"))],
    [CheckFailed(event_id="c", dataset="flights", release_id="flights.other", metric="m", value=1, limit=2)],
], ids=["another family", "drift", "new snapshot", "new contract", "failed check"])
def test_anything_that_changed_means_a_fresh_fit(between: list[Event]) -> None:
    office = Office()
    office.certify()
    office.do(*between)
    if office.plan.run is None:
        office.do(start())
    assert (office.request.reuse, bool(office.request.mechanisms)) == (None, True)


def test_a_model_of_a_revoked_release_is_never_sampled_again() -> None:
    office = Office()
    first = office.request
    office.certify()
    office.do(start())
    second = office.request
    office.certify()
    office.do(moved(second, "revoked"), moved(first, "certified").model_copy(update={"event_id": "restored"}), start("2"))
    assert office.request.reuse is None


def test_a_sample_that_the_gates_refuse_is_followed_by_a_fresh_fit() -> None:
    office = Office()
    office.certify()
    office.do(start())
    office.refuse()
    assert (office.request.attempt, office.request.reuse, office.request.mechanisms) == (2, None, (noise(),))


def test_the_ladder_is_climbed_with_a_spend_for_each_attempt_until_nothing_is_left() -> None:
    office = Office()
    office.refuse()
    office.refuse()
    facts = office.refuse()
    assert [(request.attempt, request.family) for request in office.requests()] == [(1, "private"), (2, "second"), (3, "third")]
    assert len({request.release_id for request in office.requests()}) == 3
    assert outcomes(facts) == ["rejected"]
    assert "the contract allows 3 attempts" in office.dismissals()[-1]


def test_nothing_left_to_try_ends_the_run() -> None:
    office = Office(contract(max_attempts=10))
    for _ in range(3):
        office.refuse()
    assert office.plan.run is None
    assert "nothing is left to try" in office.dismissals()[-1]


def test_a_leaking_control_is_followed_by_the_default_family() -> None:
    office = Office()
    office.certify()
    office.do(start(family="leaking"))
    assert office.request.family == "leaking"
    office.refuse()
    assert (office.request.family, office.request.attempt) == ("private", 2)


def test_a_family_that_does_not_exist_is_dismissed_with_the_reason() -> None:
    office = Office()
    office.certify()
    office.do(start(family="nonsense"))
    assert (office.plan.run, office.dismissals()) == (None, ["no such family"])


def test_a_refused_spend_ends_the_run_and_lets_the_next_one_start() -> None:
    office = Office()
    refused = SpendRefused.model_validate({
        "event_id": "r", "scope": "pool", "sequence": 3, "decides": "x", "dataset": "flights", "epsilon_before": "4", "epsilon_after": "5",
        "cap_epsilon": "4", "delta": 1e-5, "request": office.request, "reason": "over the cap"})
    office.do(start())
    facts = office.do(refused)
    assert outcomes(facts) == ["failed"]
    assert "over the cap" in office.dismissals()[-1]
    assert office.request.trigger == "run requested"
    assert office.do(refused.model_copy(update={"event_id": "late"})) == ()


def test_a_cancelled_run_ignores_what_still_comes_of_it() -> None:
    office = Office()
    request = office.request
    facts = office.do(command("cancel_run", run_id=request.run_id))
    assert outcomes(facts) == ["cancelled"]
    assert office.do(rejected(dossier(request))) == ()
    office.do(command("cancel_run", run_id=request.run_id, nonce="2"))
    assert "no such run" in office.dismissals()[-1]


def test_withdrawn_access_cancels_the_run_in_flight_and_what_waits() -> None:
    office = Office()
    office.do(drift(2000))
    facts = office.do(command("withdraw_access", role="owner"))
    assert (outcomes(facts), office.plan.run, office.plan.waiting) == (["cancelled"], None, None)
    office.do(command("grant_access", role="owner"), start())
    assert office.request.attempt == 1


def test_a_frozen_dataset_starts_no_further_attempt() -> None:
    office = Office()
    office.do(command("freeze", role="responder"))
    assert outcomes(office.refuse()) == ["rejected"]
    office.do(command("unfreeze", role="responder"), start())
    assert office.plan.run is not None
    office.do(command("freeze", role="responder", release_id="flights.a.1"))
    assert not office.plan.frozen


def test_a_release_that_a_person_rejects_or_revokes_ends_its_run() -> None:
    for state in ("rejected", "revoked"):
        office = Office()
        office.certify("awaiting_approval")
        assert office.plan.run is not None
        assert outcomes(office.certify(state)) == ["rejected"]


def test_expiry_samples_again_once_where_nothing_changed() -> None:
    office = Office(contract(valid_days=1))
    office.certify()
    assert office.do(tick("1")) == ()
    office.do(tick("2"), after_ms=DAY)
    assert (office.request.trigger.endswith("expired"), office.request.mechanisms) == (True, ())
    assert office.do(tick("3")) == ()
    frozen = Office(contract(valid_days=1))
    frozen.certify()
    frozen.do(command("freeze", role="responder"), tick("1"), after_ms=DAY)
    assert frozen.dismissals() == []
    frozen.do(command("unfreeze", role="responder"), tick("2"))
    assert frozen.plan.run is not None
    idle = Office(contract(valid_days=1, on_expiry=False))
    idle.certify()
    assert idle.do(tick(), after_ms=DAY) == ()


def test_a_failed_check_regenerates_while_the_release_is_in_use() -> None:
    office = Office()
    release_id = office.request.release_id
    office.certify()
    failed = CheckFailed(event_id="c1", dataset="flights", release_id=release_id, metric="tstr_ratio", value=0.5, limit=0.85)
    office.do(failed)
    assert (office.request.trigger.startswith("check failed: tstr_ratio"), office.request.reuse) == (True, None)
    office.certify()
    office.do(moved(office.requests()[0], "superseded"), failed.model_copy(update={"event_id": "c2"}))
    assert "no longer in use" in office.dismissals()[-1]


EVENTS = st.one_of(
    st.builds(drift, st.sampled_from([10, 500, 5000]), st.sampled_from(["window", None])),
    st.builds(profile, st.sampled_from(["january", "february"])),
    st.builds(lambda version, claim: apply(contract(version=version, claim=claim, valid_days=1)), st.sampled_from(["1.0.0", "2.0.0"]),
              st.sampled_from(["formal", "empirical"])),
    st.builds(start, st.sampled_from("12"), family=st.sampled_from([None, "leaking", "nonsense"])),
    st.builds(lambda kind, nonce: command(kind, nonce=nonce), st.sampled_from(["freeze", "unfreeze", "withdraw_access", "grant_access"]),
              st.sampled_from("12")),
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
            office.do(rejected(dossier(run)) if item == "reject" else command("cancel_run", run_id=run.run_id) if item == "cancel"
                      else moved(run, item))
    open_runs: set[str] = set()
    for fact in {fact.event_id: fact for fact in office.facts}.values():
        if isinstance(fact, SpendRequested):
            open_runs.add(fact.request.run_id)
            assert fact.request.mechanisms or fact.request.reuse or fact.request.contract.policy.privacy.claim == "empirical"
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
