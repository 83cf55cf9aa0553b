"""Sends a dead-lettered message again, byte for byte, from where it still stands."""

import hashlib

from confluent_kafka import KafkaError, Producer

from schemas.errors import InputError, TransientError
from schemas.events.releases import DeadLettered
from stream_app.adapters.reader import read_range


def replay(bootstrap: str, letter: DeadLettered) -> None:
    """Raises ``InputError`` where the broker has dropped the message or it is not the one that was dead-lettered."""
    found = next(read_range(bootstrap, letter.topic, letter.partition, letter.offset, letter.offset + 1), None)
    if found is None or found.offset != letter.offset:
        raise InputError(f"{letter.topic}/{letter.partition}/{letter.offset} is no longer kept by the broker")
    if hashlib.sha256(found.value).hexdigest() != letter.sha256:
        raise InputError("the message at that place is not the one that was dead-lettered")
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "message.max.bytes": 16_777_216,
            "message.timeout.ms": 30_000,
            "log_level": 2,
        }
    )
    failed: list[KafkaError] = []
    producer.produce(
        letter.topic,
        value=found.value,
        key=found.key,
        headers=list(found.headers),
        on_delivery=lambda error, _: failed.append(error) if error is not None else None,
    )
    if producer.flush(30) or failed:
        raise TransientError("the broker did not take the message")
