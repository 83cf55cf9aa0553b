"""What a topic's row in the table means in Kafka's words, and what differs; no broker needed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InputError
from schemas.topics import TOPICS, Topic
from stream_app.adapters.topics import Change, Existing, apply, difference, settings_of


def _topic(**changes: object) -> Topic:
    base = {"name": "t", "key": "dataset", "what": "w", "senders": (), "receivers": (), "events": ()}
    return Topic.model_validate({**base, **changes})


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"retention_ms": 1000}, {"cleanup.policy": "delete", "retention.ms": "1000"}),
        ({"retention_ms": None}, {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}),
        ({"compacted": True}, {"cleanup.policy": "compact", "retention.ms": "-1"}),
        ({"compacted": True, "retention_ms": 5}, {"cleanup.policy": "compact,delete", "retention.ms": "5"}),
        ({"log_append_time": True}, {"message.timestamp.type": "LogAppendTime"}),
        ({}, {"message.timestamp.type": "CreateTime"}),
        ({"max_message_bytes": 77}, {"max.message.bytes": "77"}),
    ],
)
def test_settings(row: dict[str, object], expected: dict[str, str]) -> None:
    assert expected.items() <= settings_of(_topic(**row)).items()


def test_the_three_logs_and_the_counts_take_the_brokers_time_and_the_logs_are_kept_for_ever() -> None:
    timed = {topic.name for topic in TOPICS if settings_of(topic)["message.timestamp.type"] == "LogAppendTime"}
    logs = {"plan.log", "budget.log", "release.log"}
    assert timed == logs | {"source.counts"}
    for topic in TOPICS:
        if topic.name in logs:
            settings = settings_of(topic)
            assert (settings["cleanup.policy"], settings["retention.ms"]) == ("delete", "-1")


def test_three_replicas_want_two_acknowledgements() -> None:
    assert settings_of(_topic(), replication=3)["min.insync.replicas"] == "2"
    assert settings_of(_topic(), replication=1)["min.insync.replicas"] == "1"


def test_absent_topic_is_created_with_everything() -> None:
    change = difference(_topic(), None, 4)
    assert change is not None
    assert (change.action, change.partitions, change.settings) == ("create", 4, settings_of(_topic()))


@given(st.sampled_from(TOPICS), st.integers(1, 50), st.sampled_from([1, 3]))
def test_what_the_plan_sets_leaves_nothing_to_plan(topic: Topic, partitions: int, replication: int) -> None:
    created = difference(topic, None, partitions, replication)
    assert created is not None
    assert difference(topic, Existing(partitions, created.settings), partitions, replication) is None


@given(st.sampled_from(TOPICS), st.data())
def test_only_what_is_stale_is_altered(topic: Topic, data: st.DataObject) -> None:
    settings = settings_of(topic)
    stale = data.draw(st.sets(st.sampled_from(sorted(settings)), min_size=1))
    change = difference(topic, Existing(4, {**settings, **dict.fromkeys(stale, "other")}), 4)
    assert change is not None
    assert change.action == "alter"
    assert set(change.settings) == stale


def test_another_number_of_partitions_is_refused_and_explained() -> None:
    change = difference(_topic(), Existing(2, {}), 4)
    assert change is not None
    assert change.action == "refuse"
    assert "2 partitions" in change.why
    assert "order" in change.why


def test_one_refusal_stops_everything_before_a_broker_is_asked() -> None:
    changes = [Change("a", "create", "", 1, 1), Change("b", "refuse", "keys would move", 2, 1)]
    with pytest.raises(InputError, match="b: keys would move"):
        apply("127.0.0.1:1", changes)
