import random
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.accounting import epsilon_of
from schemas.contract import Contract
from schemas.events import Event
from schemas.events.budget import SpendRefused, SpendReserved
from schemas.events.plans import Ticked
from schemas.events.releases import CheckFailed, IncidentClosed, IncidentOpened
from schemas.events.runs import GenerationRequested
from schemas.model import epsilon_text
from tests.events import DAY, command, contract, drift, noise, profile, source
from tests.simulator import Simulator

DATASETS = ("flights", "trains")


def apply(pinned: Contract) -> Event:
    return command("apply_contract", role="owner", contract=pinned.document(), dataset=pinned.dataset)


def snapshot(dataset: str, name: str) -> Event:
    return profile(name, dataset, digest=contract(dataset).digest())


def settled(*events: Event, **world: Any) -> Simulator:
    simulator = Simulator(**world)
    for event in events:
        simulator.tell(event)
        simulator.settle()
    simulator.laws(DATASETS)
    simulator.quiet_laws()
    return simulator


def current(simulator: Simulator, dataset: str = "flights") -> str | None:
    statuses = simulator.statuses(dataset)
    return statuses[max(statuses)].current if statuses else None


def families(simulator: Simulator) -> list[str]:
    return [statement.predicate.family for statement in simulator.statements().values()]


def test_the_story_from_a_snapshot_to_a_revocation_and_the_last_good_release() -> None:
    simulator = settled(apply(contract()), snapshot("flights", "january"))
    first = current(simulator)
    assert first is not None
    for event in (drift(5000), command("start_run", family="leaking")):
        simulator.tell(event)
        simulator.settle()
    assert families(simulator) == ["private"] * 3, "the leaking control was refused and the default family followed"
    newest = current(simulator)
    simulator.tell(command("revoke", release_id=newest, reason="privacy", role="responder"))
    simulator.settle()
    assert current(simulator) not in (None, newest, first)
    assert simulator.condemned == {f"{newest}.data", f"{newest}.model"}
    simulator.tell(command("roll_back", release_id=first, role="responder"))
    simulator.settle()
    assert current(simulator) == first
    simulator.laws(DATASETS)
    simulator.quiet_laws()


def test_sampling_again_spends_nothing() -> None:
    simulator = settled(
        apply(contract(cap="1")),
        snapshot("flights", "january"),
        command("start_run", rows=10),
        command("start_run", rows=20),
    )
    assert len(simulator.statements()) == 3
    assert [line.epsilon_after for line in simulator.ledger() if isinstance(line, SpendReserved)] == ["1", "1", "1"]


def test_a_release_that_gives_way_to_an_attack_is_frozen_and_made_anew_by_a_fresh_fit() -> None:
    simulator = settled(apply(contract()), snapshot("flights", "january"))
    first = current(simulator)
    assert first is not None
    simulator.tell(check_failed(first, "privacy"))
    simulator.settle()
    newest = simulator.statuses("flights")[max(simulator.statuses("flights"))]
    assert {release.release_id: release.state for release in newest.releases} == {
        first: "frozen",
        newest.current: "certified",
    }
    assert [line.epsilon_after for line in simulator.ledger() if isinstance(line, SpendReserved)] == [
        "1",
        epsilon_text(epsilon_of((noise(), noise()), 1e-5)),
    ]
    simulator.laws(DATASETS)
    simulator.quiet_laws()


def test_renewing_ahead_of_expiry_spends_nothing_while_the_distribution_is_unchanged() -> None:
    simulator = settled(apply(contract(cap="1", valid_days=10, renew_days_ahead=3)), snapshot("flights", "january"))
    first = current(simulator)
    simulator.pass_time(7 * DAY)
    simulator.tell(Ticked(event_id="ahead", target="flights"))
    simulator.settle()
    newest = simulator.statuses("flights")[max(simulator.statuses("flights"))]
    assert newest.current not in (None, first)
    assert {release.release_id: release.state for release in newest.releases}[first or ""] == "superseded"
    grants = [line for line in simulator.ledger() if isinstance(line, SpendReserved)]
    assert [(line.epsilon_before, line.epsilon_after) for line in grants] == [("0", "1"), ("1", "1")]
    assert [len(line.mechanisms) for line in grants] == [1, 0]
    simulator.laws(DATASETS)
    simulator.quiet_laws()


