"""A consumer in bulk loses nothing, whoever reads next, and stays in its group while messages are attended to."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, Producer

from stream_app.adapters import bulk_consumer
from stream_app.adapters.bulk_consumer import AT_ONCE, BYTES_AT_ONCE, BulkConsumer
from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.adapters.reader import StoredMessage

NUMBER = 150


def send(broker: EmbeddedBroker, first: int = 0, number: int = NUMBER, **named: Any) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 0, "log_level": 0})
    for place in range(first, first + number):
        producer.produce("a", str(place).encode(), key=b"k", partition=0, **named)
    assert producer.flush(10) == 0


def member(broker: EmbeddedBroker, told: list[int] | None = None) -> BulkConsumer:
    told = [] if told is None else told
    return BulkConsumer(broker.bootstrap, "group", "a", 6.0, 20, lambda: told.append(1))


def read(consumer: BulkConsumer, number: int, within_s: float = 20.0) -> list[StoredMessage]:
    found, until = list[StoredMessage](), time.monotonic() + within_s
    while len(found) < number and time.monotonic() < until:
        some = consumer.read()
        assert len(some) <= AT_ONCE + 1
        found += some
    return found


def values(messages: list[StoredMessage]) -> list[int]:
    return [int(message.value) for message in messages]


def test_every_message_comes_once_in_order_and_after_the_partition_was_told_of() -> None:
    told = list[int]()
    with EmbeddedBroker({"a": 1}) as broker:
        send(broker, headers=[("ce_id", b"1")])
        consumer = member(broker, told)
        found = read(consumer, NUMBER)
        assert told == [1]
        assert consumer.holds(0)
        assert not consumer.holds(1)
        consumer.close()
    assert values(found) == list(range(NUMBER))
    assert [message.offset for message in found] == list(range(NUMBER))
    assert {(message.topic, message.key, message.headers) for message in found} == {("a", b"k", (("ce_id", b"1"),))}


def test_one_read_of_large_messages_brings_few_of_them() -> None:
    size = BYTES_AT_ONCE // 8
    with EmbeddedBroker({"a": 8}) as broker:
        producer = Producer({"bootstrap.servers": broker.bootstrap, "log_level": 0})
        for place in range(AT_ONCE // 2):
            producer.produce("a", bytes(size), partition=place % 8)
        assert producer.flush(10) == 0
        consumer = member(broker)
        found, most, until = 0, 0, time.monotonic() + 20
        while found < AT_ONCE // 2 and time.monotonic() < until:
            some = consumer.read()
            found, most = found + len(some), max(most, len(some))
            time.sleep(0.05)
        consumer.close()
    assert found == AT_ONCE // 2
    assert most <= 8 + 4 + 1


@pytest.mark.parametrize("done", [0, 1, 70, NUMBER])
def test_the_next_member_reads_what_was_not_attended_to(done: int) -> None:
    with EmbeddedBroker({"a": 1}) as broker:
        send(broker)
        first = member(broker)
        for message in read(first, NUMBER)[:done]:
            first.attended(message)
        first.close()
        send(broker, NUMBER, 1)
        second = member(broker)
        found = read(second, NUMBER + 1 - done)
        second.close()
    assert values(found) == list(range(done, NUMBER + 1))


def test_a_member_that_only_keeps_its_place_for_a_while_misses_nothing() -> None:
    with EmbeddedBroker({"a": 1}) as broker:
        send(broker)
        consumer = member(broker)
        found = read(consumer, 1)
        for _ in range(5):
            consumer.keep()
            time.sleep(0.02)
        send(broker, NUMBER, 10)
        found += read(consumer, NUMBER + 10 - len(found))
        consumer.close()
    assert values(found) == list(range(NUMBER + 10))


def test_nothing_to_read_is_no_error() -> None:
    with EmbeddedBroker({"a": 1}) as broker:
        consumer = member(broker)
        assert consumer.read() == []
        consumer.keep()
        consumer.attended(StoredMessage("a", 7, 3, 0, b"", b"", ()))  # another member's
        consumer.close()


@pytest.mark.parametrize(
    ("code", "fatal", "raised"),
    [
        (KafkaError.GROUP_AUTHORIZATION_FAILED, False, PermissionError),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, False, PermissionError),
        (KafkaError._FATAL, True, RuntimeError),
        (KafkaError._TRANSPORT, False, None),
    ],
)
def test_errors_that_no_later_try_mends_are_raised(code: int, fatal: bool, raised: type[Exception] | None) -> None:
    error = SimpleNamespace(code=lambda: code, fatal=lambda: fatal, str=lambda: "so it is")
    message: Any = SimpleNamespace(error=lambda: error)
    if raised is None:
        assert not bulk_consumer._sound(message)
    else:
        with pytest.raises(raised, match="so it is"):
            bulk_consumer._sound(message)
