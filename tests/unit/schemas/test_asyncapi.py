"""The AsyncAPI document: references resolve, every topic and event is there, in the specification's shape."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema

from schemas.asyncapi import asyncapi, short_name
from schemas.events import EVENTS
from schemas.export import documents
from schemas.topics import TOPICS

DOCUMENT = asyncapi()
REFERENCE = {
    "type": "object",
    "required": ["$ref"],
    "additionalProperties": False,
    "properties": {"$ref": {"type": "string"}},
}
CHANNEL = "^(address|messages|title|summary|description|servers|parameters|tags|externalDocs|bindings|x-.*)$"
# What AsyncAPI 3.0.0 says of the objects that are used here; its whole schema is an npm package away.
SHAPE: dict[str, Any] = {
    "type": "object",
    "required": ["asyncapi", "info"],
    "additionalProperties": False,
    "properties": {
        "asyncapi": {"const": "3.0.0"},
        "info": {
            "type": "object",
            "required": ["title", "version"],
            "properties": {"license": {"type": "object", "required": ["name"]}},
        },
        "defaultContentType": {"type": "string"},
        "channels": {
            "additionalProperties": {
                "type": "object",
                "required": ["address", "messages"],
                "propertyNames": {"pattern": CHANNEL},
                "properties": {
                    "address": {"type": "string"},
                    "messages": {"minProperties": 1, "additionalProperties": REFERENCE},
                    "bindings": {
                        "type": "object",
                        "required": ["kafka"],
                        "properties": {
                            "kafka": {
                                "type": "object",
                                "required": ["bindingVersion"],
                                "additionalProperties": False,
                                "properties": {
                                    "topic": {"type": "string"},
                                    "partitions": {"type": "integer", "minimum": 1},
                                    "replicas": {"type": "integer", "minimum": 1},
                                    "topicConfiguration": {"type": "object"},
                                    "bindingVersion": {"const": "0.5.0"},
                                },
                            }
                        },
                    },
                },
            }
        },
        "operations": {
            "additionalProperties": {
                "type": "object",
                "required": ["action", "channel"],
                "properties": {"action": {"enum": ["send", "receive"]}, "channel": REFERENCE},
            }
        },
        "components": {
            "type": "object",
            "propertyNames": {"pattern": r"^[a-zA-Z0-9\.\-_]+$"},
            "properties": {
                "messages": {
                    "propertyNames": {"pattern": r"^[a-zA-Z0-9\.\-_]+$"},
                    "additionalProperties": {
                        "type": "object",
                        "propertyNames": {
                            "enum": [
                                "headers",
                                "payload",
                                "correlationId",
                                "contentType",
                                "name",
                                "title",
                                "summary",
                                "description",
                                "tags",
                                "externalDocs",
                                "bindings",
                                "examples",
                                "traits",
                            ]
                        },
                        "properties": {"headers": {"type": "object", "properties": {"type": {"const": "object"}}}},
                    },
                }
            },
        },
    },
}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def test_it_has_the_shape_of_the_specification() -> None:
    jsonschema.Draft202012Validator(SHAPE).validate(DOCUMENT)


def test_every_reference_resolves() -> None:
    files = documents()
    found = list(_references(DOCUMENT))
    assert found
    for reference in found:
        if reference.startswith("#/"):
            place: Any = DOCUMENT
            for part in reference[2:].split("/"):
                place = place[part.replace("~1", "/").replace("~0", "~")]
        else:
            assert reference.removeprefix("./") in files


def test_channels_are_the_topics_and_messages_the_events() -> None:
    assert {channel["address"] for channel in DOCUMENT["channels"].values()} == {topic.name for topic in TOPICS}
    assert set(DOCUMENT["components"]["messages"]) == {short_name(kind) for kind in EVENTS}
    for topic in TOPICS:
        assert set(DOCUMENT["channels"][topic.name]["messages"]) == {short_name(kind) for kind in topic.events}


def test_headers_are_those_of_cloudevents() -> None:
    for kind in EVENTS:
        headers = DOCUMENT["components"]["messages"][short_name(kind)]["headers"]
        assert {"ce_specversion", "ce_id", "ce_source", "ce_type"} <= set(headers["required"])
        assert headers["properties"]["ce_type"] == {"const": kind}


def test_the_kafka_configuration_is_the_table_s() -> None:
    for topic in TOPICS:
        settings = DOCUMENT["channels"][topic.name]["bindings"]["kafka"]["topicConfiguration"]
        assert settings["retention.ms"] == (-1 if topic.retention_ms is None else topic.retention_ms)
        assert settings["cleanup.policy"] == (["compact"] if topic.compacted else ["delete"])


def test_every_description_is_for_people() -> None:
    for message in DOCUMENT["components"]["messages"].values():
        assert re.match(r"[A-Z]", message["summary"])
