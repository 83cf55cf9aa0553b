"""Packs a topic of single rows into blocks on ``source.records``, each message in exactly one of them.

Exactly once in effect, without Kafka's transactions. A block says from which offsets it was made. Of each origin
partition one span is under way at a time: blocks and dead letters are sent, the broker acknowledges them, the offset
is committed. So after a crash at most the newest span lacks blocks; whoever gets the partition finds it in
``source.records``, packs the same messages again, sends what is missing, and goes on behind it. A packer that was
stopped for longer than its session lasts, in the middle of a span, can still send that span beside its successor's:
readers tell by origin and offsets.
"""

import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from pydantic import TypeAdapter, ValidationError

from schemas.errors import ContractError, InputError, TransientError
from schemas.model import Name
from stream_app.adapters.origins import RECORDS, Newest, note_of, packed_since, read_note
from stream_app.adapters.packing import Read, Route, Span, blocks_of, letters_of
from stream_app.adapters.publisher import Publisher
from stream_app.adapters.reader import partitions_of

_NAME = TypeAdapter(Name)
_POLL_S = 0.1
_MOST_BYTES = 8 * 1024**2
"""Gathered bytes of a partition that are packed without waiting for more rows."""
_LOST = frozenset(
    (
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
    )
)
"""A commit that comes too late: the partition's next owner reads off the log how far it is packed."""
_BEGINNING = -2


@dataclass(frozen=True, slots=True)
class Packing:
    """What is packed: a topic's rows into blocks of a dataset, of ``block_rows`` or of what came in ``linger_s``."""

    topic: str
    dataset: Name
    block_rows: int = 5_200
    linger_s: float = 1.0
    session_ms: int = 10_000

    def __post_init__(self) -> None:
        try:
            _NAME.validate_python(self.dataset)
        except ValidationError:
            raise InputError("a dataset's name is lower case, of letters, digits and _ . -") from None
        if self.topic == RECORDS:
            raise InputError(f"{RECORDS} holds blocks already")

    @property
    def group(self) -> str:
        return f"perennial-packer-{self.dataset}-{self.topic}"


@dataclass(slots=True)
class Packed:
    """What one packer did: messages read, rows and blocks sent, bad rows set aside."""

    messages: int = 0
    rows: int = 0
    deletes: int = 0
    blocks: int = 0
    bad: int = 0


@dataclass(slots=True)
class _Gathered:
    """Offsets and values of one partition, not yet packed; ``since`` is when the first of them came."""

    since: float = 0.0
    size: int = 0
    offsets: list[int] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)

    def add(self, offsets: list[int], values: list[bytes]) -> None:
        if not self.offsets:
            self.since = time.monotonic()
        self.offsets += offsets
        self.values += values
        self.size += sum(map(len, values))

    def take(self, count: int) -> tuple[list[int], list[bytes]]:
        offsets, values = self.offsets[:count], self.values[:count]
        del self.offsets[:count], self.values[:count]
        self.since, self.size = time.monotonic(), sum(map(len, self.values))
        return offsets, values


