from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.accounting import epsilon_of
from schemas.events import Event
from schemas.events.budget import (
    CapChanged,
    CapDeclared,
    LedgerEntry,
    RunEnded,
    SpendRefused,
    SpendRequested,
    SpendReserved,
    SpendSettled,
)
from schemas.events.runs import GenerationRequested
from schemas.mechanism import Gaussian, Pure, SubsampledGaussian
from stream_app.core.fingerprint import fingerprint
from stream_app.core.ledger import Ledger, compounded, initial, step
from tests.events import Log, artefact, command, contract, noise, request


def declared(epsilon: str = "4", dataset: str = "flights", **changes: Any) -> CapDeclared:
    fields = {
        "event_id": f"cap-{dataset}-{epsilon}",
        "scope": "pool",
        "dataset": dataset,
        "epsilon": epsilon,
        "delta": 1e-5,
        "accountant": "gdp-1",
    }
    return CapDeclared.model_validate(fields | changes)


def asked(run: str = "flights.a", attempt: int = 1, **changes: Any) -> SpendRequested:
    return SpendRequested(event_id=f"ask-{run}-{attempt}", scope="pool", request=request(run, attempt, **changes))


def ended(run: str = "flights.a", outcome: Any = "rejected") -> RunEnded:
    return RunEnded(event_id=f"end-{run}", scope="pool", dataset="flights", run_id=run, outcome=outcome)


def run(*events: Event) -> tuple[Ledger, list[Event]]:
    log, ledger, facts = Log("pool"), initial("pool"), list[Event]()
    for event in events:
        ledger, told = step(ledger, log.append(event))
        facts += told
    return ledger, facts


def test_a_grant_is_written_before_the_run_is_let_go() -> None:
    _, facts = run(declared(), asked())
    capped, reserved, go = facts
    assert isinstance(capped, CapChanged)
    assert isinstance(reserved, SpendReserved)
    assert isinstance(go, GenerationRequested)
    assert (reserved.epsilon_before, reserved.epsilon_after, reserved.cap_epsilon) == ("0", "1", "4")
    assert go.dossier.epsilon_after == reserved.epsilon_after
    assert reserved.previous == capped.digest()


def test_what_was_granted_stays_spent_when_the_run_fails() -> None:
    ledger, facts = run(declared("1"), asked(), ended(outcome="failed"), asked("flights.b"))
    assert [type(fact) for fact in facts] == [
        CapChanged,
        SpendReserved,
        GenerationRequested,
        SpendSettled,
        SpendRefused,
    ]
    refused = facts[-1]
    assert isinstance(refused, SpendRefused)
    assert "over its cap of 1" in refused.reason
    assert (refused.epsilon_before, ledger.spent) == ("1", (noise(),))


def test_rejected_attempts_are_composed_too() -> None:
    _, facts = run(declared(), asked(), asked(attempt=2), asked(attempt=3))
    last = [fact for fact in facts if isinstance(fact, SpendReserved)][-1]
    exact = epsilon_of([noise()] * 3, 1e-5)
    assert Decimal(last.epsilon_after) >= Decimal(exact)
    assert Decimal(last.epsilon_after) - Decimal(exact) < Decimal("1e-6")


def test_a_repeat_gives_the_recorded_facts_and_changes_nothing() -> None:
    log = Log("pool")
    ledger, _ = step(initial("pool"), log.append(declared()))
    ledger, first = step(ledger, log.append(asked()))
    again, repeated = step(ledger, log.append(asked()))
    assert again is ledger
    assert repeated == first


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mechanisms": ()}, "needs a mechanism"),
        ({"mechanisms": (), "reuse": artefact("old.model")}, "needs a mechanism"),
        ({"reuse": artefact("old.model"), "earned": (noise(),)}, "spends nothing"),
        ({"of": contract(scope="elsewhere")}, "another scope"),
        ({"of": contract("trains")}, "declared no cap"),
        ({"mechanisms": (Gaussian(noise_multiplier=1e-200),)}, "cannot account"),
        ({"mechanisms": (Gaussian(noise_multiplier=1e-6),)}, "over its cap"),
        ({"mechanisms": (Pure(epsilon=1e9),)}, ""),
    ],
)
def test_what_is_refused(changes: dict[str, Any], reason: str) -> None:
    _, facts = run(declared(), asked(**changes))
    refused = facts[-1]
    assert isinstance(refused, SpendRefused)
    assert reason in refused.reason


def test_an_accountant_that_the_ledger_does_not_have_gets_nothing() -> None:
    _, facts = run(declared(accountant="magic-2"), asked())
    assert isinstance(facts[-1], SpendRefused)
    assert "accountant" in facts[-1].reason


def test_sampling_a_model_again_and_empirical_runs_cost_nothing() -> None:
    again = asked("flights.b", mechanisms=(), reuse=artefact("old.model"), earned=(noise(),))
    empirical = asked("flights.c", of=contract(claim="empirical"), mechanisms=())
    ledger, facts = run(declared("1"), asked(), again, empirical)
    assert sum(isinstance(fact, GenerationRequested) for fact in facts) == 3
    assert ledger.spent == (noise(),)


def test_a_run_that_has_ended_gets_no_more() -> None:
    _, facts = run(declared(), ended(), asked())
    assert isinstance(facts[-1], SpendRefused)
    assert "ended" in facts[-1].reason


def test_one_attempt_gets_one_grant_whatever_id_asks() -> None:
    second = asked().model_copy(update={"event_id": "another"})
    _, facts = run(declared(), asked(), second)
    assert isinstance(facts[-1], SpendRefused)


