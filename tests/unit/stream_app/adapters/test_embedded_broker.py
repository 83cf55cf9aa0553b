"""The embedded broker as clients see it, its stated limits included."""

import subprocess
import sys
import time
import uuid

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, Consumer, Message, Producer, TopicPartition

from schemas.errors import InputError, TransientError
from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.adapters.local_kafka import answers


def _produce(broker: EmbeddedBroker, value: bytes, count: int = 1, **named: object) -> None:
    producer = Producer(
        {"bootstrap.servers": broker.bootstrap, "message.max.bytes": 16_000_000, "linger.ms": 0, "log_level": 0}
    )
    for _ in range(count):
        producer.produce("a", value, partition=0, **named)
        assert producer.flush(10) == 0


def _consumer(broker: EmbeddedBroker) -> Consumer:
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": uuid.uuid4().hex,
            "fetch.wait.max.ms": 20,
            "max.partition.fetch.bytes": 16_000_000,
            "log_level": 0,
        }
    )
    consumer.assign([TopicPartition("a", 0, 0)])
    return consumer


def _first(consumer: Consumer) -> Message:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            return message
    pytest.fail("no message within 10 s")


def test_topics_have_the_partitions_that_were_asked_for() -> None:
    with EmbeddedBroker({"a": 1, "b": 3}) as broker:
        consumer = _consumer(broker)
        topics = consumer.list_topics(timeout=5).topics
        assert {name: len(topics[name].partitions) for name in ("a", "b")} == {"a": 1, "b": 3}
        consumer.close()


def test_record_comes_back_with_key_headers_and_the_senders_timestamp() -> None:
    with EmbeddedBroker({"a": 1}) as broker:
        _produce(broker, b"value", key=b"key", headers=[("ce_id", b"1")], timestamp=1_234_567_890_123)
        consumer = _consumer(broker)
        message = _first(consumer)
        assert (message.key(), message.value(), message.headers()) == (b"key", b"value", [("ce_id", b"1")])
        assert message.timestamp() == (TIMESTAMP_CREATE_TIME, 1_234_567_890_123)
        consumer.close()


def test_a_message_of_four_megabytes_passes() -> None:
    with EmbeddedBroker({"a": 1}) as broker:
        _produce(broker, b"z" * 4_000_000)
        consumer = _consumer(broker)
        assert len(_first(consumer).value() or b"") == 4_000_000
        consumer.close()


def test_what_was_dropped_is_counted_by_partition() -> None:
    with EmbeddedBroker({"a": 1, "b": 2}) as broker:
        _produce(broker, b"q" * 1_000_000, count=4)
        assert broker.dropped() == {}
        _produce(broker, b"q" * 1_000_000, count=4)
        assert broker.dropped() == {("a", 0): 3}


def test_two_brokers_live_side_by_side_and_each_goes_away() -> None:
    with EmbeddedBroker({"a": 1}) as one, EmbeddedBroker({"a": 1}) as other:
        addresses = one.bootstrap, other.bootstrap
        assert addresses[0] != addresses[1]
        assert all(answers(address) for address in addresses)
    assert not any(answers(address) for address in addresses)


def test_a_broker_that_does_not_run_has_no_address() -> None:
    with pytest.raises(TransientError, match="not running"):
        _ = EmbeddedBroker({}).bootstrap


def test_a_topic_without_partitions_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="'none'"):
        EmbeddedBroker({"none": 0}).start()


def test_process_of_its_own_prints_its_address_and_ends_with_its_input() -> None:
    command = [sys.executable, "-m", "stream_app.adapters.embedded_broker", "a:2", "b"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert answers(address)
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert not answers(address)