class Packer:
    """One member of the group that packs a topic; its partitions are shared among the members.

    Raises ``InputError`` where the topic does not exist, ``TransientError`` where the broker fails for longer than a
    send may take: start again, nothing is lost.
    """

    def __init__(self, bootstrap: str, packing: Packing, read: Read, route: Route, publisher: Publisher) -> None:
        self._bootstrap, self._packing = bootstrap, packing
        self._read, self._route, self._publisher = read, route, publisher
        self._gathered: dict[int, _Gathered] = {}
        self._ended: dict[int, bool] = {}
        self._unfinished: dict[int, Newest] = {}
        self._records: dict[int, int] = {}
        self.packed = Packed()

    def run(
        self, stop: threading.Event, once: bool = False, progress: Callable[[Packed], None] = lambda _: None
    ) -> Packed:
        """Pack until ``stop`` is set, or with ``once`` until the end of the topic as it is; what was read is sent."""
        if not partitions_of(self._bootstrap, self._packing.topic):
            raise InputError(f"there is no topic {self._packing.topic}")
        consumer = Consumer(self._configuration())
        try:
            consumer.subscribe([self._packing.topic], on_assign=self._assigned, on_revoke=self._revoked)
            while not stop.is_set() and not (once and self._all_read()):
                self._gather(consumer)
                self._pack_due(consumer)
                progress(self.packed)
            self._pack_left(consumer)
        except KafkaException as error:
            raise TransientError(f"cannot read {self._packing.topic}: {error.args[0].str()}") from None
        finally:
            consumer.close()
        return self.packed

    def _configuration(self) -> dict[str, str | int | bool]:
        return {
            "bootstrap.servers": self._bootstrap,
            "group.id": self._packing.group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "session.timeout.ms": self._packing.session_ms,
            "heartbeat.interval.ms": self._packing.session_ms // 4,
            "fetch.wait.max.ms": 20,
            "queued.min.messages": 2 * self._packing.block_rows,
            "queued.max.messages.kbytes": 65_536,
            "allow.auto.create.topics": False,
            "isolation.level": "read_committed",
            "log_level": 2,
        }

    def _all_read(self) -> bool:
        return bool(self._ended) and all(self._ended.values())

    def _gather(self, consumer: Consumer) -> None:
        found = consumer.consume(self._packing.block_rows, max(0.01, min(_POLL_S, self._packing.linger_s)))
        # Messages come in long runs of one partition, and a call for each of them is most of what they cost.
        for partition, run in groupby(found, Message.partition):
            messages = list(run)
            if any(map(Message.error, messages)):
                messages = self._without_errors(messages)
            if partition in self._gathered and messages:
                values = [value or b"" for value in map(Message.value, messages)]
                self._gathered[partition].add(cast("list[int]", list(map(Message.offset, messages))), values)

    def _without_errors(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            error, partition = message.error(), message.partition()
            if error is not None:
                self._note_error(error, partition)
        return [message for message in messages if message.error() is None]

    def _note_error(self, error: KafkaError, partition: int | None) -> None:
        if error.code() == KafkaError._PARTITION_EOF and partition is not None:
            self._ended[partition] = True
        elif error.fatal() or not error.retriable():
            raise TransientError(f"cannot read {self._packing.topic}: {error.str()}")

    def _pack_due(self, consumer: Consumer) -> None:
        rows, now = self._packing.block_rows, time.monotonic()
        for partition, gathered in list(self._gathered.items()):
            if partition in self._unfinished and not self._finish(consumer, partition, gathered):
                continue
            while len(gathered.offsets) >= rows:
                self._pack(consumer, partition, rows)
            late = now - gathered.since >= self._packing.linger_s
            if gathered.offsets and (late or gathered.size > _MOST_BYTES):
                self._pack(consumer, partition, len(gathered.offsets))

    def _pack_left(self, consumer: Consumer) -> None:
        for partition, gathered in list(self._gathered.items()):
            if gathered.offsets and partition not in self._unfinished:
                self._pack(consumer, partition, len(gathered.offsets))

    def _finish(self, consumer: Consumer, partition: int, gathered: _Gathered) -> bool:
        """Send what a crash left unsent of a span, once its messages are read again; whether that is done.

        A span whose messages the topic no longer has stays as it is.
        """
        packed = self._unfinished[partition]
        span = packed.span
        if not self._ended[partition] and (not gathered.offsets or gathered.offsets[-1] < span.last):
            return False
        offsets, values = gathered.take(bisect_right(gathered.offsets, span.last))
        if offsets and (offsets[0], offsets[-1]) == (span.first, span.last):
            self._send(partition, offsets, values, packed.ids)
        del self._unfinished[partition]
        self._commit(consumer, partition, span.last + 1)
        return True

    def _pack(self, consumer: Consumer, partition: int, count: int) -> None:
        """Send the first ``count`` gathered messages of a partition, and commit."""
        waiting = deque([self._gathered[partition].take(count)])
        while waiting:
            offsets, values = waiting.popleft()
            if self._send(partition, offsets, values):
                self._commit(consumer, partition, offsets[-1] + 1)
            else:
                half = len(offsets) // 2
                waiting.extendleft([(offsets[half:], values[half:]), (offsets[:half], values[:half])])

    def _send(
        self, partition: int, offsets: Sequence[int], values: Sequence[bytes], there: frozenset[str] = frozenset()
    ) -> bool:
        """Send a span's blocks, without those that are ``there``, and its dead letters; false where a block would be
        too large and the span can be parted.
        """
        span = Span(self._packing.topic, partition, offsets[0], offsets[-1])
        try:
            changes = self._read(values)
            blocks = blocks_of(self._packing.dataset, span, changes, self._route)
            bad = changes.bad
        except ContractError as error:
            if len(offsets) > 1:
                return False
            blocks, bad = (), {0: str(error)}
        for block in blocks:
            if block.event.event_id not in there:
                self._publisher.send(RECORDS, block.event, block.partition)
                self.packed.blocks += 1
                self.packed.rows += block.event.rows
                self.packed.deletes += block.event.rows if block.event.operation == "delete" else 0
        for letter in letters_of(self._packing.dataset, span, offsets, values, bad):
            self._publisher.send("dead.letters", letter)
        self._publisher.flush()
        self.packed.messages += len(offsets)
        self.packed.bad += len(bad)
        return True

    def _commit(self, consumer: Consumer, partition: int, offset: int) -> None:
        for (topic, records), reached in self._publisher.reached.items():
            if topic == RECORDS:
                self._records[records] = max(reached, self._records.get(records, 0))
        place = TopicPartition(self._packing.topic, partition, offset, note_of(self._records))
        try:
            consumer.commit(offsets=[place], asynchronous=False)
        except KafkaException as error:
            if error.args[0].code() not in _LOST:
                raise

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Go on where the log of blocks ends, with its newest span of each partition: that may lack blocks."""
        committed = consumer.committed(partitions, timeout=30.0)
        notes = [read_note(place.metadata) for place in committed]
        known = set.intersection(*(set(note) for note in notes)) if notes else set()
        newest, self._records = packed_since(
            self._bootstrap,
            self._packing.dataset,
            self._packing.topic,
            [place.partition for place in partitions],
            {records: min(note[records] for note in notes) for records in known},
        )
        self._gathered = {place.partition: _Gathered() for place in partitions}
        self._ended, self._unfinished = dict.fromkeys(self._gathered, False), {}
        starts = []
        for place in committed:
            start = place.offset if place.offset >= 0 else _BEGINNING
            found = newest.get(place.partition)
            if found is not None and found.span.last >= start:
                self._unfinished[place.partition] = found
                start = found.span.first
            starts.append(TopicPartition(place.topic, place.partition, start))
        consumer.assign(starts)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """What was gathered and not packed is the next owner's to read."""
        self._gathered, self._ended, self._unfinished = {}, {}, {}
