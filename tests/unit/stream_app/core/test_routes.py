import pytest

from schemas.errors import ContractError
from schemas.events import Event
from schemas.events.releases import CheckpointPublished, ReceiptIssued, ReleaseCertified, StatusPublished
from schemas.topics import BY_NAME, LOGS
from stream_app.core.routes import INBOXES, LEDGER, LOG_EVENTS, PLANNER, REGISTRY, addressed, key_in
from stream_app.core.unsigned import CheckpointAdvanced, StatementDrawn, StatusDrawn
from tests.events import command
from tests.unit.stream_app.core.test_ledger import asked, declared, ended, run

SIGNED: dict[type[Event], type[Event]] = {
    StatementDrawn: ReleaseCertified,
    StatusDrawn: StatusPublished,
    CheckpointAdvanced: CheckpointPublished,
}


def test_every_route_leads_to_a_topic_that_carries_the_event() -> None:
    for routes in (PLANNER, LEDGER, REGISTRY):
        for kind, topics in routes.items():
            for topic in topics:
                assert SIGNED.get(kind, kind).type in BY_NAME[topic].events, (kind, topic)


def test_the_logs_take_what_the_topic_table_says() -> None:
    assert set(LOG_EVENTS) == set(LOGS)
    for log, kinds in LOG_EVENTS.items():
        assert {kind.type for kind in kinds} == set(BY_NAME[log].events)
    for log, sources in INBOXES.items():
        for topic, kinds in sources.items():
            assert {kind.type for kind in kinds} <= set(BY_NAME[topic].events) & set(BY_NAME[log].events)


def test_a_refusal_reaches_the_plan_under_its_dataset() -> None:
    _, facts = run(declared("0.5"), asked())
    assert [(topic, key) for topic, key, _ in addressed(LEDGER, tuple(facts[1:]))] == [
        ("budget.ledger", "pool"),
        ("plan.log", "flights"),
    ]


def test_keys_are_those_of_the_topic() -> None:
    assert (key_in("budget.log", ended()), key_in("release.log", ended())) == ("pool", "flights")
    assert key_in("budget.log", command("set_cap", scope="pool", epsilon="1", delta=1e-5)) == "pool"

    class Keyless(Event):
        pass

    with pytest.raises(ContractError):
        key_in("incidents", Keyless(event_id="x"))
    assert (
        key_in("receipts", ReceiptIssued(event_id="r", dataset="flights", release_id="a", consumer="c", files=()))
        == "flights"
    )