def test_drift_means_that_renewing_ahead_is_paid_for_out_of_what_drift_had_to_leave() -> None:
    pinned = contract(cap="2", valid_days=10, renew_days_ahead=3, budget_reserve=0.5)
    simulator = settled(apply(pinned), snapshot("flights", "january"), drift(5000))
    assert [type(line) for line in simulator.ledger()].count(SpendRefused) == 1
    simulator.pass_time(7 * DAY)
    simulator.tell(Ticked(event_id="ahead", target="flights"))
    simulator.settle()
    assert next(line.epsilon_after for line in simulator.ledger() if isinstance(line, SpendReserved)) == "1"
    assert len(simulator.statements()) == 2
    assert simulator.ledger()[-1].mechanisms == (noise(),)
    simulator.quiet_laws()


def test_changed_columns_stop_everything_until_a_review_and_the_release_stands() -> None:
    simulator = settled(apply(contract()), snapshot("flights", "january"))
    first = current(simulator)
    simulator.tell(drift(5000, kind="schema", window=None))
    simulator.settle()
    (opened,) = {event.event_id: event for event in simulator.broker.read("incidents")}.values()
    assert isinstance(opened, IncidentOpened)
    simulator.tell(drift(9000))
    simulator.tell(snapshot("flights", "february"))
    simulator.settle()
    assert (current(simulator), len(simulator.statements())) == (first, 1)
    simulator.tell(command("unfreeze", role="responder"))
    simulator.tell(command("close_review", incident_id=opened.incident_id, role="responder"))
    simulator.tell(command("start_run"))
    simulator.settle()
    assert len(simulator.statements()) == 2
    assert any(isinstance(event, IncidentClosed) for event in simulator.broker.read("incidents"))
    simulator.laws(DATASETS)
    simulator.quiet_laws()


def test_a_scope_that_two_datasets_share_is_spent_once() -> None:
    simulator = settled(
        apply(contract(cap="1")), apply(contract("trains", cap="1")), snapshot("flights", "a"), snapshot("trains", "b")
    )
    assert len(simulator.statements()) == 1
    assert (current(simulator), current(simulator, "trains")).count(None) == 1


def test_a_world_in_which_nothing_passes_certifies_nothing_and_explains() -> None:
    simulator = settled(apply(contract()), snapshot("flights", "a"), refused=("private", "second", "third"))
    assert (simulator.statements(), current(simulator)) == ({}, None)
    reasons = [getattr(event, "reason", "") for event in simulator.broker.read("run.progress")]
    assert any("attempt 3 (third) was refused by privacy: copied rows" in reason for reason in reasons)


def test_a_revocation_before_the_candidate_comes_still_wins() -> None:
    simulator = Simulator()
    simulator.tell(apply(contract()))
    simulator.tell(snapshot("flights", "january"))
    plans = [reader for reader in simulator.owners if reader.topic == "plan.log"]
    while not any(reader.fold is not None and reader.fold.state("flights").run for reader in plans):
        for reader in simulator.owners:
            if reader.topic in ("plan.log", "source.drift"):
                simulator.deliver(reader)
    folds = [reader.fold for reader in plans if reader.fold is not None and "flights" in reader.fold.keys]
    release_id = folds[0].state("flights").run.request.release_id
    simulator.tell(command("revoke", release_id=release_id, reason="privacy", role="responder"))
    simulator.settle()
    assert (simulator.statements(), current(simulator)) == ({}, None)
    assert simulator.condemned == {f"{release_id}.data", f"{release_id}.model"}
    simulator.quiet_laws()


