"""Grants of private tests, as ledger and answers say: the newest of the contract's scope, until it is refused."""

from typing import Any

from schemas.events import Event
from schemas.events.budget import TriggerGrant, TriggerRefused, TriggerReserved
from stream_app.agents.grants import Grants
from tests.events import contract, drift
from tests.unit.stream_app.core.drift.private_tests import grant

PRIVATE = contract(timing="private")
SCOPE = PRIVATE.policy.privacy.scope


def line(given: TriggerGrant, kind: Any = TriggerReserved, dataset: str = "flights", scope: str = SCOPE) -> Event:
    """A line of the ledger."""
    refused = {"reason": "the cap"} if kind is TriggerRefused else {}
    event: Event = kind(
        event_id="1", scope=scope, sequence=1, decides="2", dataset=dataset, epsilon_before="1", epsilon_after="1.1",
        cap_epsilon="3", delta=1e-5, grant=given, **refused,
    )  # fmt: skip
    return event


def taken(*events: Event) -> Grants:
    grants = Grants()
    for event in events:
        grants.take(event, "flights")
    return grants


def test_the_newest_grant_of_the_contracts_scope_counts() -> None:
    renewed = grant(release="flights.run.2")
    assert taken(line(grant()), line(renewed)).of(PRIVATE) == renewed
    assert taken(line(grant()), line(renewed, scope="elsewhere")).of(PRIVATE) == grant()
    assert taken(line(grant(), dataset="other")).of(PRIVATE) is None
    assert taken(line(grant())).of(contract(timing="raw")) is None


def test_a_grant_whose_renewal_is_refused_is_over() -> None:
    assert taken(line(grant()), line(grant(), TriggerRefused)).of(PRIVATE) is None
    assert taken(line(grant()), line(grant("flights.test.2"), TriggerRefused)).of(PRIVATE) == grant()


def test_answers_of_this_dataset_are_noted_and_raw_drift_is_not() -> None:
    own = drift(9, "a window", event_id="1", grant="flights.test.1")
    grants = taken(own, own.model_copy(update={"dataset": "other", "grant": "other.test.1"}), drift(9))
    assert grants.answered == {"flights.test.1"}
