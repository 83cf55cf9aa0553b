"""Reads topics without a consumer group: ranges of a partition, whole topics, and topics as they grow."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import methodcaller
from typing import cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as RawMessage

from schemas.cloudevents import from_message
from schemas.errors import TransientError
from schemas.events import Event

_HEADERS_OF = methodcaller("headers")
"""``message.headers()`` by a call that Python always checks: for a name that is no UTF-8 confluent-kafka 2.16 sets an
exception and yet returns a list with holes in it, which the interpreter's own fast path takes, and dies of.
"""
NONE_FOR_S = 10.0
"""Patience with a broker that answers nothing while a range is known to hold more."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as it stands in a partition; ``at`` is the broker's timestamp in milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    at: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]

    def event(self) -> Event:
        """The CloudEvent in it; raises ``ContractError``."""
        return from_message(self.value, self.headers)


def partitions_of(bootstrap: str, topic: str) -> tuple[int, ...]:
    """The partitions of a topic, none where it does not exist; raises ``TransientError``."""
    consumer = _consumer(bootstrap)
    try:
        return tuple(sorted(_metadata(consumer, topic)))
    finally:
        consumer.close()


def missing_topics(bootstrap: str, topics: Sequence[str]) -> list[str]:
    """Those of the topics that do not exist; raises ``TransientError``."""
    consumer = _consumer(bootstrap)
    try:
        return [topic for topic in topics if not _metadata(consumer, topic)]
    finally:
        consumer.close()


def first_offset(bootstrap: str, topic: str, partition: int) -> int:
    """The first offset that the broker still holds, or will give; raises ``TransientError``."""
    consumer = _consumer(bootstrap)
    try:
        return _watermarks(consumer, topic, partition)[0]
    finally:
        consumer.close()


def offset_at(bootstrap: str, topic: str, partition: int, at: int) -> int:
    """The first offset whose message is stamped ``at`` (milliseconds since 1970) or later, else the end.

    The embedded broker does not answer this. Raises ``TransientError``.
    """
    consumer = _consumer(bootstrap)
    try:
        (found,) = consumer.offsets_for_times([TopicPartition(topic, partition, at)], timeout=10.0)
        return found.offset if found.offset >= 0 else _watermarks(consumer, topic, partition)[1]
    except KafkaException as error:
        raise TransientError(f"cannot look up a time in {topic}: {error.args[0].str()}") from None
    finally:
        consumer.close()


def read_range(bootstrap: str, topic: str, partition: int, start: int, stop: int) -> Iterator[StoredMessage]:
    """Messages of offsets [start, stop) that the broker still holds; blocking, for threads."""
    if start >= stop:
        return
    consumer = _consumer(bootstrap)
    try:
        low, high = _watermarks(consumer, topic, partition)
        yield from _drain(consumer, {TopicPartition(topic, partition, max(start, low)): min(stop, high)})
    finally:
        consumer.close()


def read_topic(bootstrap: str, *topics: str) -> Iterator[StoredMessage]:
    """Everything that stands in the topics now, each partition in order; topics that do not exist are empty."""
    yield from read_new(bootstrap, {}, *topics)


def read_new(bootstrap: str, positions: dict[tuple[str, int], int], *topics: str) -> Iterator[StoredMessage]:
    """What was added to the topics since ``positions``, which move on with every message; at first everything."""
    consumer = _consumer(bootstrap)
    try:
        ends = {}
        for topic in topics:
            for partition in _metadata(consumer, topic):
                low, high = _watermarks(consumer, topic, partition)
                start = max(low, positions.get((topic, partition), low))
                if high > start:
                    ends[TopicPartition(topic, partition, start)] = high
        for message in _drain(consumer, ends):
            positions[(message.topic, message.partition)] = message.offset + 1
            yield message
    finally:
        consumer.close()


