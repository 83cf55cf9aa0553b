"""Packing on an Apache Kafka, whose groups have more than one member: packers share a topic, and one of them dies."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress

import pytest
from confluent_kafka import ConsumerGroupState, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.events.releases import DeadLettered
from schemas.events.sources import RecordsObserved
from stream_app.adapters.arrow_blocks import decode_block
from stream_app.adapters.reader import read_topic
from tests.integration.deployment import Deployment

pytestmark = pytest.mark.kafka

PARTITIONS = 4


def _command(deployment: Deployment, topic: str, *more: str) -> list[str]:
    command = [sys.executable, "-c", "from stream_app.cli.main import run; run()", "source", "pack", "--json"]
    command += ["--topic", topic, "--dataset", topic, "--block-rows", "50", "--linger", "0.05"]
    return [*command, "--bootstrap", deployment.bootstrap, "--home", str(deployment.home), *more]


def _packer(deployment: Deployment, topic: str) -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    return subprocess.Popen(
        _command(deployment, topic), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )


def _packed_again(deployment: Deployment, topic: str) -> int:
    """Messages that a packer still finds to do, which the broker's committed offsets tell it."""
    command = _command(deployment, topic, "--once")
    ended = subprocess.run(command, text=True, capture_output=True, timeout=90, check=True)
    return int(json.loads(ended.stdout)["messages"])


def _wait_for_members(bootstrap: str, group: str, members: int) -> None:
    admin, deadline = AdminClient({"bootstrap.servers": bootstrap}), time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(KafkaException, TimeoutError):  # the group is not known yet, or its coordinator not ready
            found = admin.describe_consumer_groups([group])[group].result(10)
            if found.state == ConsumerGroupState.STABLE and len(found.members) == members:
                return
        time.sleep(0.2)
    raise AssertionError(f"the group has not become one of {members}")


def _send(bootstrap: str, topic: str, *messages: bytes) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "compression.type": "zstd", "linger.ms": 5})
    for at, message in enumerate(messages):
        producer.produce(topic, message, partition=at % PARTITIONS)
    assert producer.flush(30) == 0


def _rows(numbers: range) -> list[bytes]:
    return [json.dumps({"n": n}).encode() for n in numbers]


def _blocks(bootstrap: str, dataset: str) -> list[RecordsObserved]:
    found = [message.event() for message in read_topic(bootstrap, "source.records") if message.key == dataset.encode()]
    return [event for event in found if isinstance(event, RecordsObserved)]


def _wait_for(bootstrap: str, dataset: str, rows: int) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if sum(block.rows for block in _blocks(bootstrap, dataset)) >= rows:
            return
        time.sleep(0.2)
    raise AssertionError(f"no {rows} rows came")


def test_two_packers_share_a_topic_and_the_death_of_one_costs_no_row_and_repeats_none(
    kafka: str, deployment: Deployment, unique: str
) -> None:
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.create_topics([NewTopic(unique, PARTITIONS, 1)])[unique].result(15)
    packers = [_packer(deployment, unique) for _ in range(2)]
    try:
        _wait_for_members(kafka, f"perennial-packer-{unique}-{unique}", 2)
        _send(kafka, unique, *_rows(range(2_000)))
        _wait_for(kafka, unique, 500)
        packers[0].send_signal(signal.SIGKILL)
        _send(kafka, unique, b'{"n":NaN}')
        _send(kafka, unique, *_rows(range(2_000, 2_400)))
        _wait_for(kafka, unique, 2_400)
        packers[1].send_signal(signal.SIGTERM)
        said, errors = packers[1].communicate(timeout=60)
    finally:
        for packer in packers:
            packer.kill()
            packer.communicate()
    assert packers[1].returncode == 0, errors
    blocks = _blocks(kafka, unique)
    assert Counter(n for block in blocks for n in decode_block(block.block)["n"]) == Counter(range(2_400))
    assert len({block.event_id for block in blocks}) == len(blocks)
    for origin in {block.origin for block in blocks}:
        spans = sorted({(block.first_offset, block.last_offset) for block in blocks if block.origin == origin})
        assert all(before[1] < after[0] for before, after in itertools.pairwise(spans))
    assert json.loads(said)["rows"] <= 2_400
    assert _packed_again(deployment, unique) == 0
    letters = [message.event() for message in read_topic(kafka, "dead.letters") if message.key == unique.encode()]
    assert [letter.reason[:3] for letter in letters if isinstance(letter, DeadLettered)] == ["NaN"]
