import pytest

from schemas.accounting import epsilon_of
from schemas.contract import Contract
from schemas.events import Event
from schemas.events.budget import CapDeclared, TriggerGrant, TriggerRefused, TriggerRequested, TriggerReserved
from schemas.events.releases import CheckFailed
from schemas.events.sources import DriftDetected
from schemas.mechanism import Pure
from schemas.model import epsilon_text
from stream_app.core.ledger import Ledger, initial, pure, step
from tests.events import Log, command, contract, drift, noise, profile
from tests.office import Office, apply, start

PRIVATE = contract(timing="private")


def asked(office: Office) -> list[TriggerRequested]:
    return [fact for fact in office.facts if isinstance(fact, TriggerRequested)]


def answer(grant: TriggerGrant, **changes: object) -> DriftDetected:
    fields = {"kind": "withheld", "columns": (), "event_id": f"answer.{grant.grant_id}", "grant": grant.grant_id}
    return drift(2000, **(fields | changes))  # type: ignore[arg-type]


def armed(pinned: Contract = PRIVATE) -> Office:
    office = Office(pinned)
    office.certify()
    return office


def test_a_certified_release_arms_one_test_for_a_tenth_of_epsilon() -> None:
    office = armed()
    (request,) = asked(office)
    release = office.plan.releases[-1]
    assert (request.scope, request.renewal, request.grant.epsilon) == ("pool", False, "0.1")
    assert (request.grant.release_id, request.grant.data) == (release.release_id, release.training.data)


@pytest.mark.parametrize(
    "pinned", [contract(), contract(timing="schedule"), contract(timing="private", on_drift=False)]
)
def test_no_other_contract_asks_for_a_test(pinned: Contract) -> None:
    assert asked(armed(pinned)) == []


def test_the_answer_of_a_granted_test_regenerates_on_its_window_once() -> None:
    office = armed()
    grant = asked(office)[0].grant
    office.do(answer(grant))
    assert office.request.source == answer(grant).window
    assert office.request.origin == "drift"
    office.do(answer(grant, event_id="again"))
    assert (office.plan.waiting, "not granted, or has answered before" in office.dismissals()[-1]) == (None, True)
    office.certify()
    assert [request.renewal for request in asked(office)] == [False, False]
    assert asked(office)[1].grant.grant_id != grant.grant_id


def test_a_newer_release_renews_what_has_not_fired() -> None:
    office = armed()
    office.do(profile("february"))
    office.certify()
    first, second = asked(office)
    assert (second.renewal, second.grant.grant_id) == (True, first.grant.grant_id)
    assert second.grant.release_id != first.grant.release_id


def test_another_price_needs_a_grant_of_its_own() -> None:
    office = armed()
    dearer = contract(timing="private", version="1.1.0", epsilon="2")
    office.do(apply(dearer), profile(digest=dearer.digest()))
    office.certify()
    assert [(request.renewal, request.grant.epsilon) for request in asked(office)] == [(False, "0.1"), (False, "0.2")]


def test_raw_drift_and_failed_checks_change_nothing_at_all_under_private_timing() -> None:
    office = armed()
    before = (office.plan.latest, office.plan.changes, office.plan.run)
    failed = CheckFailed(
        event_id="check",
        dataset="flights",
        release_id=office.plan.releases[-1].release_id,
        metric="tstr_ratio",
        value=0.5,
        limit=0.9,
    )
    office.do(drift(5000), drift(9000, grant="flights.test.made-up"), failed)
    assert (office.plan.latest, office.plan.changes, office.plan.run) == before
    assert all("timing" in reason for reason in office.dismissals()[-3:])
    office.do(start())
    assert office.request.reuse is not None


def test_an_answer_without_a_window_is_not_used_up() -> None:
    office = armed()
    grant = asked(office)[0].grant
    office.do(answer(grant, window=None, event_id="seen"), answer(grant))
    assert office.request.source == answer(grant).window


