"""Bring Apache Kafka's topics in line with the topic table: plan what differs, then apply it."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from schemas.errors import InputError, TransientError
from schemas.topics import Topic

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

T = TypeVar("T")
_TIMEOUT = 30.0
_FOR_EVER = "-1"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that has to happen to one topic, or that cannot: ``refuse`` is never applied."""

    topic: str
    action: Literal["create", "alter", "refuse"]
    why: str
    partitions: int
    replication: int
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Existing:
    """What a broker says of a topic: its number of partitions and its settings."""

    partitions: int
    settings: Mapping[str, str]


def plan(
    bootstrap: str, topics: Iterable[Topic], partitions: Mapping[str, int] | None = None, replication: int = 1
) -> list[Change]:
    """What differs between the table and the broker, in the table's order; nothing is changed.

    ``partitions`` overrides the table's count by topic. Raises ``TransientError`` where the broker does not answer.
    """
    wanted = list(topics)
    existing = _describe(_admin(bootstrap), [topic.name for topic in wanted])
    counts = partitions or {}
    changes = [
        difference(topic, existing.get(topic.name), counts.get(topic.name, topic.partitions), replication)
        for topic in wanted
    ]
    return [change for change in changes if change is not None]


def apply(bootstrap: str, changes: Sequence[Change]) -> None:
    """Carry the changes out and return once the broker shows them; with one refusal among them nothing is touched.

    Raises ``InputError`` for a refusal, ``TransientError`` where the broker does not answer or does not agree.
    """
    if refused := [change for change in changes if change.action == "refuse"]:
        raise InputError("; ".join(f"{change.topic}: {change.why}" for change in refused))
    admin = _admin(bootstrap)
    _create(admin, [change for change in changes if change.action == "create"])
    _alter(admin, [change for change in changes if change.action == "alter"])
    _await_shown(admin, changes)


def settings_of(topic: Topic, replication: int = 1) -> dict[str, str]:
    """The topic's configuration in Kafka's own words; with three replicas a write needs two of them."""
    retention = _FOR_EVER if topic.retention_ms is None else str(topic.retention_ms)
    policies = [policy for policy, holds in (("compact", topic.compacted), ("delete", _expires(topic))) if holds]
    return {
        "cleanup.policy": ",".join(policies),
        "retention.ms": retention,
        "retention.bytes": _FOR_EVER,
        "message.timestamp.type": "LogAppendTime" if topic.log_append_time else "CreateTime",
        "max.message.bytes": str(topic.max_message_bytes),
        "min.insync.replicas": "2" if replication >= 3 else "1",
    }


def difference(topic: Topic, existing: Existing | None, partitions: int, replication: int = 1) -> Change | None:
    """The one change that leads from what exists to what the table says, if any."""
    wanted = settings_of(topic, replication)
    if existing is None:
        return Change(topic.name, "create", "it does not exist", partitions, replication, wanted)
    if existing.partitions != partitions:
        # More partitions would send a key's next records elsewhere and break the order that the folds rest on.
        why = (
            f"it has {existing.partitions} partitions and {partitions} are asked for; keys would move between "
            "partitions and lose their order, so make a new cluster or keep the count with a partitions override"
        )
        return Change(topic.name, "refuse", why, partitions, replication)
    stale = {name: value for name, value in wanted.items() if existing.settings.get(name) != value}
    if not stale:
        return None
    why = ", ".join(f"{name} is {existing.settings.get(name)}, not {value}" for name, value in stale.items())
    return Change(topic.name, "alter", why, partitions, replication, stale)


def _expires(topic: Topic) -> bool:
    """A topic that is compacted and kept for ever is only compacted."""
    return not topic.compacted or topic.retention_ms is not None


def _admin(bootstrap: str) -> "AdminClient":
    from confluent_kafka.admin import AdminClient

    # Errors come back as exceptions; the library's own lines on stderr would only repeat them.
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})


def _describe(admin: "AdminClient", names: Sequence[str]) -> dict[str, Existing]:
    from confluent_kafka.admin import ConfigResource, ResourceType

    known = _answered(lambda: admin.list_topics(timeout=_TIMEOUT).topics, "listing topics")
    present = [name for name in names if name in known and known[name].partitions]
    if not present:
        return {}
    asked = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in present])
    answers = {
        resource.name: _answered(answer.result, f"describing {resource.name}") for resource, answer in asked.items()
    }
    return {
        name: Existing(len(known[name].partitions), {key: entry.value for key, entry in answers[name].items()})
        for name in present
    }


def _create(admin: "AdminClient", changes: Sequence[Change]) -> None:
    from confluent_kafka.admin import NewTopic

    new = [
        NewTopic(change.topic, change.partitions, change.replication, config=dict(change.settings))
        for change in changes
    ]
    if new:
        _await_all(admin.create_topics(new, operation_timeout=_TIMEOUT), "creating")


def _alter(admin: "AdminClient", changes: Sequence[Change]) -> None:
    from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            change.topic,
            incremental_configs=[
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in change.settings.items()
            ],
        )
        for change in changes
    ]
    if resources:
        _await_all(admin.incremental_alter_configs(resources), "altering")


def _await_shown(admin: "AdminClient", changes: Sequence[Change]) -> None:
    """A controller acknowledges before every broker has heard, so ask until the answer is the new one."""
    deadline = time.monotonic() + _TIMEOUT
    while missing := [change.topic for change in changes if not _is_shown(change, _describe(admin, [change.topic]))]:
        if time.monotonic() > deadline:
            raise TransientError(f"the broker does not show the changes to {', '.join(missing)}")
        time.sleep(0.1)


def _is_shown(change: Change, shown: Mapping[str, Existing]) -> bool:
    topic = shown.get(change.topic)
    return topic is not None and change.settings.items() <= topic.settings.items()


def _await_all(futures: Mapping[Any, Any], doing: str) -> None:
    for what, future in futures.items():
        _answered(future.result, f"{doing} {getattr(what, 'name', what)}")


def _answered(ask: Callable[[], T], doing: str) -> T:
    from confluent_kafka import KafkaException

    try:
        return ask()
    except KafkaException as error:
        raise TransientError(f"{doing} failed: {error.args[0].str()}") from error
