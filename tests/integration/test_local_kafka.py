"""A local Apache Kafka: starting, stopping, and everything that can be in the way."""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from stream_app.adapters import detached_kafka
from stream_app.adapters.kafka_jars import LocalKafkaError
from stream_app.adapters.local_kafka import LocalKafka, answers

pytestmark = pytest.mark.kafka


def test_another_node_starts_beside_the_sessions_own_and_leaves_nothing(kafka: str) -> None:
    with LocalKafka() as other:
        assert other.bootstrap != kafka
        assert answers(other.bootstrap)
        assert answers(kafka)
        address, home = other.bootstrap, other.home
    assert not answers(address)
    assert not home.exists()
    assert answers(kafka)


def test_a_taken_port_is_refused_by_number(kafka: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        node = LocalKafka(port=port)
        with pytest.raises(LocalKafkaError, match=f"port {port} is taken"):
            node.start()
        assert not node.home.exists()


def test_records_outlive_a_power_cut_in_a_folder_that_is_kept(kafka: str, tmp_path: Path) -> None:
    node = LocalKafka(data=tmp_path / "kept")
    with node:
        admin = AdminClient({"bootstrap.servers": node.bootstrap, "log_level": 0})
        admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result()
        producer = Producer({"bootstrap.servers": node.bootstrap, "acks": "all", "log_level": 0})
        producer.produce("kept", b"still here")
        assert producer.flush(10) == 0
        node.kill()
        node.start()
        consumer = Consumer({"bootstrap.servers": node.bootstrap, "group.id": "g", "log_level": 0})
        consumer.assign([TopicPartition("kept", 0, 0)])
        message = consumer.poll(15)
        consumer.close()
        assert message is not None
        assert message.value() == b"still here"
    assert (tmp_path / "kept").is_dir()


def test_detached_node_is_found_again_stopped_and_a_stale_state_is_cleared(kafka: str, tmp_path: Path) -> None:
    state = tmp_path / "deep" / "node.json"
    try:
        node = detached_kafka.start(state)
        assert detached_kafka.start(state) == node
        assert detached_kafka.running(state) == node
        os.kill(node.pid, signal.SIGKILL)
        again = detached_kafka.start(state)
        assert again.pid != node.pid
        assert not Path(node.home).exists()
        assert answers(again.bootstrap)
    finally:
        assert detached_kafka.stop(state)
    assert not answers(again.bootstrap)
    assert not Path(again.home).exists()
    assert not state.exists()
    assert not detached_kafka.stop(state)


def test_stop_spares_a_process_that_merely_has_the_same_number(tmp_path: Path) -> None:
    state = tmp_path / "node.json"
    with subprocess.Popen(["sleep", "60"]) as bystander:
        node = {"bootstrap": "127.0.0.1:1", "pid": bystander.pid, "started": 1.0, "home": str(tmp_path), "keep": False}
        state.write_text(json.dumps(node))
        assert not detached_kafka.stop(state)
        assert bystander.poll() is None
        bystander.kill()
    assert tmp_path.is_dir()
    assert not state.exists()
