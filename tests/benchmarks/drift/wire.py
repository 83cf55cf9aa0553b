"""From Kafka: CPU a row of readers of the same rows, each a process of its own, with the broker in this one.

``perennial``: both stages of the drift station, read as it reads, with pairs and a subgroup. ``faust``: an agent
that takes one JSON row a message and feeds River's ADWIN column by column. ``json``: a confluent consumer that takes
1,000 messages at once and only decodes them. The same for blocks, of as many rows as the packer makes unless told
otherwise: ``arrow`` decodes to numpy columns, ``frames`` to pandas frames, ``checked`` as the drift station does. CPU
is of the whole process, librdkafka's threads included, from the first message on, so that connecting and imports are
left out; the consumers read everything several times. Machines are noisy: readers are compared round by round, and the
middle ratio counts.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, cast

import pandas as pd
from confluent_kafka import Producer

from stream_app.adapters.arrow_blocks import MAX_BYTES, encode_block
from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.adapters.packer import Packing
from tests.benchmarks.drift.streams import Source
from tests.benchmarks.peers.environment import ROOT

ROWS, BLOCKS, COUNTS = "bench.rows", "bench.blocks", "source.counts"
PARTITIONS = {ROWS: 48, BLOCKS: 96, COUNTS: 24}
"""As many as hold it all."""
BLOCK_ROWS = Packing("rows", "bench").block_rows
_SENT = 3_276_800
"""Rows in blocks."""
_MOST_ROWS = 150_000
"""The embedded broker keeps 5 MiB a partition."""
READERS = {"perennial": BLOCKS, "frames": BLOCKS, "faust": ROWS, "json": ROWS, "arrow": BLOCKS, "checked": BLOCKS}
"""The topic that each reader of ``wire_readers.py`` takes. What is compared runs one soon after the other."""
RATIOS = {
    "times decoding to pandas frames": ("perennial", "frames"),
    "times less than the agent a row": ("faust", "perennial"),
}
_SECONDS, ROUNDS = 900, 5


def measure(rows: int, block_rows: int = BLOCK_ROWS) -> dict[str, Any]:
    """By reader: CPU microseconds a row, of so many JSON rows and of the blocks; of several rounds the middle one."""
    rounds = [_round(number, min(rows, _MOST_ROWS), block_rows) for number in range(ROUNDS)]
    found = {name: _middle([each[name] for each in rounds]) for name in READERS}
    ratios = {name: _ratio(rounds, *compared) for name, compared in RATIOS.items()}
    return {"block_rows": block_rows, "columns": 15, "readers": found, "ratios": ratios}


def _round(number: int, rows: int, block_rows: int) -> dict[str, dict[str, Any]]:
    """All readers, one after the other, of a broker of their own: the station leaves its counts there.

    Each round has other rows: whether the station meets a false alarm, after which it learns anew, is chance.
    """
    with EmbeddedBroker(PARTITIONS) as broker:
        sent = {
            ROWS: _send_rows(broker.bootstrap, rows),
            BLOCKS: _send_blocks(broker.bootstrap, block_rows, Source(6 + number)),
        }
        return {name: _read(name, broker.bootstrap, topic, sent[topic]) for name, topic in READERS.items()}


def _middle(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The median round of a reader, and what it cost in each."""
    costs = [one["cpu_us_per_row"] for one in rounds if "cpu_us_per_row" in one]
    middle = statistics.median_low(costs) if costs else None
    return next(one for one in rounds if one.get("cpu_us_per_row") == middle) | {"rounds_us_per_row": costs}


def _ratio(rounds: list[dict[str, dict[str, Any]]], one: str, other: str) -> float | None:
    """The median over rounds of what one reader costs beside another; none where a round lacks either."""
    pairs = [(each[one].get("cpu_us_per_row"), each[other].get("cpu_us_per_row")) for each in rounds]
    if not all(cost and beside for cost, beside in pairs):
        return None
    return round(statistics.median(cost / beside for cost, beside in pairs), 3)


def _send_rows(bootstrap: str, rows: int) -> int:
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50})
    for place, row in enumerate(_plain(Source(5).take(rows)).to_dict("records")):
        producer.produce(ROWS, json.dumps(row).encode(), partition=place % PARTITIONS[ROWS])
        if place % 1_000 == 0:
            producer.poll(0)
    producer.flush(60)
    return rows


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Cells as JSON has them, missing ones None."""
    return frame.astype(object).mask(frame.isna(), other=cast("Any", None))


def _send_blocks(bootstrap: str, block_rows: int, source: Source) -> int:
    producer = Producer({"bootstrap.servers": bootstrap, "message.max.bytes": MAX_BYTES + 1_024})
    blocks = _SENT // block_rows
    for place in range(blocks):
        producer.produce(BLOCKS, encode_block(source.take(block_rows)), partition=place % PARTITIONS[BLOCKS])
        producer.poll(0)
    producer.flush(60)
    return blocks * block_rows


def _read(reader: str, bootstrap: str, topic: str, rows: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.drift.wire_readers", reader, bootstrap, topic, str(rows)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, cwd=ROOT)
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"left_out": f"not done within {_SECONDS} s"}
    except (IndexError, json.JSONDecodeError):
        return {"left_out": (done.stderr.strip().splitlines() or ["it ended without an answer"])[-1][:160]}
    return found | {"cpu_us_per_row": round(1e6 * found["seconds"] / found["rows"], 3)}


def table(document: Mapping[str, Any]) -> list[str]:
    """The lines to print."""
    lines = [
        f"messages of {document['block_rows']} rows",
        f"{'reader':10}{'rows read':>12}{'µs of CPU a row':>17}  how",
    ]
    for name, one in document["readers"].items():
        told = one.get("left_out")
        lines.append(
            f"{name:10}{told}" if told else f"{name:10}{one['rows']:>12}{one['cpu_us_per_row']:>17.3f}  {one['how']}"
        )
    ratios = [f"{value:.2f} {name}" for name, value in document["ratios"].items() if value is not None]
    return [*lines, *ratios]