def follow(
    bootstrap: str, topics: Sequence[str], stop: threading.Event, from_end: bool = False
) -> Iterator[StoredMessage | None]:
    """Messages from the beginning (or from now) as they come; yields ``None`` whenever a poll brought nothing."""
    consumer = _consumer(bootstrap)
    try:
        assigned = [
            TopicPartition(topic, partition, _start(consumer, topic, partition, from_end))
            for topic in topics
            for partition in _metadata(consumer, topic)
        ]
        consumer.assign(assigned)
        yield None
        while not stop.is_set():
            message = consumer.poll(0.05)
            yield None if message is None or message.error() else stored(message)
    finally:
        consumer.close()


def _start(consumer: Consumer, topic: str, partition: int, from_end: bool) -> int:
    return _watermarks(consumer, topic, partition)[1] if from_end else OFFSET_BEGINNING


def _consumer(bootstrap: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "perennial-reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.auto.offset.store": False,
            "fetch.max.bytes": 52_428_800,
            "max.partition.fetch.bytes": 16_777_216,
            "fetch.wait.max.ms": 20,
            "log_level": 2,
            "isolation.level": "read_uncommitted",
            "allow.auto.create.topics": False,
        }
    )


def _metadata(consumer: Consumer, topic: str) -> tuple[int, ...]:
    try:
        found = consumer.list_topics(topic, timeout=10.0).topics[topic]
    except KafkaException as error:
        raise TransientError(f"no broker answers: {error.args[0].str()}") from None
    return () if found.error is not None else tuple(found.partitions)


def _watermarks(consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    try:
        marks = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10.0)
    except KafkaException as error:
        raise TransientError(f"cannot read the offsets of {topic}: {error.args[0].str()}") from None
    if marks is None:
        raise TransientError(f"the broker does not tell the offsets of {topic}")
    return marks


def _drain(consumer: Consumer, ends: dict[TopicPartition, int]) -> Iterator[StoredMessage]:
    left = {(start.topic, start.partition): stop for start, stop in ends.items() if start.offset < stop}
    if not left:
        return
    consumer.assign([start for start in ends if (start.topic, start.partition) in left])
    heard = time.monotonic()
    while left:
        message = consumer.poll(0.2)
        if message is None:
            if time.monotonic() - heard > NONE_FOR_S:
                raise TransientError(
                    f"the broker stopped answering while reading {', '.join(sorted({t for t, _ in left}))}"
                )
            _drop_reached(consumer, left)
            continue
        heard = time.monotonic()
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                continue
            raise TransientError(f"cannot read: {error.str()}")
        found = stored(message)
        place = (found.topic, found.partition)
        if place not in left:
            continue
        if found.offset < left[place]:
            yield found
        if found.offset + 1 >= left[place]:
            del left[place]
            consumer.pause([TopicPartition(*place)])


def _drop_reached(consumer: Consumer, left: dict[tuple[str, int], int]) -> None:
    """Compaction and markers leave offsets without a message: the position tells that the end is reached."""
    for reached in consumer.position([TopicPartition(*place) for place in left]):
        if reached.offset >= left[(reached.topic, reached.partition)]:
            del left[(reached.topic, reached.partition)]


def stored(message: RawMessage) -> StoredMessage:
    """The message as it stands; raises ``TransientError`` on one that is none."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    if topic is None or partition is None or offset is None:
        raise TransientError("the broker sent a message without a place")
    at, key, value = message.timestamp()[1], message.key() or b"", message.value() or b""
    return StoredMessage(topic, partition, offset, at, key, value, _headers(message))


def _headers(message: RawMessage) -> tuple[tuple[str, bytes], ...]:
    """All headers, or none where the name of one is no UTF-8: confluent-kafka cannot give any then."""
    try:
        given = cast(list[tuple[str, bytes | None]], _HEADERS_OF(message) or [])
    except (SystemError, UnicodeDecodeError):
        return ()
    return tuple((name, value or b"") for name, value in given)
