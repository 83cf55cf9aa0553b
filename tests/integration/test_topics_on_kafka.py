"""The topic table on an Apache Kafka."""

import pytest
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, Producer, TopicPartition

from schemas.errors import InputError, TransientError
from schemas.topics import TOPICS, Topic
from stream_app.adapters.topics import apply, plan

pytestmark = pytest.mark.kafka


def _named(unique: str) -> list[Topic]:
    return [topic.model_copy(update={"name": f"{unique}.{topic.name}"}) for topic in TOPICS]


def test_apply_makes_every_topic_and_a_second_plan_is_empty(kafka: str, unique: str) -> None:
    topics = _named(unique)
    changes = plan(kafka, topics)
    assert [change.action for change in changes] == ["create"] * len(TOPICS)
    apply(kafka, changes)
    assert plan(kafka, topics) == []


def test_a_setting_that_somebody_changed_is_put_right(kafka: str, unique: str) -> None:
    topic = _named(unique)[0]
    apply(kafka, plan(kafka, [topic.model_copy(update={"retention_ms": 1000, "log_append_time": True})]))
    (change,) = plan(kafka, [topic])
    assert change.action == "alter"
    assert set(change.settings) == {"retention.ms", "message.timestamp.type"}
    apply(kafka, [change])
    assert plan(kafka, [topic]) == []


def test_partitions_are_overridden_when_made_and_refused_when_different(kafka: str, unique: str) -> None:
    topics = _named(unique)[:2]
    override = {topics[0].name: 2}
    apply(kafka, plan(kafka, topics, override))
    assert plan(kafka, topics, override) == []
    (refusal,) = plan(kafka, topics)
    assert (refusal.topic, refusal.action) == (topics[0].name, "refuse")
    with pytest.raises(InputError, match="2 partitions"):
        apply(kafka, [refusal])


def test_the_brokers_time_replaces_what_a_sender_of_a_log_claims(kafka: str, unique: str) -> None:
    log = next(topic for topic in _named(unique) if topic.log_append_time)
    apply(kafka, plan(kafka, [log]))
    producer = Producer({"bootstrap.servers": kafka, "log_level": 0})
    producer.produce(log.name, b"x", partition=0, timestamp=1_000)
    assert producer.flush(10) == 0
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": unique, "log_level": 0})
    consumer.assign([TopicPartition(log.name, 0, 0)])
    message = consumer.poll(15)
    consumer.close()
    assert message is not None
    kind, at = message.timestamp()
    assert kind == TIMESTAMP_LOG_APPEND_TIME
    assert at > 1_600_000_000_000


def test_more_replicas_than_brokers_is_an_error_that_names_the_topic(kafka: str, unique: str) -> None:
    topic = _named(unique)[0]
    with pytest.raises(TransientError, match=topic.name):
        apply(kafka, plan(kafka, [topic], replication=3))
