"""The AsyncAPI 3 document of all topics, made from the topic table and the event models; nothing in it is written
twice.
"""

from typing import Any

from schemas.events import EVENTS, Event
from schemas.topics import TOPICS, Topic

ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time")


def asyncapi(version: str = "0.1.0") -> dict[str, Any]:
    """The document as a JSON value; payload schemas are references to the files that ``export`` writes beside it."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Perennial",
            "version": version,
            "license": {"name": "Apache-2.0"},
            "description": "Certified synthetic releases of a changing source. CloudEvents 1.0 in Kafka binary mode.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": _operations(),
        "components": {"messages": {short_name(kind): _message(kind, model) for kind, model in sorted(EVENTS.items())}},
    }


def short_name(kind: str) -> str:
    """``snapshot.announced.v1`` for ``io.perennial.snapshot.announced.v1``."""
    return kind.removeprefix("io.perennial.")


def _channel(topic: Topic) -> dict[str, Any]:
    configuration: dict[str, Any] = {
        "cleanup.policy": ["compact"] if topic.compacted else ["delete"],
        "retention.ms": -1 if topic.retention_ms is None else topic.retention_ms,
        "max.message.bytes": topic.max_message_bytes,
    }
    return {
        "address": topic.name,
        "description": topic.what,
        "messages": {short_name(kind): {"$ref": f"#/components/messages/{short_name(kind)}"} for kind in topic.events},
        "bindings": {
            "kafka": {"partitions": topic.partitions, "topicConfiguration": configuration, "bindingVersion": "0.5.0"}
        },
        "x-key": topic.key,
        "x-senders": list(topic.senders),
        "x-receivers": list(topic.receivers),
        "x-timestamp-type": "LogAppendTime" if topic.log_append_time else "CreateTime",
    }


def _operations() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for topic in TOPICS:
        for action, people in (("send", topic.senders), ("receive", topic.receivers)):
            found[f"{action}.{topic.name}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "summary": f"{', '.join(people)}: {topic.what}",
            }
    return found


def _message(kind: str, model: type[Event]) -> dict[str, Any]:
    headers = {
        "type": "object",
        "required": [f"ce_{name}" for name in ATTRIBUTES],
        "properties": {f"ce_{name}": {"type": "string"} for name in ATTRIBUTES} | {"ce_type": {"const": kind}},
    }
    summary = (model.__doc__ or model.__name__).strip().splitlines()[0]
    message: dict[str, Any] = {
        "name": kind,
        "title": model.__name__,
        "summary": summary,
        "contentType": model.content_type,
        "headers": headers,
    }
    if model.content_type == "application/json":
        message["payload"] = {"$ref": f"./{short_name(kind)}.schema.json"}
    return message
