"""What takes longer: workers killed and stopped at random, a power cut of the broker, a long job, a broken vault."""

import random
import signal
import time
from collections import defaultdict
from collections.abc import ItemsView, Iterator
from decimal import Decimal
from pathlib import Path

import psutil
import pytest
from confluent_kafka.admin import AdminClient

from schemas.events.budget import LedgerEntry, SpendReserved, SpendSettled
from schemas.events.releases import ReleaseCertified
from schemas.events.runs import RunProgressed
from stream_app.adapters.announcing import snapshot_of
from stream_app.adapters.kafka_jars import missing_tools
from stream_app.adapters.local_kafka import LocalKafka, free_port
from stream_app.adapters.reader import read_topic
from stream_app.catalogue.view import Catalogue
from tests.integration.deployment import SESSION_S, Deployment, WorkerProcess, customers, until

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]
SEED = 20131
CHAOS_S = 45.0
DATASETS = ("chaos-a", "chaos-b", "chaos-c")


def _certified(deployment: Deployment) -> dict[str, set[bytes]]:
    """Every certificate that was ever published, by release."""
    found: dict[str, set[bytes]] = defaultdict(set)
    for message in read_topic(deployment.bootstrap, "release.certified"):
        event = message.event()
        if isinstance(event, ReleaseCertified):
            found[event.release_id].add(event.envelope.to_bytes())
    return found


def _open_runs(view: Catalogue) -> set[str]:
    """Runs that reserved budget and have not ended."""
    lines = view.ledger.values()
    reserved = {line.run_id for line in lines if isinstance(line, SpendReserved)}
    return {str(run) for run in reserved - {line.run_id for line in lines if isinstance(line, SpendSettled)}}


def _quiet(deployment: Deployment) -> bool:
    """Whether no run is open, now and a while later: a trigger that waited starts its run when the former ends."""
    if _open_runs(deployment.view()):
        return False
    time.sleep(4)
    return not _open_runs(deployment.view())


def _profiled(deployment: Deployment) -> ItemsView[str, str]:
    return {name: taken.source.sha256 for name, taken in deployment.view("source.drift").profiles.items()}.items()


def test_random_kills_and_stops_lose_nothing_and_repeat_nothing(
    deployment: Deployment, staff: list[WorkerProcess]
) -> None:
    """Kills and freezes a worker (longer than its session, so that it wakes up as a zombie) every few seconds."""
    chance = random.Random(SEED)
    files = {name: [deployment.write(f"{name}.{turn}.csv", customers(5_000, 100 * turn + at)) for turn in range(3)]
             for at, name in enumerate(DATASETS)}  # fmt: skip
    for name, paths in files.items():
        deployment.contract(name, paths[0], edit=lambda text: text.replace('cap_epsilon: "8"', 'cap_epsilon: "3"'))
    began, announced, living = time.monotonic(), 0, list(staff)
    while time.monotonic() - began < CHAOS_S or announced < 3:
        if announced < 3:
            for name, paths in files.items():
                deployment.cli("snapshot", "announce", name, str(paths[announced]))
            announced += 1
        victim = living.pop(chance.randrange(len(living)))
        if chance.random() < 0.6:
            victim.kill()
            time.sleep(chance.uniform(0.5, 3.0))
            living.append(deployment.worker())
            deployment.ready(*living)
        else:
            victim.process.send_signal(signal.SIGSTOP)
            time.sleep(SESSION_S + chance.uniform(1.0, 2.0))
            victim.process.send_signal(signal.SIGCONT)
            living.append(victim)
        time.sleep(chance.uniform(0.5, 3.0))
    last = {name: snapshot_of(name, str(paths[-1])).source.sha256 for name, paths in files.items()}
    until(lambda: _profiled(deployment) >= last.items(), "the profiles of the last snapshots", 120)
    for name in DATASETS:
        until(lambda name=name: "certified" in deployment.releases(name).values(), f"a release of {name}", 120)
    until(lambda: _quiet(deployment) or None, "the end of every run", 150)

    _require_sound(deployment)


def _require_sound(deployment: Deployment) -> None:
    audit = deployment.ask("ledger", "verify")
    assert audit["ok"] is True, audit
    for scope in audit["scopes"]:
        assert Decimal(scope["epsilon"]) <= Decimal(scope["cap_epsilon"]), scope
    for release, certificates in _certified(deployment).items():
        assert len(certificates) == 1, release
    view = deployment.view()
    lines: dict[str, set[bytes]] = defaultdict(set)
    for message in read_topic(deployment.bootstrap, "budget.ledger"):
        event = message.event()
        assert isinstance(event, LedgerEntry)
        lines[event.event_id].add(event.to_bytes())
    assert all(len(forms) == 1 for forms in lines.values())
    for name in DATASETS:
        states = [(release.release_id, release.state) for release in view.statuses[name].releases]
        good = [release for release, state in states if state in ("certified", "superseded")]
        assert len([state for _, state in states if state == "certified"]) == 1, states
        for release in good:
            assert deployment.ask("release", "verify", release)["verified"] is True
    # Other tests on this broker send what is no event, on purpose.
    assert [letter for letter in view.dead.values() if letter.dataset in DATASETS] == []


