"""Messages that no station can use, by what is wrong with them; some carry a secret that must not be repeated."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from schemas.cloudevents import to_message
from schemas.events import derive_id
from schemas.events.plans import Ticked
from schemas.events.sources import DriftDetected, RecordsObserved, SnapshotAnnounced, SourceRef
from stream_app.adapters.arrow_blocks import encode_block
from tests.integration.deployment import customers

SECRET = "hunter2-4711"
Headers = list[tuple[str, bytes | None]]


ILLEGIBLE = """
import asyncio, sys
from aiokafka import AIOKafkaProducer

class Name(str):
    def encode(self, *_):
        return b"\\xff\\xfe"

async def main(bootstrap, key, *topics):
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    for topic in topics:
        await producer.send_and_wait(topic, b"{}", key=key.encode(), headers=[(Name("name"), b"value")])
    await producer.stop()

asyncio.run(main(*sys.argv[1:]))
"""


def send_illegible(bootstrap: str, dataset: str, topics: Iterable[str]) -> None:
    """A header whose name is no UTF-8, in each topic: no client's front door lets that pass, so this goes round it."""
    environment = os.environ | {"AIOKAFKA_NO_EXTENSIONS": "1"}
    command = [sys.executable, "-c", ILLEGIBLE, bootstrap, dataset, *topics]
    subprocess.run(command, env=environment, check=True, timeout=60)


@dataclass(frozen=True, slots=True)
class Poison:
    """A message's value and headers; ``key`` replaces the dataset's where it is given."""

    value: bytes | None
    headers: Headers
    key: bytes | None = None


def everywhere(dataset: str) -> dict[str, Poison]:
    """What is poison in any topic."""
    _, value, headers = to_message(Ticked(event_id=derive_id("poison"), target=dataset), "/nobody")
    attributes: Headers = list(headers)
    secret = json.dumps({"password": SECRET}).encode()
    unknown: Headers = [("ce_specversion", b"1.0"), ("ce_type", b"io.perennial.unheard-of.v1"), ("ce_id", b"1")]
    known: Headers = [("ce_specversion", b"1.0"), ("ce_type", b"io.perennial.drift.detected.v1"), ("ce_id", b"1")]
    return {
        "garbage": Poison(bytes(range(256)) + SECRET.encode(), []),
        "a tombstone": Poison(None, []),
        "json of an unknown type": Poison(secret, unknown),
        "json without headers": Poison(value, []),
        "a missing id": Poison(value, [pair for pair in attributes if pair[0] != "ce_id"]),
        "another id in the header": Poison(
            value, [*[pair for pair in attributes if pair[0] != "ce_id"], ("ce_id", b"f" * 32)]
        ),
        "an attribute twice": Poison(value, [*attributes, ("ce_type", b"io.perennial.ticked.v1")]),
        "an attribute that is no text": Poison(value, [*attributes, ("ce_subject2", b"\xff\xfe"), ("ce_x", None)]),
        "unknown fields": Poison(secret, known),
        "numbers beyond all bounds": Poison(b'{"effect":1e999,"row":' + b"9" * 5000 + b"}", known),
        "brackets without end": Poison(b"[" * 100_000, known),
        "a key of bytes": Poison(secret, [], b"\xff\xfe" + SECRET.encode() * 50),
    }


def drifts(dataset: str) -> dict[str, Poison]:
    """Drift that can be read but never written again."""
    event = DriftDetected(
        event_id=derive_id("poison", "drift"), dataset=dataset, kind="external", columns=("plan",), effect=0.5,
        effect_unit="nothing", statistic=1.0, threshold=1.0, row=17, since_row=0, detector=SECRET,
    )  # fmt: skip
    _, value, headers = to_message(event, "/outside")
    attributes: Headers = list(headers)
    return {
        "an integer beyond 2^53": Poison(value.replace(b'"row":17', b'"row":9007199254740993'), attributes),
        "a lone surrogate": Poison(value.replace(b'"nothing"', b'"\\ud800"'), attributes),
    }


def batches(dataset: str) -> dict[str, Poison]:
    """Batches of rows that are none."""
    block = encode_block(customers(50, 9))
    flipped = bytearray(block)
    flipped[len(block) // 2 : len(block) // 2 + 40] = b"\xff" * 40
    damaged = {"cut": block[: len(block) // 2], "flipped": bytes(flipped), "empty": b"", "text": SECRET.encode()}
    made = {}
    for name, body in damaged.items():
        event = RecordsObserved(event_id=derive_id("poison", name), dataset=dataset, first_row=0, rows=50, block=body)
        _, value, headers = to_message(event, "/owners")
        made[f"a damaged block: {name}"] = Poison(value, list(headers))
    _, value, headers = to_message(event, "/owners")
    large: Headers = [(name, b"9" * 400 if name == "ce_firstrow" else body) for name, body in headers]
    made["a huge row number"] = Poison(value, large)
    return made


def snapshots(dataset: str, folder: str) -> dict[str, Poison]:
    """Snapshots that cannot be read, or are not what was announced."""
    uris = {
        "that is not there": f"{folder}/missing.csv",
        "behind a password": f"http://someone:{SECRET}@127.0.0.1:9/x.csv",
        "of no known scheme": "nowhere://x/y.csv",
        "that is a folder": folder,
        "with a lone surrogate": "file:///\ud800.csv",
    }
    made = {}
    for name, uri in uris.items():
        source = SourceRef(uri=uri.replace("\ud800", "SURROGATE"), sha256="0" * 64, format="csv")
        event = SnapshotAnnounced(event_id=derive_id("poison", name), dataset=dataset, source=source)
        _, value, headers = to_message(event, "/owners")
        made[f"a snapshot {name}"] = Poison(value.replace(b"SURROGATE", b"\\ud800"), list(headers))
    return made
