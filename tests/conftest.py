"""One Apache Kafka for the whole session where there is Java and Maven, and an embedded broker anywhere."""

import os
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.adapters.kafka_jars import missing_tools
from stream_app.adapters.local_kafka import LocalKafka

REQUIRE = "PERENNIAL_REQUIRE_KAFKA"

# No verdict rests on how busy the machine is. Where CI is set, every run draws the same examples: a commit that passed
# once passes again, and new examples are searched for on developers' machines.
settings.register_profile(
    "perennial",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI", "") not in ("", "0", "false"),
)
settings.load_profile("perennial")


def _why_not() -> str | None:
    missing = missing_tools()
    return f"Apache Kafka needs {' and '.join(missing)} on the PATH" if missing else None


def _required() -> bool:
    return os.environ.get(REQUIRE, "") not in ("", "0")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that uses the fixture is a Kafka test, marked or not; without Java and Maven it is skipped."""
    reason = _why_not()
    for item in items:
        if "kafka" in getattr(item, "fixturenames", ()) and item.get_closest_marker("kafka") is None:
            item.add_marker(pytest.mark.kafka)
        if reason and not _required() and item.get_closest_marker("kafka"):
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many Kafka tests ran and how many were skipped, so that a skip is never silent."""
    counted = {
        outcome: sum("kafka" in getattr(report, "keywords", {}) for report in terminalreporter.getreports(outcome))
        for outcome in ("passed", "failed", "error", "skipped")
    }
    reason = f" ({_why_not()})" if counted["skipped"] else ""
    told = ", ".join(f"{count} {outcome}" for outcome, count in counted.items() if count or outcome != "error")
    terminalreporter.write_line(f"Apache Kafka tests: {told}{reason}")


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """The bootstrap address of an Apache Kafka of this session's own."""
    reason = _why_not()
    if reason:
        pytest.fail(f"{REQUIRE} is set, but {reason}") if _required() else pytest.skip(reason)
    with LocalKafka() as node:
        yield node.bootstrap


@pytest.fixture
def embedded_broker() -> Iterator[EmbeddedBroker]:
    """A fresh embedded broker without topics; a topic is made with 4 partitions on first use."""
    with EmbeddedBroker({}) as broker:
        yield broker


@pytest.fixture
def unique() -> str:
    """A name that no other test of this session uses, for topics and groups on the shared Apache Kafka."""
    return f"t{time.monotonic_ns():x}"