def test_the_smallest_declared_cap_holds_until_a_person_sets_one() -> None:
    raising = declared("9").model_copy(update={"event_id": "raise"})
    ledger, _ = run(declared("4"), declared("2", "trains"), raising, declared("3", "ships"))
    assert ledger.cap.epsilon == "2"
    ledger, facts = run(declared("4"), raising)
    assert (ledger.cap.epsilon, len(facts)) == ("4", 1), "who writes contracts cannot raise a cap"
    ledger, facts = run(
        declared("4"), command("set_cap", scope="pool", epsilon="6", delta=1e-5), declared("2", "trains")
    )
    assert ledger.cap.epsilon == "6"
    assert [fact.origin for fact in facts if isinstance(fact, CapChanged)] == ["contract", "command"]


def test_a_cap_below_what_is_spent_stops_spending_but_not_sampling() -> None:
    lower = command("set_cap", scope="pool", epsilon="0.5", delta=1e-5)
    again = asked("flights.c", mechanisms=(), reuse=artefact("old.model"), earned=(noise(),))
    _, facts = run(declared(), asked(), lower, asked("flights.b"), again)
    assert isinstance(facts[-3], SpendRefused)
    assert isinstance(facts[-1], GenerationRequested)


def test_equal_mechanisms_are_counted_and_different_ones_kept() -> None:
    gaussian, sampled = Gaussian(noise_multiplier=2), SubsampledGaussian(noise_multiplier=1, sample_rate=0.1, steps=5)
    once = compounded((), (gaussian, sampled, Pure(epsilon=1)))
    twice = compounded(once, (gaussian, sampled, Pure(epsilon=1)))
    assert twice == (
        gaussian.model_copy(update={"count": 2}),
        sampled.model_copy(update={"steps": 10}),
        Pure(epsilon=1),
        Pure(epsilon=1),
    )


ASK = st.builds(
    lambda name, attempt, cost: asked(f"{name}.run", attempt, of=contract(name), mechanisms=(noise(cost),)),
    st.sampled_from(["flights", "trains"]),
    st.integers(1, 4),
    st.sampled_from([0.1, 0.5, 1.0, 2.0]),
)
CAP = st.builds(declared, st.sampled_from(["0.5", "1", "2", "4"]), st.sampled_from(["flights", "trains"]))
SET = st.builds(
    lambda epsilon: command("set_cap", scope="pool", epsilon=epsilon, delta=1e-5), st.sampled_from(["0", "1", "3"])
)
EVENTS = st.lists(
    st.one_of(ASK, ASK, CAP, SET, st.builds(ended, st.sampled_from(["flights.run", "trains.run"]))), max_size=25
)


@settings(max_examples=60, deadline=None)
@given(EVENTS)
def test_no_order_of_events_grants_over_the_cap_or_breaks_the_chain(events: list[Event]) -> None:
    log, ledger, previous, sequence = Log("pool"), initial("pool"), None, 0
    granted: list[Gaussian] = []
    for event in events:
        ledger, facts = step(ledger, log.append(event))
        for line in facts:
            if not isinstance(line, LedgerEntry) or line.sequence < sequence:
                continue
            assert (line.sequence, line.previous) == (sequence, previous)
            sequence, previous = sequence + 1, line.digest()
            if isinstance(line, SpendReserved):
                granted += [item for item in line.mechanisms if isinstance(item, Gaussian)]
                assert epsilon_of(granted, line.delta) <= float(line.cap_epsilon)
                assert float(line.epsilon_after) >= epsilon_of(granted, line.delta)
    refolded = initial("pool")
    for entry in log.entries:
        refolded, _ = step(refolded, entry)
    assert fingerprint(refolded) == fingerprint(ledger)


@pytest.mark.parametrize("origin", ["drift", "check"])
def test_what_live_rows_ask_for_leaves_the_reserve_of_the_cap_to_expiry_and_people(origin: str) -> None:
    pinned = contract(cap="2", budget_reserve=0.5)
    first, second = (asked(f"flights.{name}", of=pinned, origin=origin) for name in "ab")
    person = asked("flights.c", of=pinned, origin="person")
    _, facts = run(declared("2"), first, second, person)
    reserved = [fact.run_id for fact in facts if isinstance(fact, SpendReserved)]
    refused = [fact for fact in facts if isinstance(fact, SpendRefused)]
    assert (reserved, [fact.run_id for fact in refused]) == (["flights.a", "flights.c"], ["flights.b"])
    assert "may use 1 of its cap of 2" in refused[0].reason
    assert "kept for expiry and for people (budget_reserve 0.5)" in refused[0].reason


@pytest.mark.parametrize("origin", ["snapshot", "expiry", "person", None])
def test_a_reserve_holds_back_nothing_else(origin: str | None) -> None:
    pinned = contract(cap="1", budget_reserve=0.99)
    _, facts = run(declared("1"), asked(of=pinned, origin=origin))
    assert any(isinstance(fact, SpendReserved) for fact in facts)


def test_sampling_again_needs_no_budget_even_where_only_the_reserve_is_left() -> None:
    pinned = contract(cap="1", budget_reserve=0.9)
    again = asked("flights.b", of=pinned, origin="drift", mechanisms=(), reuse=artefact("m"), earned=(noise(),))
    _, facts = run(declared("1"), asked(of=pinned), again)
    assert [fact.epsilon_after for fact in facts if isinstance(fact, SpendReserved)] == ["1", "1"]
