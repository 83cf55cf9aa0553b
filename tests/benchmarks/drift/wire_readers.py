"""One reader of a topic in this process: ``wire_readers READER BOOTSTRAP TOPIC ROWS`` prints rows and CPU seconds."""

import asyncio
import gc
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from stream_app.cli.main import OBJECTS

ROUNDS = 3


def json_decoder() -> tuple[str, Callable[[bytes], Any]]:
    """The fastest that is installed."""
    if find_spec("msgspec"):
        import msgspec

        return "msgspec", msgspec.json.Decoder().decode
    return "json", json.loads


def arrow_columns(body: bytes) -> list[Any]:
    """Every column as numpy: numbers as they are, text as its dictionary's indices."""
    import pyarrow as pa

    table = pa.ipc.open_stream(body).read_all()
    found = []
    for column in table.columns:
        for chunk in column.chunks:
            indexed = pa.types.is_dictionary(chunk.type)
            found.append((chunk.indices if indexed else chunk).to_numpy(zero_copy_only=False))
    return found


def consumed(bootstrap: str, topic: str, rows: int, at_once: int, rows_in: Callable[[bytes], int]) -> dict[str, Any]:
    """Everything in the topic, several times over, by one confluent consumer; CPU from the first message on."""
    from confluent_kafka import Consumer, TopicPartition

    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": "bench",
        "enable.auto.commit": False,
        "fetch.wait.max.ms": 20,
    }
    consumer, started = Consumer(settings), 0.0
    partitions = consumer.list_topics(topic, 10.0).topics[topic].partitions
    read = 0
    for number in range(ROUNDS):
        consumer.assign([TopicPartition(topic, place, 0) for place in partitions])
        while read < rows * (number + 1):
            for message in consumer.consume(at_once, timeout=1.0):
                started, body = started or time.process_time(), message.value()
                if message.error() is None and body is not None:
                    read += rows_in(body)
    seconds = time.process_time() - started
    consumer.close()
    return {"rows": read, "seconds": seconds}


def read_json(bootstrap: str, topic: str, rows: int) -> None:
    """One row a message, 1,000 messages at once."""
    name, decode = json_decoder()

    def rows_in(body: bytes) -> int:
        decode(body)
        return 1

    tell(consumed(bootstrap, topic, rows, 1_000, rows_in) | {"how": f"confluent consume(1000), {name}"})


def read_arrow(bootstrap: str, topic: str, rows: int) -> None:
    """One block a message, to numpy."""
    _read_blocks(bootstrap, topic, rows, lambda body: len(arrow_columns(body)[0]), "pyarrow to numpy, text as indices")


def read_frames(bootstrap: str, topic: str, rows: int) -> None:
    """One block a message, to a pandas frame."""
    import pyarrow as pa

    def rows_in(body: bytes) -> int:
        return len(pa.ipc.open_stream(body).read_all().to_pandas(strings_to_categorical=False))

    _read_blocks(bootstrap, topic, rows, rows_in, "pyarrow to a pandas frame")


def read_checked(bootstrap: str, topic: str, rows: int) -> None:
    """One block a message, by this project's decoder, which refuses what is damaged or too large."""
    from stream_app.adapters.arrow_blocks import decode_columns

    _read_blocks(bootstrap, topic, rows, lambda body: decode_columns(body).rows, "this project's decode_columns")


def _read_blocks(bootstrap: str, topic: str, rows: int, rows_in: Callable[[bytes], int], how: str) -> None:
    import pandas as pd

    from stream_app.adapters.arrow_blocks import encode_block

    # pyarrow imports pandas when it first meets numpy: that is not the reader's work.
    rows_in(encode_block(pd.DataFrame({"number": [1.0], "text": ["a"]})))
    tell(consumed(bootstrap, topic, rows, 100, rows_in) | {"how": f"confluent consume(100), {how}"})


def read_faust(bootstrap: str, topic: str, rows: int) -> None:
    """One row an event, River's ADWIN a column; text by its number of first appearance."""
    asyncio.run(_faust(bootstrap, topic, rows))


async def _faust(bootstrap: str, topic: str, rows: int) -> None:
    import faust
    from river import drift

    from stream_app.adapters.prompt_transport import PromptTransport

    app = faust.App(
        "bench",
        broker=f"kafka://{bootstrap}",
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        datadir=tempfile.mkdtemp(),
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
    )
    app.transport = PromptTransport(bootstrap, app)
    done: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    times: list[float] = []
    adwin: Any = drift.ADWIN
    detectors: dict[str, Any] = {}
    codes: dict[str, dict[str, float]] = {}

    @app.agent(app.topic(topic, value_serializer="json"))
    async def watch(stream: Any) -> None:
        read = 0
        async for row in stream:
            if not times:
                times.append(time.process_time())
            for name, cell in row.items():
                if cell is not None:
                    known = codes.setdefault(name, {})
                    number = known.setdefault(cell, float(len(known))) if isinstance(cell, str) else cell
                    detector = detectors.get(name) or detectors.setdefault(name, adwin())
                    detector.update(number)
                    _ = detector.drift_detected
            read += 1
            if read == rows:
                done.set_result(time.process_time() - times[0])

    await app.start()
    tell({"rows": rows, "seconds": await done, "how": "an agent, a JSON row a message, ADWIN a column"})


def read_station(bootstrap: str, topic: str, rows: int) -> None:
    """Blocks to decisions, as the drift station does."""
    from tests.benchmarks.drift.wire_station import station

    station(bootstrap, topic, rows, tell)


READERS = {
    "perennial": read_station,
    "faust": read_faust,
    "json": read_json,
    "arrow": read_arrow,
    "frames": read_frames,
    "checked": read_checked,
}


def tell(found: dict[str, Any]) -> None:
    """Print, and end at once: closing the loop would wait for Faust's threads for ever."""
    print(json.dumps(found), flush=True)
    os._exit(0)


def main() -> None:
    reader, bootstrap, topic, rows = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    gc.set_threshold(OBJECTS)  # as every command of the station's has it, and so all that it is compared with
    READERS[reader](bootstrap, topic, int(rows))


if __name__ == "__main__":
    main()
