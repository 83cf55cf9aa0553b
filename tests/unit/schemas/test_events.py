"""Every event: what goes out comes back the same; whatever else comes in is a ``ContractError`` that shows no value."""

import contextlib
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.canonical import canonical
from schemas.errors import ContractError
from schemas.events import EVENTS, Event, derive_id
from schemas.events.commands import Command, read_command, target_of
from schemas.events.sources import RecordsObserved
from schemas.export import documents as exported
from schemas.topics import TOPICS
from tests.unit.schemas.strategies import SLOW, documents, events

KINDS = sorted(EVENTS)
EXPORTED = exported()
SCHEMAS = {
    kind: jsonschema.Draft202012Validator(json.loads(text))
    for kind in KINDS
    if (text := EXPORTED.get(f"{kind.removeprefix('io.perennial.')}.schema.json"))
}
JSON_KINDS = [kind for kind in KINDS if EVENTS[kind].content_type == "application/json"]


def test_types_are_versioned_and_in_the_past_tense() -> None:
    assert KINDS
    for kind, model in EVENTS.items():
        assert kind.startswith("io.perennial.")
        assert kind.rpartition(".")[2].removeprefix("v").isdigit()
        assert "".join(part.title() for part in kind.split(".")[2:-1]) == model.__name__


@pytest.mark.parametrize("kind", JSON_KINDS)
@SLOW
@given(data=st.data())
def test_an_event_comes_back_from_its_bytes_and_the_bytes_are_canonical(kind: str, data: st.DataObject) -> None:
    event = data.draw(documents(EVENTS[kind]))
    body = event.to_bytes()
    again = type(event).from_bytes(body)
    assert again == event
    assert again.to_bytes() == body == canonical(json.loads(body))
    assert again.digest() == event.digest()


@pytest.mark.parametrize("kind", JSON_KINDS)
@SLOW
@given(data=st.data())
def test_the_exported_schema_accepts_every_event(kind: str, data: st.DataObject) -> None:
    SCHEMAS[kind].validate(json.loads(data.draw(documents(EVENTS[kind])).to_bytes()))


@pytest.mark.parametrize("kind", KINDS)
@SLOW
@given(data=st.data())
def test_every_event_has_the_key_that_its_topics_are_partitioned_by(kind: str, data: st.DataObject) -> None:
    event = data.draw(documents(EVENTS[kind]))
    assert isinstance(event, Event)
    assert event.key == next(getattr(event, name) for name in ("scope", "target", "dataset") if hasattr(event, name))


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every object of a document, by its path, whose fields are named by a model."""
    found = [path] if isinstance(value, dict) else []
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += _places(inner, (*path, key))
    return [place for place in found if not {"detail", "samples", "summary", "parameters", "limits"} & set(place)]


@pytest.mark.parametrize("kind", JSON_KINDS)
@SLOW
@given(data=st.data())
def test_an_unknown_field_is_refused_wherever_it_stands(kind: str, data: st.DataObject) -> None:
    document = json.loads(data.draw(documents(EVENTS[kind])).to_bytes())
    place = document
    for part in data.draw(st.sampled_from(_places(document))):
        place = place[part]
    place["surprise"] = 1
    with pytest.raises(ContractError, match="Extra inputs"):
        EVENTS[kind].from_document(document)


@pytest.mark.parametrize("kind", JSON_KINDS)
@SLOW
@given(data=st.data())
def test_a_duplicate_key_and_nan_are_refused(kind: str, data: st.DataObject) -> None:
    body = data.draw(documents(EVENTS[kind])).to_bytes()
    twice = body[:-1] + b',"event_id":"other"}'
    with pytest.raises(ContractError, match="twice"):
        EVENTS[kind].from_bytes(twice)
    for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999"):
        with pytest.raises(ContractError):
            EVENTS[kind].from_bytes(body[:-1] + b',"value":' + number + b"}")


@given(st.sampled_from(KINDS), st.binary(max_size=200) | st.text(max_size=200))
def test_random_bytes_are_a_contract_error(kind: str, body: bytes | str) -> None:
    with pytest.raises(ContractError):
        EVENTS[kind].from_bytes(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SECRET = "4111-1111-1111-1111"


@pytest.mark.parametrize("kind", JSON_KINDS)
@SLOW
@given(data=st.data(), junk=JSON)
def test_a_damaged_document_is_a_contract_error_or_valid(kind: str, data: st.DataObject, junk: Any) -> None:
    document = json.loads(data.draw(documents(EVENTS[kind])).to_bytes())
    place = document
    for part in data.draw(st.sampled_from(_places(document))):
        place = place[part]
    if place:
        place[data.draw(st.sampled_from(sorted(place)))] = junk
    with contextlib.suppress(ContractError):
        EVENTS[kind].from_document(document).to_bytes()


@pytest.mark.parametrize("kind", JSON_KINDS)
@SLOW
@given(data=st.data())
def test_an_error_never_shows_a_value(kind: str, data: st.DataObject) -> None:
    document = json.loads(data.draw(documents(EVENTS[kind])).to_bytes())
    place = document
    for part in data.draw(st.sampled_from([path for path in _places(document) if path or document])):
        place = place[part]
    name = data.draw(st.sampled_from(sorted(place) or ["event_id"]))
    place[name] = data.draw(st.sampled_from([SECRET, [SECRET], {"kind": SECRET}, {"command": SECRET}]))
    said = ""
    try:
        EVENTS[kind].from_document(document)
    except ContractError as error:
        said = str(error)
    # Whoever wrote the contract is told which name of a column is wrong; that is no value of a row.
    assert SECRET not in said or said.endswith(f"names a column that the contract does not have: {SECRET}")


def test_the_tag_of_a_mechanism_or_command_is_no_exception() -> None:
    with pytest.raises(ContractError) as found:
        read_command({"command": SECRET})
    assert SECRET not in str(found.value)


@SLOW
@given(documents(EVENTS["io.perennial.command.accepted.v1"]))
def test_a_command_reads_back_and_has_a_target(event: Any) -> None:
    command: Command = event.command
    assert read_command(command.document()) == command
    assert target_of(command) in (getattr(command, "dataset", None), getattr(command, "scope", None))


@given(
    st.lists(st.text(max_size=5) | st.integers(), min_size=1, max_size=4),
    st.lists(st.text(max_size=5) | st.integers(), min_size=1, max_size=4),
)
def test_a_derived_id_is_a_function_of_its_parts_and_usable_as_one(one: list[str | int], two: list[str | int]) -> None:
    name = derive_id(*one)
    assert name == derive_id(*one)
    assert len(name) == 32
    if not any("\x1f" in str(part) for part in (*one, *two)):
        assert (name == derive_id(*two)) == ([str(part) for part in one] == [str(part) for part in two])


def test_two_events_of_one_type_cannot_be() -> None:
    with pytest.raises(TypeError, match="two events"):
        type("Again", (Event,), {"type": KINDS[0], "__module__": __name__})


@pytest.mark.parametrize("text", ["", "-1", "1.0", "٣", "1" * 19, "1 "])
def test_a_batch_of_records_counts_in_whole_numbers(text: str) -> None:
    attributes = {"id": "a", "dataset": "flights", "operation": "insert", "firstrow": text, "rows": "1"}
    with pytest.raises(ContractError):
        RecordsObserved.read(b"", attributes)


@settings(deadline=None)
@given(events())
def test_every_event_goes_to_some_topic(event: Event) -> None:
    assert any(event.type in topic.events for topic in TOPICS)