def test_a_long_job_causes_no_rebalance_and_holds_nothing_up(
    deployment: Deployment, staff: list[WorkerProcess]
) -> None:
    """A pool process that is stopped for four session timeouts: to the worker it is a job of 25 s."""
    staff = deployment.staffed(2)
    data = deployment.write("long.csv", customers(30_000, 5))
    more = deployment.write("more.csv", customers(6_000, 8))
    deployment.contract("long", data)
    until(lambda: "long" in deployment.view("contracts").contracts, "the contract")
    deployment.cli("snapshot", "announce", "long", str(data))
    trainer = _first_training(staff)
    pool = [child for child in psutil.Process(trainer.process.pid).children(recursive=True) if child.num_threads() > 1]
    members = _members(deployment)
    assert pool
    assert len(members) == 2
    for child in pool:
        child.suspend()
    try:
        # The drift station must wait for the pool with its next profile, while hundreds of batches wait behind it.
        deployment.cli("snapshot", "announce", "long", str(more))
        deployment.cli("stream", "long", str(more), "--batch", "15")
        began = time.monotonic()
        while time.monotonic() - began < 25:
            assert _members(deployment) == members
            time.sleep(2)
        assert trainer.running("trainer") or trainer.running("privacy")
        # The same worker still decides: a command about the very dataset that is in training.
        sent = time.monotonic()
        deployment.cli("run", "cancel", "long", "no.such.run")
        until(lambda: "no such run" in deployment.cli("run", "list", "long").out, "the planner's answer", 15)
        assert time.monotonic() - sent < 15
    finally:
        for child in pool:
            child.resume()
    until(lambda: deployment.releases("long"), "the release", 90)
    assert _members(deployment) == members
    started = [message.event() for message in read_topic(deployment.bootstrap, "run.progress")]
    reading = [
        event
        for event in started
        if isinstance(event, RunProgressed) and event.dataset == "long" and event.message == "reading the source"
    ]
    assert len({event.run_id for event in reading}) == len(reading)


def _first_training(staff: list[WorkerProcess]) -> WorkerProcess:
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        for each in staff:
            if each.running("trainer"):
                return each
    raise AssertionError("no worker trained")


def _members(deployment: Deployment) -> dict[str, tuple[str, ...]]:
    """Who holds which partitions in the workers' group."""
    admin = AdminClient({"bootstrap.servers": deployment.bootstrap, "log_level": 0})
    group = admin.describe_consumer_groups(["perennial"])["perennial"].result(10)
    return {
        member.member_id: tuple(
            sorted(f"{place.topic}/{place.partition}" for place in member.assignment.topic_partitions)
        )
        for member in group.members
    }


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Deployment, LocalKafka]]:
    """A deployment on an Apache Kafka that may be killed."""
    if missing_tools():
        pytest.skip("Java and Maven are missing")
    with LocalKafka(data=tmp_path / "kafka", port=free_port()) as node:
        made = Deployment(tmp_path / "home", node.bootstrap)
        made.prepare()
        try:
            yield made, node
        finally:
            made.close()


def test_a_power_cut_of_the_broker_in_the_middle_of_a_run_is_survived(own: tuple[Deployment, LocalKafka]) -> None:
    deployment, node = own
    (worker,) = deployment.staffed(1)
    data = deployment.write("cut.csv", customers(20_000, 6))
    deployment.contract("cut", data)
    until(lambda: "cut" in deployment.view("contracts").contracts, "the contract")
    deployment.cli("snapshot", "announce", "cut", str(data))
    _first_training([worker])
    node.kill()
    time.sleep(3)
    node.start()
    until(lambda: "certified" in deployment.releases("cut").values(), "the release", 120)
    assert deployment.ask("ledger", "verify")["ok"] is True
    assert [len(forms) for forms in _certified(deployment).values()] == [1]


def test_a_worker_that_cannot_go_on_says_so_by_its_exit_code_and_its_event_is_not_lost(
    own: tuple[Deployment, LocalKafka],
) -> None:
    """A vault that cannot destroy keys: the revocation is not acknowledged, and is carried out once that is mended."""
    deployment, _ = own
    (worker,) = deployment.staffed(1)
    data = deployment.write("vault.csv", customers(5_000, 7))
    deployment.contract("vault", data)
    until(lambda: "vault" in deployment.view("contracts").contracts, "the contract")
    deployment.cli("snapshot", "announce", "vault", str(data))
    (release,) = until(lambda: deployment.releases("vault"), "the release", 90)
    keys, aside = deployment.home / "vault" / "keys", deployment.home / "vault" / "aside"
    keys.rename(aside)
    keys.write_text("in the way")
    deployment.cli("revoke", "vault", release)
    assert worker.process.wait(timeout=60) == 70
    assert any(line["level"] == "critical" for line in worker.logged())
    assert deployment.releases("vault") == {release: "certified"}
    keys.unlink()
    aside.rename(keys)
    deployment.staffed(1)
    until(lambda: deployment.releases("vault") == {release: "revoked"}, "the revocation", 60)
    assert deployment.cli("release", "verify", release, code=None).code == 1
