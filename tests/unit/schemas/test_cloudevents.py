"""CloudEvents in Kafka's binary mode: round trips, the SDK as an independent reader, nothing but ``ContractError``."""

import json
import re
from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.cloudevents import attributes_of, from_message, to_message
from schemas.errors import ContractError
from schemas.events import EVENTS, Event
from schemas.events.plans import Ticked
from schemas.events.releases import DeadLettered
from schemas.events.sources import RecordsObserved
from tests.unit.schemas.strategies import SLOW, documents, events

KINDS = sorted(EVENTS)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = Ticked(event_id="tick-1", target="flights")


def _drawn(data: st.DataObject, kind: str) -> Event:
    event = data.draw(documents(EVENTS[kind]))
    assert isinstance(event, Event)
    return event


@pytest.mark.parametrize("kind", KINDS)
@SLOW
@given(data=st.data())
def test_an_event_comes_back_from_its_message(kind: str, data: st.DataObject) -> None:
    event = _drawn(data, kind)
    key, value, headers = to_message(event, "/stations/test", NOON)
    assert key == event.key.encode()
    assert from_message(value, headers) == event
    assert (key, value, headers) == to_message(event, "/stations/test", NOON)


@pytest.mark.parametrize("kind", KINDS)
@SLOW
@given(data=st.data())
def test_the_sdk_reads_the_same_event(kind: str, data: st.DataObject) -> None:
    event = _drawn(data, kind)
    if isinstance(event, RecordsObserved) and event.media_type == "application/json":
        event = event.model_copy(update={"block": b"[]"})  # the SDK parses what is said to be JSON
    _, value, headers = to_message(event, "/stations/test", NOON)
    found = from_binary(KafkaMessage(dict(headers), None, value), JSONFormat(), CloudEvent)
    assert (found.get_id(), found.get_source(), found.get_type()) == (event.event_id, "/stations/test", kind)
    assert (found.get_subject(), found.get_time(), found.get_specversion()) == (event.key or "-", NOON, "1.0")
    assert found.get_datacontenttype() == event.media_type
    body = found.get_data()
    if event.content_type == "application/json":
        assert body == event.document()
    elif event.media_type == "application/json":
        assert body == json.loads(event.body())
    else:
        # The SDK hands over text where the bytes happen to be UTF-8, and nothing where there are none.
        assert (body.encode() if isinstance(body, str) else body or b"") == event.body()


ALLOWED = re.compile("[^\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]+")


@SLOW
@given(events())
def test_attributes_keep_the_rules_of_cloudevents(event: Event) -> None:
    """Section 3.1 of the specification: short names of lower-case letters and digits, no control characters."""
    _, _, headers = to_message(event, "/stations/test")
    names = [name.removeprefix("ce_") for name, _ in headers if name != "content-type"]
    assert [name for name in names if not re.fullmatch("[a-z0-9]{1,20}", name)] == []
    assert len(set(names)) == len(names)
    assert [value for _, value in headers if not ALLOWED.fullmatch(value.decode())] == []
    assert {"specversion", "id", "source", "type"} <= set(names)


@given(st.text(max_size=20))
def test_a_dead_letter_of_any_key_is_still_a_cloudevent(key: str) -> None:
    letter = DeadLettered(
        event_id="dead",
        dataset=key.encode("utf-8", "replace").decode(),
        station="drift",
        topic="source.records",
        partition=0,
        offset=1,
        sha256="0" * 64,
        error="ContractError",
        reason="no event",
    )
    _, value, headers = to_message(letter, "/stations/drift")
    subject = dict(headers)["ce_subject"].decode()
    assert ALLOWED.fullmatch(subject)
    assert from_message(value, headers) == letter
    from_binary(KafkaMessage(dict(headers), None, value), JSONFormat(), CloudEvent)


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["ce_specversion", "ce_id", "ce_type", "ce_dataset", "ce_operation", "ce_firstrow", "ce_rows", "other"]
        )
        | st.text(max_size=8),
        st.binary(max_size=10) | st.sampled_from([b"1.0", *(kind.encode() for kind in KINDS)]),
    ),
    max_size=8,
)


@settings(max_examples=300)
@given(st.none() | st.binary(max_size=100), st.none() | HEADERS)
def test_random_messages_are_a_contract_error(value: bytes | None, headers: list[tuple[str, bytes]] | None) -> None:
    with pytest.raises(ContractError):
        from_message(value, headers)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(KINDS), st.binary(max_size=100), st.text(max_size=10))
def test_random_bodies_under_good_headers_are_a_contract_error_or_an_event(kind: str, value: bytes, name: str) -> None:
    attributes = {
        "specversion": "1.0",
        "id": name,
        "type": kind,
        "dataset": "flights",
        "operation": "insert",
        "firstrow": "0",
        "rows": "1",
    }
    try:
        event = from_message(value, [(f"ce_{key}", text.encode()) for key, text in attributes.items()])
    except ContractError:
        return
    assert isinstance(event, RecordsObserved)
    assert event.block == value


@settings(max_examples=200)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
def test_a_message_with_bytes_changed_is_refused_or_reads_as_another_event(at: int, patch: bytes) -> None:
    _, value, headers = to_message(TICK, "/test", NOON)
    at %= len(value)
    damaged = value[:at] + patch + value[at + len(patch) :]
    try:
        event = from_message(damaged, headers)
    except ContractError:
        return
    assert event.event_id == TICK.event_id
    assert damaged == value or event != TICK or damaged.strip() != value


@pytest.mark.parametrize(
    ("defect", "change"),
    {
        "no specversion": {"ce_specversion": None},
        "another specversion": {"ce_specversion": b"0.3"},
        "no type": {"ce_type": None},
        "an unknown type": {"ce_type": b"io.perennial.surprise.v1"},
        "another version": {"ce_type": b"io.perennial.ticked.v2"},
        "another event's type": {"ce_type": b"io.perennial.contract.applied.v1"},
        "no id": {"ce_id": None},
        "another id": {"ce_id": b"tick-2"},
        "not UTF-8": {"ce_source": b"\xff"},
    }.items(),
)
def test_a_defect_of_the_headers_is_refused(defect: str, change: dict[str, bytes | None]) -> None:
    _, value, headers = to_message(TICK, "/test")
    changed = {**dict(headers), **change}
    with pytest.raises(ContractError):
        from_message(value, [(name, text) for name, text in changed.items() if text is not None])


def test_an_attribute_that_is_given_twice_is_refused() -> None:
    """Two readers of one message could each believe another one."""
    _, value, headers = to_message(TICK, "/test")
    with pytest.raises(ContractError, match="twice"):
        from_message(value, [*headers, ("ce_type", b"io.perennial.ticked.v1")])


def test_headers_of_others_are_passed_over() -> None:
    _, value, headers = to_message(TICK, "/test")
    assert from_message(value, [("traceparent", b"\xff"), *headers, ("traceparent", b"2")]) == TICK
    assert attributes_of(None) == {}
