"""Private timing through planner and ledger, in any order of deliveries, with crashes and replays."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import Event
from schemas.events.budget import SpendReserved, TriggerRefused, TriggerReserved
from schemas.events.plans import Ticked
from schemas.events.runs import GenerationRequested
from tests.events import DAY, command, contract, drift, profile
from tests.simulator import Simulator
from tests.unit.test_simulator import apply, settled, wild

PINNED = contract(timing="private", valid_days=30)


def snapshot(name: str) -> Event:
    return profile(name, digest=PINNED.digest())


def reserved(simulator: Simulator) -> list[TriggerReserved]:
    return [line for line in simulator.ledger() if isinstance(line, TriggerReserved)]


def grants(simulator: Simulator) -> list[str]:
    return sorted({line.grant.grant_id for line in reserved(simulator)})


def answered(simulator: Simulator, number: int) -> Event | None:
    """What the drift station says when a test fires: of a grant that stands in the ledger, and of no other."""
    known = grants(simulator)
    if not known:
        return None
    name = known[number % len(known)]
    return drift(2000, f"sealed {name}", kind="withheld", columns=(), event_id=f"answer.{name}", grant=name)


def by_drift(simulator: Simulator) -> set[str]:
    """The runs that drift has started."""
    asked = [
        event for event in simulator.broker.read("regeneration.requests") if isinstance(event, GenerationRequested)
    ]
    return {event.dossier.request.run_id for event in asked if event.dossier.request.origin == "drift"}


def test_the_story_of_a_private_test_from_arming_to_the_next() -> None:
    simulator = settled(apply(PINNED), snapshot("january"), drift(5000))
    assert len(grants(simulator)) == 1
    assert [line.epsilon_after for line in simulator.ledger() if isinstance(line, SpendReserved)] == ["1"]
    assert 1 < float(reserved(simulator)[0].epsilon_after) < 1.1
    for event in (answered(simulator, 0), answered(simulator, 0)):
        assert event is not None
        simulator.tell(event)
        simulator.settle()
    assert (len(by_drift(simulator)), len(simulator.statements()), len(grants(simulator))) == (1, 2, 2)
    timing = [statement.predicate.privacy.timing for statement in simulator.statements().values()]
    assert all("epsilon 0.1 " in text for text in timing)
    simulator.laws(("flights",))
    simulator.quiet_laws()


def test_a_cap_without_room_for_a_test_leaves_the_release_and_starts_nothing() -> None:
    small = contract(timing="private", cap="1")
    simulator = settled(apply(small), profile(digest=small.digest()), drift(5000))
    assert [type(line) for line in simulator.ledger()].count(TriggerRefused) == 1
    assert (len(simulator.statements()), by_drift(simulator)) == (1, set())


OUTSIDE = st.one_of(
    st.builds(snapshot, st.sampled_from("ab")),
    st.builds(lambda row: drift(row, event_id=f"raw-{row}"), st.sampled_from([100, 1000, 9000])),
    st.builds(lambda nonce: command("start_run", nonce=nonce), st.sampled_from("12")),
    st.builds(command, st.sampled_from(["freeze", "unfreeze", "withdraw_access", "grant_access"])),
    st.builds(
        lambda epsilon: command("set_cap", scope="pool", epsilon=epsilon, delta=1e-5), st.sampled_from(["1.5", "3"])
    ),
    st.builds(lambda name: Ticked(event_id=name, target="flights"), st.sampled_from("12")),
)
STEP = st.tuples(
    st.one_of(OUTSIDE, st.integers(0, 3), st.integers(0, 3), st.just(31 * DAY)),
    st.integers(0, 2**32),
    st.integers(0, 80),
)


@settings(max_examples=10, deadline=None)
@given(st.lists(STEP, min_size=3, max_size=10))
def test_each_grant_starts_at_most_one_run_and_raw_drift_none(history: list[tuple[Any, int, int]]) -> None:
    simulator = Simulator()
    for event in (apply(PINNED), snapshot("a")):
        simulator.tell(event)
    simulator.settle()
    for what, seed, deliveries in history:
        if isinstance(what, int) and what > 1000:
            simulator.pass_time(what)
        elif (event := answered(simulator, what) if isinstance(what, int) else what) is not None:
            simulator.tell(event)
        wild(simulator, seed, deliveries)
    simulator.settle()
    simulator.laws(("flights",))
    simulator.quiet_laws()
    assert len(by_drift(simulator)) <= len(grants(simulator))
    paid = [line.grant.grant_id for line in reserved(simulator) if line.mechanisms]
    assert len(set(paid)) == len(paid) == len(grants(simulator))
    asked = [
        event for event in simulator.broker.read("regeneration.requests") if isinstance(event, GenerationRequested)
    ]
    assert not any(event.dossier.request.source.uri.startswith("file:///window") for event in asked)
