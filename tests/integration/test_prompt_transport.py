"""Faust on the embedded broker: records come promptly, with everything that a station needs of them."""

import asyncio
import statistics
import time

import faust
from confluent_kafka import Producer
from faust.types import AppT, EventT, StreamT

from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.adapters.prompt_transport import PromptTransport

_RECORDS = 5
# Faust's own transport waits 1.5 s for each; twice the median of an idle machine's 0.02 s would already be slow.
_PROMPT_S = 0.5


def _app(bootstrap: str) -> AppT:
    app: AppT = faust.App(
        "prompt", broker=f"kafka://{bootstrap}", store="memory://", web_enabled=False, autodiscover=False,
        topic_allow_declare=False, topic_disable_leader=True, consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
    )  # fmt: skip
    app.transport = PromptTransport(bootstrap, app)
    return app


async def _measure(bootstrap: str) -> list[tuple[float, EventT]]:
    app = _app(bootstrap)
    arrived: asyncio.Queue[tuple[float, EventT]] = asyncio.Queue()

    async def receive(stream: StreamT) -> None:
        async for event in stream.events():
            await arrived.put((time.perf_counter(), event))

    app.agent(app.topic("a", key_serializer="raw", value_serializer="raw"))(receive)
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "partitioner": "murmur2_random"})
    measured = []
    await app.start()
    try:
        for number in range(_RECORDS):
            sent = time.perf_counter()
            producer.produce("a", b"value %d" % number, key=b"key", headers=[("ce_id", b"%d" % number)])
            producer.flush()
            at, event = await asyncio.wait_for(arrived.get(), 20)
            measured.append((at - sent, event))
            await asyncio.sleep(0.1)
    finally:
        await app.stop()
    return measured


def test_records_arrive_promptly_in_order_with_key_headers_and_place() -> None:
    with EmbeddedBroker({"a": 4}) as broker:
        measured = asyncio.run(_measure(broker.bootstrap))
    messages = [event.message for _, event in measured]
    assert [message.value for message in messages] == [b"value %d" % number for number in range(_RECORDS)]
    assert [message.offset for message in messages] == list(range(_RECORDS))
    assert {(message.key, message.partition) for message in messages} == {(b"key", messages[0].partition)}
    assert [dict(message.headers) for message in messages] == [{"ce_id": b"%d" % n} for n in range(_RECORDS)]
    assert statistics.median(seconds for seconds, _ in measured[1:]) < _PROMPT_S
