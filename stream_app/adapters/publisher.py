"""Sends events to Kafka and waits until the broker has them: an idempotent producer with ``acks=all``."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.cloudevents import to_message
from schemas.errors import ContractError, PerennialError, TransientError
from schemas.events import Event

SEND_TIMEOUT_MS = 30_000
_ANY = -1
TOO_LARGE = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE)


class Publisher:
    """One producer of one sender. ``source`` is the CloudEvents source, such as ``/stations/planner``.

    Partitions are chosen as the Java clients choose them, so that every sender of a key meets in one partition.
    Raises ``TransientError`` where the broker does not take an event within 30 s, ``ContractError`` where an event is
    larger than its topic allows: no later try would change that. A producer that librdkafka declares dead raises
    ``RuntimeError``: only a new process helps. Events that are not ``compressible`` have a producer of their own.
    """

    def __init__(self, bootstrap: str, source: str) -> None:
        self.source = source
        self.reached: dict[tuple[str, int], int] = {}
        """By topic and partition, how long it was when the newest event that was sent there was acknowledged."""
        self._bootstrap = bootstrap
        self._stopping = threading.Event()
        self._pollers: list[threading.Thread] = []
        self._producers: dict[bool, Producer] = {}
        """By whether they compress; that of events that are not compressible is made for the first of them."""
        self._producer(compressing=True)

    async def publish(self, topic: str, event: Event, key: str | None = None, source: str | None = None) -> None:
        """Return once the broker has acknowledged the event; ``key`` and ``source`` default to the event's and the
        sender's own.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def delivered(error: KafkaError | None, _: Message) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
                loop.call_soon_threadsafe(_settle, done, error)

        self._produce(topic, event, delivered, key, source)
        await done

    async def publish_all(self, facts: Iterable[tuple[str, str, Event]], source: str | None = None) -> None:
        """Publish (topic, key, event) in this order, and return once all are acknowledged."""
        await asyncio.gather(*(self.publish(topic, event, key, source) for topic, key, event in facts))

    def send(self, topic: str, event: Event, partition: int | None = None) -> None:
        """Hand over an event and wait for nothing; ``flush`` waits and raises. The key decides on no ``partition``."""
        self._produce(topic, event, self._remember, partition=partition)

    def flush(self, seconds: float = 30.0) -> None:
        """Wait until every ``send`` is acknowledged; raises ``TransientError``, ``ContractError``."""
        until = time.monotonic() + seconds
        left = sum(producer.flush(max(0.0, until - time.monotonic())) for producer in list(self._producers.values()))
        failed, self._failed = self._failed, None
        if failed is not None:
            raise _refusal(failed)
        if left:
            raise TransientError(f"the broker did not take {left} events in {seconds:.0f} s")

    _failed: KafkaError | None = None

    def _remember(self, error: KafkaError | None, message: Message) -> None:
        self._failed = self._failed or error
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if error is None and topic is not None and partition is not None and offset is not None:
            place = (topic, partition)
            self.reached[place] = max(self.reached.get(place, 0), offset + 1)

    def _produce(
        self,
        topic: str,
        event: Event,
        delivered: Callable[[KafkaError | None, Message], None],
        key: str | None = None,
        source: str | None = None,
        partition: int | None = None,
    ) -> None:
        own_key, value, headers = to_message(event, source or self.source)
        producer = self._producer(event.compressible)
        while True:
            try:
                producer.produce(
                    topic,
                    value=value,
                    key=own_key if key is None else key.encode(),
                    headers=list(headers),
                    on_delivery=delivered,
                    partition=_ANY if partition is None else partition,
                )
                return
            except BufferError:
                producer.poll(0.1)
            except KafkaException as error:
                raise _refusal(error.args[0]) from None

    def _producer(self, compressing: bool) -> Producer:
        """The producer that compresses, or the other; with a thread that hears what the broker acknowledges."""
        known = self._producers.get(compressing)
        if known is not None:
            return known
        made = self._producers[compressing] = _made(self._bootstrap, "lz4" if compressing else "none")
        self._pollers.append(threading.Thread(target=self._poll, args=(made,), name=f"publisher {self.source}"))
        self._pollers[-1].daemon = True
        self._pollers[-1].start()
        return made

    def _poll(self, producer: Producer) -> None:
        while not self._stopping.is_set():
            producer.poll(0.05)

    def close(self) -> None:
        """Send what is left and stop."""
        for producer in self._producers.values():
            producer.flush(10.0)
        self._stopping.set()
        for poller in self._pollers:
            poller.join(timeout=2.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _made(bootstrap: str, compression: str) -> Producer:
    return Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "linger.ms": 2,
            "message.max.bytes": 16_777_216,
            "message.timeout.ms": SEND_TIMEOUT_MS,
            "compression.type": compression,
            "log_level": 2,
        }
    )


def _settle(done: "asyncio.Future[None]", error: KafkaError | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(_refusal(error))


def _refusal(error: KafkaError) -> PerennialError | RuntimeError:
    """What a failure to send means for whoever sent: never the event's content."""
    if error.code() in TOO_LARGE:
        return ContractError("an event is larger than its topic allows (`max.message.bytes`)")
    if error.fatal():
        return RuntimeError(f"the producer is dead: {error.str()}")
    return TransientError(f"the broker did not take an event: {error.str()}")
