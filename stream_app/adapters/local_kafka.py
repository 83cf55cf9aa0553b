"""Start and stop a single Apache Kafka node (KRaft) on this machine, without Docker."""

import base64
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

from stream_app.adapters.kafka_jars import LocalKafkaError, recipe, resolve_jars

_HOST = "127.0.0.1"
_STARTS = 3


class LocalKafka:
    """One Apache Kafka node of its own, ready for clients on entering and gone, data included, on leaving.

    ``data``: a folder to keep the log in; it survives and is used again. Without it the log lies in a temporary
    folder that ``stop`` removes. ``port``: 0 takes a free one. The node lives in a session of its own, so an
    interrupt at the keyboard reaches the caller first.
    Raises ``LocalKafkaError`` where Java or Maven is missing, the port is taken or the node does not come up.
    """

    def __init__(self, data: Path | None = None, port: int = 0, heap_mb: int = 512, timeout: float = 60.0) -> None:
        self._keep = data is not None
        self._home = data if data is not None else Path(tempfile.mkdtemp(prefix="perennial-kafka-"))
        self._asked_port = port
        self._heap_mb = heap_mb
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def bootstrap(self) -> str:
        """The address that clients connect to, as ``host:port``."""
        return f"{_HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the node."""
        return self._running().pid

    @property
    def home(self) -> Path:
        """The folder that holds the node's configuration, its log file ``kafka.log`` and its data."""
        return self._home

    def start(self) -> Self:
        """Format the storage where that is still to do, start the node, and return once it answers."""
        try:
            jars = resolve_jars()
            self._home.mkdir(parents=True, exist_ok=True)
            self._start_on_a_port(jars)
        except BaseException:
            self.stop()
            raise
        return self

    def detach(self) -> int:
        """Leave the node running after this process; the caller remembers the process id that is returned."""
        process, self._process = self._running(), None
        # Not waited for here: it is ended by process id, maybe by another program.
        process.returncode = 0
        return process.pid

    def stop(self) -> None:
        """End the node in good order and remove its data unless they were to be kept."""
        self._end(signal.SIGTERM)
        if not self._keep:
            shutil.rmtree(self._home, ignore_errors=True)

    def kill(self) -> None:
        """End the node as a power cut would; the data stay, for a second ``start``."""
        self._end(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise LocalKafkaError("the local Apache Kafka is not running")
        return self._process

    def _start_on_a_port(self, jars: Path) -> None:
        """A free port may be taken between looking and listening, so try again; an asked port is asked once."""
        for attempt in range(_STARTS):
            self.port = self._asked_port or free_port()
            _refuse_taken_port(self.port)
            self._configure()
            self._format(jars)
            self._launch(jars)
            try:
                self._wait_until_ready()
                break
            except LocalKafkaError:
                self._end(signal.SIGKILL)
                if self._asked_port or attempt == _STARTS - 1 or "already in use" not in self._log_tail():
                    raise

    def _configure(self) -> None:
        filled = {"{port}": self.port, "{controller_port}": free_port(), "{data}": self._home / "log"}
        text = (recipe() / "server.properties").read_text()
        for name, value in filled.items():
            text = text.replace(name, str(value))
        (self._home / "server.properties").write_text(text)

    def _format(self, jars: Path) -> None:
        command = ["kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", _cluster_id(self._home), "-c"]
        done = subprocess.run(
            [*self._java(jars), *command, str(self._home / "server.properties")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise LocalKafkaError(f"formatting Apache Kafka's storage failed:\n{(done.stdout + done.stderr)[-1000:]}")

    def _launch(self, jars: Path) -> None:
        command = [*self._java(jars), "kafka.Kafka", str(self._home / "server.properties")]
        with (self._home / "kafka.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def _java(self, jars: Path) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={recipe() / 'log4j2.yaml'}"
        return ["java", f"-Xmx{self._heap_mb}m", "-XX:+UseSerialGC", logging, "-cp", f"{jars}/*"]

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self._timeout
        while time.monotonic() < deadline:
            if self._running().poll() is not None:
                raise LocalKafkaError(f"Apache Kafka ended while it started:\n{self._log_tail()}")
            if answers(self.bootstrap):
                return
            time.sleep(0.1)
        raise LocalKafkaError(f"Apache Kafka did not answer within {self._timeout:.0f} s:\n{self._log_tail()}")

    def _log_tail(self) -> str:
        log = self._home / "kafka.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.is_file() else ""

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            end_process(self._process.pid, how)
            self._process.wait()
            self._process = None


def answers(bootstrap: str, timeout: float = 2.0) -> bool:
    """Whether a broker at this address answers a metadata request."""
    host, _, port = bootstrap.rpartition(":")
    try:
        # A refused connection is told apart here, before the client library writes it to the log.
        socket.create_connection((host, int(port)), timeout=timeout).close()
    except OSError:
        return False
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    try:
        admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        return bool(admin.list_topics(timeout=timeout).brokers)
    except KafkaException:
        return False


def free_port() -> int:
    """A TCP port of the loopback interface that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def end_process(pid: int, how: signal.Signals, patience: float = 20.0) -> None:
    """Signal a process and wait until it is gone, forcefully once patience has run out."""
    try:
        os.kill(pid, how)
        deadline = time.monotonic() + patience
        while _is_alive(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
    except ProcessLookupError:
        return


def _is_alive(pid: int) -> bool:
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise LocalKafkaError(f"port {port} is taken already: choose another, or 0 for a free one") from error


def _cluster_id(home: Path) -> str:
    """The id that the storage was first formatted with: 16 random bytes as base64url."""
    kept = home / "cluster.id"
    if not kept.is_file():
        # An id that starts with a dash would be read as an option.
        kept.write_text("P" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22])
    return kept.read_text()
