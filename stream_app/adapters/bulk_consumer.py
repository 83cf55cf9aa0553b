"""One member of a consumer group that takes the messages of a topic many at a time, by librdkafka."""

import contextlib
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from stream_app.adapters.reader import StoredMessage, stored

AT_ONCE, BYTES_AT_ONCE = 64, 4_194_304
"""Messages of one ``read`` at most, which asks for no more of them once they have so many bytes together: what is
attended to soon after it was read is still in a processor's cache.
"""

_BITE = 4

_PATIENCE_S = 0.5
_DENIED = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.SASL_AUTHENTICATION_FAILED,
)


class BulkConsumer:
    """Its methods block and are for one thread, but for ``attended`` and ``holds``, which any thread may call.

    What was ``attended`` to is committed within half a second, and when partitions are handed over or the consumer is
    closed: whoever reads next gets everything else, and perhaps some of it again. ``on_assigned`` is called within
    ``read`` and ``keep``. ``fetch_wait_ms`` is how long a broker may let a fetch wait for messages.
    """

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topic: str,
        session_s: float,
        fetch_wait_ms: int,
        on_assigned: Callable[[], object],
    ) -> None:
        self.topic, self._on_assigned = topic, on_assigned
        self._held: frozenset[int] = frozenset()
        self._paused: list[TopicPartition] = []
        self._ahead: list[StoredMessage] = []
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": round(session_s * 1_000),
                "heartbeat.interval.ms": round(max(500.0, session_s * 200)),
                # Far longer than ``keep`` is put off: who is silent for so long is stuck.
                "max.poll.interval.ms": 600_000,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": True,
                "auto.commit.interval.ms": 500,
                "enable.auto.offset.store": False,
                "isolation.level": "read_uncommitted",
                "fetch.wait.max.ms": fetch_wait_ms,
                "fetch.max.bytes": BYTES_AT_ONCE,
                "max.partition.fetch.bytes": 16_777_216,
                # What is read ahead beside a fetch that is under way: little, so that its memory is soon used again.
                # For room in it the library waits a second unless told otherwise.
                "queued.max.messages.kbytes": 2 * BYTES_AT_ONCE // 1_024,
                "fetch.queue.backoff.ms": 10,
                "allow.auto.create.topics": False,
                "log_level": 2,
            }
        )
        self._consumer.subscribe([topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)

    def read(self) -> list[StoredMessage]:
        """The messages that are there, in the order of their partition; none if none came for half a second.

        Raises ``PermissionError`` where the broker denies topic or group, ``RuntimeError`` where the consumer is dead.
        """
        self._resume()
        first = self._poll(_PATIENCE_S)
        found, self._ahead = self._ahead, []
        if first is not None:
            found.append(first)
            self._fill(found)
        return found

    def _fill(self, found: list[StoredMessage]) -> None:
        """Add what is there already."""
        size = 0
        while len(found) < AT_ONCE and size < BYTES_AT_ONCE:
            some = self._consumer.consume(_BITE, 0.0)
            if not some:
                return
            added = [stored(message) for message in some if _sound(message)]
            size += sum(len(message.value) for message in added)
            found += added

    def keep(self) -> None:
        """Stay in the group while messages are attended to for long: others may come and go meanwhile."""
        self._pause()
        message = self._poll(0.0)
        if message is not None:
            self._ahead.append(message)

    def attended(self, message: StoredMessage) -> None:
        """Nobody needs to read up to this message again."""
        place = TopicPartition(message.topic, message.partition, message.offset + 1)
        with contextlib.suppress(KafkaException):  # another member's by now
            self._consumer.store_offsets(offsets=[place])

    def holds(self, partition: int) -> bool:
        """Whether the partition is this member's, as far as it has heard."""
        return partition in self._held

    def close(self) -> None:
        """Commit and leave the group."""
        self._consumer.close()

    def _poll(self, seconds: float) -> StoredMessage | None:
        message = self._consumer.poll(seconds)
        return None if message is None or not _sound(message) else stored(message)

    def _pause(self) -> None:
        self._paused = [TopicPartition(self.topic, partition) for partition in self._held]
        self._consumer.pause(self._paused)

    def _resume(self) -> None:
        held = [place for place in self._paused if place.partition in self._held]
        self._paused = []
        if held:
            self._consumer.resume(held)

    def _assigned(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._held |= {place.partition for place in partitions}
        self._on_assigned()

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        gone = {place.partition for place in partitions}
        self._held -= gone
        self._ahead = [message for message in self._ahead if message.partition not in gone]


def _sound(message: Message) -> bool:
    """Whether it is a message; raises where it says that none will ever come."""
    error = message.error()
    if error is None:
        return True
    if error.code() in _DENIED:
        raise PermissionError(f"the broker denies reading: {error.str()}")
    if error.fatal():
        raise RuntimeError(f"the consumer is dead: {error.str()}")
    return False