def test_a_refused_test_is_told_and_can_never_answer() -> None:
    office = armed()
    request = asked(office)[0]
    facts = decided(request, ledger(cap="0.05"))
    (refused,) = facts
    assert isinstance(refused, TriggerRefused)
    office.do(refused, answer(request.grant))
    assert "the ledger refused the budget" in office.dismissals()[-2]
    assert (office.plan.run, office.plan.armed) == (None, None)
    office.do(start("again", family="second"))
    office.certify()
    assert len(asked(office)) == 2


def ledger(cap: str = "4", spent: bool = False) -> Ledger:
    declared = CapDeclared(event_id="cap", scope="pool", dataset="flights", epsilon=cap, delta=1e-5, accountant="gdp-1")
    state, _ = step(initial("pool"), Log("pool").append(declared))
    return state if not spent else Ledger(state.scope, state.caps, (noise(),), sequence=state.sequence)


def decided(event: Event, state: Ledger) -> tuple[Event, ...]:
    return step(state, Log("pool").append(event))[1]


def requested(renewal: bool = False, **changes: object) -> TriggerRequested:
    request = asked(armed())[0]
    grant = request.grant.model_copy(update={name: value for name, value in changes.items() if name == "epsilon"})
    other = {name: value for name, value in changes.items() if name != "epsilon"}
    return request.model_copy(update={"grant": grant, "renewal": renewal, "event_id": f"ask.{renewal}"} | other)


def test_a_test_is_charged_whole_when_it_is_armed_and_composed_with_what_was_spent() -> None:
    (line,) = decided(requested(), ledger(spent=True))
    assert isinstance(line, TriggerReserved)
    assert line.mechanisms == (Pure(epsilon=pure("0.1").epsilon),)
    exact = epsilon_of((noise(), pure("0.1")), 1e-5)
    assert (line.epsilon_before, line.epsilon_after) == ("1", epsilon_text(exact))
    assert float(line.epsilon_after) > 1


def test_what_was_spent_before_counts() -> None:
    (line,) = decided(requested(), ledger("1.01", spent=True))
    assert isinstance(line, TriggerRefused)
    assert "over its cap of 1.01" in line.reason


def test_a_renewal_is_free_and_only_of_what_was_granted() -> None:
    log, state = Log("pool"), ledger()
    assert isinstance(decided(requested(renewal=True), state)[0], TriggerRefused)
    state, _ = step(state, log.append(requested()))
    state, (line,) = step(state, log.append(requested(renewal=True)))
    assert isinstance(line, TriggerReserved)
    assert (line.mechanisms, line.epsilon_before) == ((), line.epsilon_after)
    _, (dearer,) = step(state, log.append(requested(renewal=True, epsilon="0.2", event_id="dearer")))
    assert isinstance(dearer, TriggerRefused)


@pytest.mark.parametrize(
    ("changes", "cap", "reason"),
    [
        ({}, "0.09", "over the scope's cap"),
        ({"accountant": "pld-9"}, "4", "an accountant that this ledger does not have"),
        ({"dataset": "trains"}, "4", "declared no cap"),
        ({"epsilon": "0"}, "4", "above 0"),
        ({"epsilon": "999999999"}, "4", "over the scope's cap"),
    ],
)
def test_what_a_scope_cannot_bear_is_refused_and_spends_nothing(
    changes: dict[str, object], cap: str, reason: str
) -> None:
    state = ledger(cap)
    after, (line,) = step(state, Log("pool").append(requested(**changes)))
    assert isinstance(line, TriggerRefused)
    assert reason in line.reason
    assert after.spent == state.spent


def test_a_grant_is_given_once() -> None:
    log = Log("pool")
    state, _ = step(ledger(), log.append(requested()))
    _, (line,) = step(state, log.append(requested(event_id="twice")))
    assert isinstance(line, TriggerRefused)
    assert "has its grant already" in line.reason


def test_the_price_is_never_written_below_the_decimal_that_was_granted() -> None:
    from decimal import Decimal

    assert all(Decimal(pure(text).epsilon) > Decimal(text) for text in ("0.1", "0.3", "0.7", "0.000000001"))


def test_access_withdrawn_arms_nothing() -> None:
    office = Office(PRIVATE)
    office.certify("awaiting_approval")
    office.do(command("withdraw_access"))
    office.do(command("grant_access"))
    assert asked(office) == []
