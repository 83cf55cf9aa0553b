"""The packer on the embedded broker: every row in exactly one block, however often it is killed."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from generators.entities.tokens import tokenise
from schemas.contract import Column, Contract, Policy, Privacy, PrivacyUnit
from schemas.events.releases import DeadLettered
from schemas.events.sources import RecordsObserved
from stream_app.adapters.arrow_blocks import decode_block
from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.adapters.packer import Packed, Packer, Packing
from stream_app.adapters.packing import Read, Route, reader_of, route_of
from stream_app.adapters.partitioning import partitions_of_tokens
from stream_app.adapters.publisher import Publisher
from stream_app.adapters.reader import read_topic

PARTITIONS = 3
SECRET = b"s" * 32
CONTRACT = Contract(
    dataset="trips",
    columns=(
        Column(name="n", type="integer"),
        Column(name="city", type="string"),
        Column(name="who", type="string", role="entity"),
    ),
    policy=Policy(privacy=Privacy(scope="trips", claim="empirical")),
)
UNIT = PrivacyUnit(kind="entity", column="who", max_rows=5)
ENTITIES = CONTRACT.model_copy(update={"policy": Policy(privacy=Privacy(scope="trips", claim="empirical", unit=UNIT))})


@pytest.fixture
def broker() -> Iterator[str]:
    with EmbeddedBroker({"rows": PARTITIONS, "source.records": 4, "dead.letters": 1, "contracts": 1}) as running:
        yield running.bootstrap


def _send(bootstrap: str, messages: list[bytes | None], partition: int | None = None, **more: Any) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
    for at, message in enumerate(messages):
        producer.produce("rows", message, partition=at % PARTITIONS if partition is None else partition, **more)
    producer.flush()


def _row(n: int) -> bytes:
    return json.dumps({"n": n, "city": ["Rome", "Oslo", "Łódź"][n % 3], "who": f"rider {n % 17}"}).encode()


def _pack(bootstrap: str, read: Read | None = None, route: Route | None = None, **packing: Any) -> Packed:
    settings = {"topic": "rows", "dataset": "trips", "block_rows": 50, "linger_s": 0.2, "session_ms": 6_000} | packing
    with Publisher(bootstrap, "/packer") as publisher:
        packer = Packer(
            bootstrap,
            Packing(**settings),
            read or reader_of(CONTRACT),
            route or route_of(CONTRACT, SECRET, 4),
            publisher,
        )
        return packer.run(threading.Event(), once=True)


def _blocks(bootstrap: str) -> list[RecordsObserved]:
    found = [message.event() for message in read_topic(bootstrap, "source.records")]
    return [event for event in found if isinstance(event, RecordsObserved)]


def _rows(blocks: list[RecordsObserved], operation: str = "insert") -> "Counter[tuple[Any, ...]]":
    counted: Counter[tuple[Any, ...]] = Counter()
    for block in blocks:
        if block.operation == operation:
            frame = decode_block(block.block)
            assert len(frame) == block.rows
            counted.update(frame[["n", "city"]].itertuples(index=False, name=None))
    return counted


def _expected(numbers: range) -> "Counter[tuple[Any, ...]]":
    return Counter((n, ["Rome", "Oslo", "Łódź"][n % 3]) for n in numbers)


def _letters(bootstrap: str) -> list[DeadLettered]:
    found = [message.event() for message in read_topic(bootstrap, "dead.letters")]
    return [event for event in found if isinstance(event, DeadLettered)]


def _no_overlap(blocks: list[RecordsObserved]) -> None:
    for origin in {block.origin for block in blocks}:
        spans = sorted({(block.first_offset, block.last_offset) for block in blocks if block.origin == origin})
        assert all(before[1] < after[0] for before, after in itertools.pairwise(spans))


def test_packed_rows_are_those_that_were_sent_and_a_second_run_adds_nothing(broker: str) -> None:
    _send(broker, [_row(n) for n in range(400)])
    _send(broker, [b'{"n":"s3cr3t"}', b"s3cr3t"], partition=1)
    packed = _pack(broker)
    assert (packed.messages, packed.rows, packed.bad) == (402, 400, 2)
    blocks = _blocks(broker)
    assert _rows(blocks) == _expected(range(400))
    assert {block.rows for block in blocks} >= {50}
    _no_overlap(blocks)
    assert {(letter.topic, letter.partition, letter.station) for letter in _letters(broker)} == {("rows", 1, "packer")}
    assert all("s3cr3t" not in letter.reason for letter in _letters(broker))
    assert _pack(broker).messages == 0
    _send(broker, [_row(n) for n in range(400, 450)])
    assert _pack(broker).rows == 50
    assert _rows(_blocks(broker)) == _expected(range(450))


def test_rows_of_one_entity_meet_where_its_token_leads_as_a_key(broker: str) -> None:
    _send(broker, [_row(n) for n in range(200)])
    _pack(broker, reader_of(ENTITIES), route_of(ENTITIES, SECRET, 4))
    places: dict[str, set[int]] = {}
    for message in read_topic(broker, "source.records"):
        event = message.event()
        assert isinstance(event, RecordsObserved)
        for who in decode_block(event.block)["who"]:
            places.setdefault(who, set()).add(message.partition)
    riders = sorted(places)
    assert len(riders) == 17
    import pandas as pd

    tokens = tokenise(pd.Series(riders), SECRET).tolist()
    assert [places[who] for who in riders] == [{place} for place in partitions_of_tokens(tokens, 4).tolist()]
    assert _rows(_blocks(broker)) == _expected(range(200))
    _keyed_alike(broker, tokens)


def _keyed_alike(bootstrap: str, tokens: list[str]) -> None:
    """Clients that send an entity's rows by its token as the key reach the same partition."""
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"})
    chosen: dict[str, int] = {}
    for token in tokens:
        producer.produce(
            "source.records", b"x", key=token,
            on_delivery=lambda _, message: chosen.update({message.key().decode(): message.partition()}),
        )  # fmt: skip
    producer.flush()
    assert [chosen[token] for token in tokens] == partitions_of_tokens(tokens, 4).tolist()


