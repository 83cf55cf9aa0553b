"""A broker without an install, for trying Perennial out and for fast tests: librdkafka's mock cluster over ctypes.

Every ``confluent-kafka`` wheel carries it; clients connect over TCP with the real protocol. Its header calls it
experimental, and it is no place to keep anything.
"""

import contextlib
import ctypes
import ctypes.util
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from schemas.errors import InputError, TransientError

_PRODUCER = 0
_ERROR_TEXT = 512
# Requests above this are refused; the default of librdkafka is 100 MB.
_RECEIVE_MAX_BYTES = 100_000_000


class EmbeddedBroker:
    """A single broker in this process, on a free port of the loopback interface, gone on leaving.

    What it does otherwise than Apache Kafka (measured on librdkafka 2.16):

    - Time. Every topic keeps the timestamp that the sender set (``CreateTime``): there is no ``LogAppendTime``, so
      on the three logs and on ``source.counts`` the clock of the appending station stands in for the broker's. The
      windows of a private test then begin and end by the clock of the station that counts.
    - Retention is 5 MiB a partition as sent (compressed where the sender compresses), and 100,000 batches. What is
      older is dropped without a word: ``dropped`` counts it. The library has no setting for it. A batch of more than
      5 MiB is acknowledged and dropped at once.
    - A fetch that finds nothing waits out its whole ``fetch.max.wait``, although records come meanwhile: consumers
      set that short (20 ms), Faust by ``PromptTransport``.
    - Requests of up to 100 MB are taken, whatever a topic's ``max_message_bytes`` says.
    - Memory only; no creation, configuration or compaction of topics over the protocol, no look-up of offsets by
      time, one member in a consumer group.
    """

    def __init__(self, topics: Mapping[str, int]) -> None:
        """``topics``: name to number of partitions; a topic that is not named is made with 4 on first use."""
        self._topics = dict(topics)
        self._library: ctypes.CDLL | None = None
        self._handle: int | None = None
        self._cluster: int | None = None

    @property
    def bootstrap(self) -> str:
        """The address that clients connect to, as ``host:port``."""
        if self._library is None or self._cluster is None:
            raise TransientError("the embedded broker is not running")
        address: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        return address.decode()

    def start(self) -> Self:
        """Listen, and create the topics. Raises ``InputError`` where the library or a topic's name is unusable."""
        self._library = _load()
        try:
            self._open(self._library)
            for name, partitions in self._topics.items():
                self._create(self._library, name, partitions)
        except BaseException:
            self.stop()
            raise
        return self

    def dropped(self) -> dict[tuple[str, int], int]:
        """How many of the oldest offsets are gone, by topic and partition; empty while nothing was lost."""
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "dropped", "log_level": 0})
        try:
            partitions = [(name, number) for name, count in self._topics.items() for number in range(count)]
            marks = {place: consumer.get_watermark_offsets(TopicPartition(*place), timeout=5.0) for place in partitions}
        finally:
            consumer.close()
        return {place: low for place, (low, _) in marks.items() if low > 0}

    def stop(self) -> None:
        """Close every connection and forget everything."""
        if self._library is not None:
            if self._cluster is not None:
                self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            if self._handle is not None:
                self._library.rd_kafka_destroy(self._handle)
        self._library = self._handle = self._cluster = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _open(self, library: ctypes.CDLL) -> None:
        text = ctypes.create_string_buffer(_ERROR_TEXT)
        configuration = library.rd_kafka_conf_new()
        for name, value in ((b"log_level", b"2"), (b"receive.message.max.bytes", b"%d" % _RECEIVE_MAX_BYTES)):
            library.rd_kafka_conf_set(configuration, name, value, text, _ERROR_TEXT)
        self._handle = library.rd_kafka_new(_PRODUCER, configuration, text, _ERROR_TEXT)
        if not self._handle:
            raise InputError(f"librdkafka gave no handle for the embedded broker: {text.value.decode()}")
        self._cluster = library.rd_kafka_mock_cluster_new(self._handle, 1)
        if not self._cluster:
            raise InputError("librdkafka could not start its mock cluster")
        # A real broker waits three seconds for more members; the only worker here waits for nobody.
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)

    def _create(self, library: ctypes.CDLL, name: str, partitions: int) -> None:
        # The library itself takes a topic without partitions, and every client then waits for a leader.
        if partitions < 1:
            raise InputError(f"topic {name!r} needs at least one partition")
        code = library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1)
        if code != 0:
            reason: bytes = library.rd_kafka_err2str(code)
            raise InputError(f"the embedded broker refused topic {name!r}: {reason.decode()}")


def _load() -> ctypes.CDLL:
    """The library that confluent-kafka itself uses, with the signatures that are called here."""
    library = ctypes.CDLL(_library_path())
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_conf_set": (number, [pointer, text, text, text, ctypes.c_size_t]),
        "rd_kafka_new": (pointer, [number, pointer, text, ctypes.c_size_t]),
        "rd_kafka_destroy": (None, [pointer]),
        "rd_kafka_err2str": (text, [number]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, number]),
        "rd_kafka_mock_cluster_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_topic_create": (number, [pointer, text, number, number]),
        "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [pointer, ctypes.c_int32]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _library_path() -> str:
    spec = find_spec("confluent_kafka")
    if spec is None or spec.origin is None:
        raise InputError("the embedded broker needs the package confluent-kafka")
    package = Path(spec.origin).parent
    folders = (package.with_name("confluent_kafka.libs"), package / ".dylibs")
    found = [str(path) for folder in folders for path in sorted(folder.glob("librdkafka*"))]
    found += filter(None, [ctypes.util.find_library("rdkafka")])
    if not found:
        raise InputError("no librdkafka beside confluent-kafka: install its wheel, or use an Apache Kafka")
    return found[0]


def main(arguments: list[str]) -> int:
    """Serve ``NAME:PARTITIONS ...`` until standard input closes; the address is the first line printed."""
    topics = {name: int(count or 1) for name, _, count in (argument.partition(":") for argument in arguments)}
    with EmbeddedBroker(topics) as broker, contextlib.suppress(KeyboardInterrupt):
        print(broker.bootstrap, flush=True)
        while sys.stdin.readline():
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
