"""A worker is killed with -9 while it trains: the other one takes over, and nothing is certified or spent twice."""

import time

import psutil
import pytest

from schemas.events.budget import SpendReserved
from schemas.events.releases import ReleaseCertified
from stream_app.adapters.reader import read_topic
from tests.integration.deployment import Deployment, WorkerProcess, customers, until

pytestmark = pytest.mark.kafka
DATASET = "killed"


def test_one_release_and_one_spend_though_the_training_worker_was_killed(
    deployment: Deployment, staff: list[WorkerProcess]
) -> None:
    data = deployment.write("killed.csv", customers(60_000, 3))
    deployment.contract(DATASET, data)
    until(lambda: DATASET in deployment.view("contracts").contracts, "the contract")
    deployment.cli("snapshot", "announce", DATASET, str(data))
    trainer = _training(staff)
    pool = psutil.Process(trainer.process.pid).children(recursive=True)
    trainer.kill()
    killed = time.monotonic()
    (other,) = [each for each in staff if each is not trainer]

    releases = until(lambda: deployment.releases(DATASET), "a release", 90, alive=other)
    assert list(releases.values()) == ["certified"]
    assert not [each for each in pool if each.is_running() and each.status() != psutil.STATUS_ZOMBIE], (
        "an orphan trains"
    )
    told = [message.event() for message in read_topic(deployment.bootstrap, "release.certified", "budget.ledger")]
    certified = {event.event_id for event in told if isinstance(event, ReleaseCertified) and event.dataset == DATASET}
    reserved = {
        event.event_id: event.attempt for event in told if isinstance(event, SpendReserved) and event.scope == DATASET
    }
    assert len(certified) == 1
    assert list(reserved.values()) == [1]
    until(lambda: deployment.ask("ledger", "show", DATASET)[-1]["what"] == "SpendSettled", "the run's end", 20)
    assert deployment.ask("ledger", "verify")["ok"] is True
    assert deployment.ask("release", "verify", next(iter(releases)))["verified"] is True
    assert time.monotonic() - killed < 120


def _training(staff: list[WorkerProcess]) -> WorkerProcess:
    """The worker whose pool trains at this moment."""
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        for each in staff:
            if each.running("trainer"):
                return each
    raise AssertionError("no worker trained")
