"""What a local Apache Kafka needs, and what is said where it is missing."""

from pathlib import Path

import pytest

from stream_app.adapters import kafka_jars
from stream_app.adapters.kafka_jars import LocalKafkaError, cache_folder, missing_tools, recipe, resolve_jars
from stream_app.adapters.local_kafka import LocalKafka


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing on the PATH and nothing in the cache."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def _program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_recipe_is_complete() -> None:
    assert {path.name for path in recipe().iterdir()} >= {"pom.xml", "server.properties", "log4j2.yaml"}


def test_a_lost_recipe_says_where_it_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_jars, "_CHECKOUT", tmp_path / "a")
    monkeypatch.setattr(kafka_jars, "_PACKAGED", tmp_path / "b")
    with pytest.raises(LocalKafkaError, match=r"deploy/kafka/pom\.xml"):
        recipe()


def test_missing_java_and_maven_are_named_with_what_to_install(bare_machine: Path) -> None:
    assert missing_tools() == ("java", "mvn")
    with pytest.raises(LocalKafkaError, match=r"java and mvn.*openjdk-17-jre-headless maven"):
        resolve_jars()


def test_a_failed_start_leaves_no_folder(bare_machine: Path) -> None:
    node = LocalKafka()
    with pytest.raises(LocalKafkaError, match="java and mvn"):
        node.start()
    assert not node.home.exists()


def test_with_cached_jars_maven_is_not_needed(bare_machine: Path) -> None:
    cache_folder().mkdir(parents=True)
    assert missing_tools() == ("java",)
    _program(bare_machine, "java", "exit 0")
    assert resolve_jars() == cache_folder()


def test_a_failing_maven_leaves_no_cache_and_its_words(bare_machine: Path) -> None:
    _program(bare_machine, "java", "exit 0")
    _program(bare_machine, "mvn", "echo repository unreachable; exit 1")
    with pytest.raises(LocalKafkaError, match="repository unreachable"):
        resolve_jars()
    assert not cache_folder().exists()
    assert list(cache_folder().parent.iterdir()) == []
