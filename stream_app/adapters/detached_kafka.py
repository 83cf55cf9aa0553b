"""A local Apache Kafka that outlives the command that started it: ``python -m ... start | stop | address``."""

import json
import shutil
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from stream_app.adapters.kafka_jars import LocalKafkaError, resolve_jars
from stream_app.adapters.local_kafka import LocalKafka, answers, end_process

DEFAULT_STATE = Path(".kafka/node.json")
_CLOCK_SHIFT = 2.0


@dataclass(frozen=True, slots=True)
class Node:
    """What a later command needs to find, and to end, a node that runs on its own."""

    bootstrap: str
    pid: int
    started: float
    home: str
    keep: bool


def start(state: Path = DEFAULT_STATE, data: Path | None = None, port: int = 0) -> Node:
    """The node that this state file names, started now unless it runs already.

    A state file whose node is gone is cleared away, its temporary data with it.
    """
    if (node := running(state)) is not None:
        return node
    stop(state)
    kafka = LocalKafka(data=data, port=port).start()
    bootstrap, home, pid = kafka.bootstrap, str(kafka.home.resolve()), kafka.detach()
    node = Node(bootstrap, pid, _start_time(pid) or 0.0, home, data is not None)
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_text(json.dumps(asdict(node)) + "\n")
    return node


def running(state: Path = DEFAULT_STATE) -> Node | None:
    """The node that this state file names, if it is alive and answers."""
    node = _read(state)
    return node if node is not None and _is_ours(node) and answers(node.bootstrap) else None


def stop(state: Path = DEFAULT_STATE) -> bool:
    """End the node of this state file, if any, and remove its data unless they were to be kept; true if it ran."""
    node = _read(state)
    if node is None:
        return False
    # A process id may have been given to somebody else since: only the process that was started then is ended.
    was_running = _is_ours(node)
    if was_running:
        end_process(node.pid, signal.SIGTERM)
    if not node.keep and Path(node.home).name.startswith("perennial-kafka-"):
        shutil.rmtree(node.home, ignore_errors=True)
    state.unlink(missing_ok=True)
    return was_running


def _read(state: Path) -> Node | None:
    try:
        return Node(**json.loads(state.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise LocalKafkaError(f"{state} is not a state file of a local Apache Kafka: remove it") from error


def _is_ours(node: Node) -> bool:
    """The kernel counts a start in ticks since boot, so the same process may seem to shift with the wall clock."""
    started = _start_time(node.pid)
    return started is not None and abs(started - node.started) < _CLOCK_SHIFT


def _start_time(pid: int) -> float | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.NoSuchProcess:
        return None


def main(arguments: list[str]) -> int:
    """``start`` and ``address`` print the address, ``stop`` ends the node, ``jars`` only resolves."""
    verb = _VERBS.get(" ".join(arguments))
    if verb is None:
        print(f"usage: python -m stream_app.adapters.detached_kafka {'|'.join(_VERBS)}", file=sys.stderr)
        return 2
    try:
        return verb()
    except LocalKafkaError as error:
        print(error, file=sys.stderr)
        return 2


def _start() -> int:
    print(start().bootstrap)
    return 0


def _address() -> int:
    node = running()
    if node is None:
        print("no local Apache Kafka is running: start one with  make kafka", file=sys.stderr)
        return 1
    print(node.bootstrap)
    return 0


def _stop() -> int:
    print("stopped" if stop() else "no local Apache Kafka was running", file=sys.stderr)
    return 0


def _jars() -> int:
    print(resolve_jars())
    return 0


_VERBS = {"start": _start, "address": _address, "stop": _stop, "jars": _jars}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