def test_a_debezium_sequence_leaves_the_rows_that_the_table_has(broker: str) -> None:
    def change(op: str, before: int | None, after: int | None) -> bytes:
        images = {"before": before, "after": after}
        rows = {name: None if n is None else json.loads(_row(n)) for name, n in images.items()}
        return json.dumps({"op": op, **rows, "source": {"connector": "postgresql"}}).encode()

    messages: list[bytes | None] = [change("r", None, n) for n in range(60)]
    messages += [change("u", n, n + 100) for n in range(30)]
    messages += [change("d", n, None) for n in range(50, 60)] + [None]
    messages += [change("d", None, None), change("t", None, None), change("x", None, 1)]
    _send(broker, messages, partition=0)
    packed = _pack(broker, reader_of(CONTRACT, debezium=True))
    assert packed.bad == 3
    blocks = _blocks(broker)
    left = _rows(blocks)
    left.subtract(_rows(blocks, "delete"))
    assert +left == _expected(range(30, 50)) + _expected(range(100, 130))
    assert min(left.values()) == 0
    reasons = sorted(letter.reason for letter in _letters(broker))
    assert any("REPLICA IDENTITY FULL" in reason for reason in reasons)


class _CrashesAfter(Publisher):
    """A publisher whose process ends after so many sends: what was sent is with the broker, the rest is not."""

    def __init__(self, bootstrap: str, sends: int) -> None:
        super().__init__(bootstrap, "/packer")
        self._left = sends

    def send(self, topic: str, event: Any, partition: int | None = None) -> None:
        if self._left == 0:
            self.flush()
            raise SystemExit("crashed")
        self._left -= 1
        super().send(topic, event, partition)


@pytest.mark.parametrize("sends", [2, 5, 9])
def test_a_crash_between_the_blocks_of_a_span_leaves_no_gap_and_no_row_twice(broker: str, sends: int) -> None:
    """Spans have several blocks here: by partition of their entities' tokens, inserts and deletes."""

    def update(n: int) -> bytes:
        return json.dumps({"op": "u", "before": json.loads(_row(n)), "after": json.loads(_row(n + 500))}).encode()

    _send(broker, [update(n) for n in range(120)], partition=0)
    read, route = reader_of(ENTITIES, debezium=True), route_of(ENTITIES, SECRET, 4)
    packing = Packing("rows", "trips", block_rows=50, linger_s=0.2, session_ms=6_000)
    with _CrashesAfter(broker, sends) as publisher, pytest.raises(SystemExit):
        Packer(broker, packing, read, route, publisher).run(threading.Event(), once=True)
    assert len(_blocks(broker)) == sends
    _pack(broker, read, route, block_rows=37)
    blocks = _blocks(broker)
    assert _rows(blocks) == _expected(range(500, 620))
    assert _rows(blocks, "delete") == _expected(range(120))
    assert len({block.event_id for block in blocks}) == len(blocks)
    _no_overlap(blocks)


def _packer_process(bootstrap: str, home: Path, *more: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", "from stream_app.cli.main import run; run()", "source", "pack", "--topic", "rows"]
    command += ["--dataset", "trips", "--block-rows", "40", "--linger", "0.05", "--json", "--bootstrap", bootstrap]
    return subprocess.Popen(
        [*command, "--home", str(home), *more],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": os.getcwd()},
    )  # fmt: skip


def test_a_killed_packer_leaves_no_gap_and_no_row_twice(broker: str, tmp_path: Path) -> None:
    _send(broker, [_row(n) for n in range(2000)])
    packer = _packer_process(broker, tmp_path)
    deadline = time.monotonic() + 120
    while not _blocks(broker) and time.monotonic() < deadline:
        time.sleep(0.02)
    packer.send_signal(signal.SIGKILL)
    packer.communicate()
    _send(broker, [_row(n) for n in range(2000, 2100)])
    packer = _packer_process(broker, tmp_path)
    while sum(_rows(_blocks(broker)).values()) < 2100 and time.monotonic() < deadline + 60:
        time.sleep(0.2)
    packer.send_signal(signal.SIGTERM)
    said, errors = packer.communicate(timeout=30)
    assert packer.returncode == 0, errors
    summary = json.loads(said)
    assert summary["bad_rows"] == 0
    blocks = _blocks(broker)
    assert _rows(blocks) == _expected(range(2100))
    assert len({block.event_id for block in blocks}) == len(blocks)
    _no_overlap(blocks)