OUTSIDE = st.one_of(
    st.builds(snapshot, st.sampled_from(DATASETS), st.sampled_from("ab")),
    st.builds(
        lambda dataset, version, cap, approvals: apply(
            contract(dataset, version=version, cap=cap, approvals=approvals, valid_days=30)
        ),
        st.sampled_from(DATASETS),
        st.sampled_from(["1.0.0", "2.0.0"]),
        st.sampled_from(["1", "2", "4"]),
        st.sampled_from([(), ("legal",)]),
    ),
    st.builds(
        lambda dataset, row, kind: drift(row, dataset=dataset, kind=kind, event_id=f"{kind}-{row}"),
        st.sampled_from(DATASETS),
        st.sampled_from([100, 1000, 9000]),
        st.sampled_from(["marginal", "marginal", "subgroup", "schema"]),
    ),
    st.builds(
        lambda dataset, family, nonce: command("start_run", dataset=dataset, family=family, nonce=nonce),
        st.sampled_from(DATASETS),
        st.sampled_from([None, "leaking", "second"]),
        st.sampled_from("12"),
    ),
    st.builds(
        lambda dataset, kind, nonce: command(kind, dataset=dataset, nonce=nonce),
        st.sampled_from(DATASETS),
        st.sampled_from(["freeze", "unfreeze", "withdraw_access", "grant_access"]),
        st.sampled_from("12"),
    ),
    st.builds(
        lambda epsilon: command("set_cap", scope="pool", epsilon=epsilon, delta=1e-5), st.sampled_from(["0.5", "3"])
    ),
    st.builds(
        lambda dataset, name: Ticked(event_id=name, target=dataset), st.sampled_from(DATASETS), st.sampled_from("123")
    ),
)
ABOUT_A_RELEASE = st.tuples(
    st.sampled_from(
        ["revoke", "roll_back", "approve", "reject", "freeze", "unfreeze", "retire", "degraded", "attacked"]
    ),
    st.integers(0, 5),
)
STEP = st.tuples(
    st.one_of(OUTSIDE, ABOUT_A_RELEASE, ABOUT_A_RELEASE, st.sampled_from([DAY, 31 * DAY])),
    st.integers(0, 2**32),
    st.integers(0, 120),
)
CONTRACTS = st.builds(
    lambda dataset, cap, approvals: apply(contract(dataset, cap=cap, approvals=approvals, valid_days=30)),
    st.just("flights"),
    st.sampled_from(["2", "4"]),
    st.sampled_from([(), (), ("legal",)]),
)


def check_failed(release_id: str, gate: Literal["utility", "privacy"]) -> Event:
    return CheckFailed(
        event_id=f"{gate}-{release_id}", dataset=release_id.partition(".")[0], release_id=release_id, metric="m",
        value=1, limit=0, gate=gate, window=source("live", 400) if gate == "utility" else None,
    )  # fmt: skip


def about_a_release(simulator: Simulator, kind: str, number: int) -> Event | None:
    """The command, or what the monitor says, about a release that somebody may know by now."""
    asked = [
        event.dossier.request
        for event in simulator.broker.read("regeneration.requests")
        if isinstance(event, GenerationRequested)
    ]
    known = sorted({request.release_id for request in asked})
    if not known:
        return None
    release_id = known[number % len(known)]
    if kind in ("degraded", "attacked"):
        return check_failed(release_id, "utility" if kind == "degraded" else "privacy")
    reason = {"reason": "privacy"} if kind == "revoke" else {}
    return command(kind, release_id=release_id, dataset=release_id.split(".")[0], role="legal", **reason)


def wild(simulator: Simulator, seed: int, deliveries: int) -> None:
    """So many deliveries at random; some readers die, some are sent back, and some partitions change hands."""
    chance = random.Random(seed)
    for _ in range(deliveries):
        number = chance.randrange(len(simulator.owners))
        if chance.random() < 0.05:
            simulator.rebalance(number)
        reader = simulator.zombies[number] if chance.random() < 0.05 else simulator.owners[number]
        if chance.random() < 0.05:
            simulator.take_over(reader, chance.randrange(50))
        simulator.deliver(reader, chance.choices([None, "before", "after"], [8, 1, 1])[0])


@settings(max_examples=40, deadline=None)
@given(CONTRACTS, st.lists(STEP, min_size=4, max_size=15))
def test_the_laws_hold_for_any_order_repetition_and_crash(first: Event, history: list[tuple[Any, int, int]]) -> None:
    simulator = Simulator()
    for event in (first, apply(contract("trains")), snapshot("flights", "a"), snapshot("trains", "b")):
        simulator.tell(event)
    for item, seed, deliveries in history:
        told = about_a_release(simulator, *item) if isinstance(item, tuple) else item
        if isinstance(told, int):
            simulator.pass_time(told)
        elif told is not None:
            simulator.tell(told)
        wild(simulator, seed, deliveries)
    simulator.laws(DATASETS)
    simulator.settle()
    simulator.laws(DATASETS)
    simulator.quiet_laws()
