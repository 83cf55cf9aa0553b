"""Both stages of the drift station served in bulk, killed and started again: equal counts, state and signs."""

import asyncio
import contextlib
import logging
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.events import derive_id
from schemas.events.counts import RowsCounted
from stream_app.adapters.arrow_blocks import decode_columns, encode_block
from stream_app.adapters.bulk_consumer import BulkConsumer
from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.adapters.metrics import Metrics
from stream_app.adapters.publisher import Publisher
from stream_app.adapters.reader import read_range, read_topic
from stream_app.agents.bulk import serve_in_bulk
from stream_app.agents.shell import Received
from stream_app.core.drift.aggregator import Aggregator
from stream_app.core.drift.counter import RowCounter
from stream_app.core.drift.reference import Reference, build_reference
from stream_app.core.drift.wire import from_bytes, to_bytes
from stream_app.settings import Settings
from tests.unit.stream_app.core.drift.drift_tables import CONTRACT, SECRET, rows

RECORDS, COUNTS = "source.records", "source.counts"
MESSAGES, ROWS, CHANGED = 40, 450, 25
SAVED_EVERY = 7


@dataclass(slots=True)
class Life:
    """A worker with both stages; what it had ``saved`` is all that the next one is given."""

    bootstrap: str
    reference: Reference
    saved: tuple[str, int] | None = None
    signs: dict[int, str] = field(default_factory=dict)
    position: int = 0
    aggregator: Aggregator = field(init=False)

    def __post_init__(self) -> None:
        self.aggregator = Aggregator(self.reference)
        if self.saved is not None:
            self.aggregator = Aggregator.from_json(self.saved[0], self.reference)
            self.position = self.saved[1]

    def live(self, messages: int) -> None:
        """Work until the rows of so many messages were taken, and end as a killed worker does."""
        asyncio.run(asyncio.wait_for(self._live(messages * ROWS), 60))

    async def _live(self, taken: int) -> None:
        counter, enough = RowCounter(self.reference, CONTRACT, SECRET), asyncio.Event()

        async def count(message: Received) -> None:
            counted, origin = counter.count(decode_columns(message.value)), f"{message.topic}/{message.partition}"
            told = RowsCounted(
                event_id=derive_id(origin, message.offset), dataset="d", reference=self.reference.digest, origin=origin,
                first_offset=message.offset, last_offset=message.offset, rows=counted.rows, counts=to_bytes(counted),
            )  # fmt: skip
            await publisher.publish(COUNTS, told)

        async def take(message: Received) -> None:
            for missed in read_range(self.bootstrap, COUNTS, 0, self.position, message.offset + 1):
                self._take(missed.event())
                self.position = missed.offset + 1
            if self.aggregator.rows >= taken:
                enough.set()
                await asyncio.Event().wait()

        tasks = list[Callable[[], Coroutine[Any, Any, None]]]()
        app: Any = SimpleNamespace(should_stop=False, task=tasks.append)
        settings = Settings(bootstrap=self.bootstrap, embedded=True, session_timeout_seconds=6)
        context: Any = SimpleNamespace(settings=settings, metrics=Metrics(), log=logging.getLogger(), crash=print)
        with Publisher(self.bootstrap, "/test") as publisher:
            serve_in_bulk(app, context, "test", RECORDS, count, lambda: None)
            serve_in_bulk(app, context, "test", COUNTS, take, lambda: None)
            running = [asyncio.ensure_future(task()) for task in tasks]
            await enough.wait()
            for task in running:
                task.cancel()
            for task in running:
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def _take(self, event: Any) -> None:
        signs = self.aggregator.take(event.origin, event.first_offset, event.last_offset, from_bytes(event.counts))
        self.signs |= {sign.row: repr(sign) for sign in signs}
        if len(self.aggregator.spans) % SAVED_EVERY == 0:
            self.saved = (self.aggregator.to_json(), self.position + 1)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return build_reference(rows(6_000, 1), CONTRACT)


def send(bootstrap: str) -> None:
    """Stationary rows, from the 25th message on with another mean."""
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
    for place in range(MESSAGES):
        block = encode_block(rows(ROWS, 100 + place, shift=0.8 * (place >= CHANGED)).drop(columns="who"))
        producer.produce(RECORDS, block, key=b"d", partition=0)
    assert producer.flush(10) == 0


def lived(reference: Reference, *ends: int) -> tuple[Life, dict[int, set[bytes]], int]:
    """The last of several lives over the same messages, the counts of each message, and how many were published."""
    with EmbeddedBroker({RECORDS: 1, COUNTS: 1}) as broker:
        send(broker.bootstrap)
        life, signs = Life(broker.bootstrap, reference), dict[int, str]()
        for end in ends:
            life.live(end)
            signs |= life.signs
            if end != ends[-1]:
                # What was in memory is gone.
                life = Life(broker.bootstrap, reference, life.saved)
        told = defaultdict[int, set[bytes]](set)
        published = [message.event() for message in read_topic(broker.bootstrap, COUNTS)]
        for event in published:
            assert isinstance(event, RowsCounted)
            told[event.first_offset].add(event.counts)
        life.signs = signs
        return life, told, len(published)


def test_a_station_that_was_killed_ends_with_the_same_bytes(reference: Reference) -> None:
    whole, counts, _ = lived(reference, MESSAGES)
    assert len(counts) == MESSAGES
    assert whole.aggregator.rows == MESSAGES * ROWS
    assert any("since_row" in sign for sign in whole.signs.values()), "the change was not found"
    parted, again, published = lived(reference, 3, 30, MESSAGES)
    assert published >= MESSAGES
    assert again == counts
    assert parted.aggregator.to_json() == whole.aggregator.to_json()
    assert parted.signs == whole.signs


MEMBER = """
import sys, time
from stream_app.adapters.bulk_consumer import BulkConsumer
consumer, done = BulkConsumer(sys.argv[1], sys.argv[2], sys.argv[3], 6.0, 100, lambda: None), 0
while True:
    for message in consumer.read():
        if done < 40:
            consumer.attended(message)
        done += 1
        print(message.partition, message.offset, flush=True)
    time.sleep(0.01)
"""


@pytest.mark.kafka
def test_another_member_reads_what_a_killed_one_had_not_attended_to(kafka: str, unique: str) -> None:
    producer = Producer({"bootstrap.servers": kafka, "log_level": 0})
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.create_topics([NewTopic(unique, 2, 1)])[unique].result(20)
    for place in range(200):
        producer.produce(unique, str(place).encode(), partition=place % 2)
    assert producer.flush(20) == 0
    command = [sys.executable, "-c", MEMBER, kafka, f"{unique}.group", unique]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        seen = {tuple(map(int, first.stdout.readline().split())) for _ in range(120)}
        time.sleep(1.5)  # what was attended to is committed meanwhile
        first.kill()
    second, until = BulkConsumer(kafka, f"{unique}.group", unique, 6.0, 100, lambda: None), time.monotonic() + 40
    found = set[tuple[int, int]]()
    while len(found) < 160 and time.monotonic() < until:
        found |= {(message.partition, message.offset) for message in second.read()}
    second.close()
    everything = {(partition, offset) for partition in range(2) for offset in range(100)}
    assert seen | found == everything
    assert len(found) == 160, "what was attended to came again, or something was lost"
