"""A worker ends while it trains: the other one takes over, and nothing is lost, certified twice or spent twice."""

import time

import psutil
import pytest

from schemas.events.budget import SpendReserved
from schemas.events.releases import ReleaseCertified
from stream_app.adapters.reader import read_topic
from tests.integration.deployment import PATIENCE_S, Deployment, WorkerProcess, customers, until

pytestmark = pytest.mark.kafka


def test_one_release_and_one_spend_though_the_training_worker_was_killed(
    deployment: Deployment, staff: list[WorkerProcess]
) -> None:
    trainer = _trained("killed", deployment, deployment.staffed(2))
    pool = psutil.Process(trainer.process.pid).children(recursive=True)
    trainer.kill()
    _require_one_release("killed", deployment)
    left = [each for each in pool if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    assert not left, "an orphan trains"


@pytest.mark.e2e
def test_a_worker_that_is_asked_to_stop_in_the_middle_of_a_training_hands_it_over(
    deployment: Deployment, staff: list[WorkerProcess]
) -> None:
    """As in every rolling upgrade: what was not finished must not count as done."""
    trainer = _trained("stopped", deployment, deployment.staffed(2))
    assert trainer.stop() == 0
    _require_one_release("stopped", deployment)


def _trained(dataset: str, deployment: Deployment, staff: list[WorkerProcess]) -> WorkerProcess:
    """Start the first run of a dataset; the worker that trains it at this moment."""
    data = deployment.write(f"{dataset}.csv", customers(20_000, 3))
    deployment.contract(dataset, data)
    until(lambda: dataset in deployment.view("contracts").contracts, "the contract")
    deployment.cli("snapshot", "announce", dataset, str(data))
    return _training(staff)


def _require_one_release(dataset: str, deployment: Deployment) -> None:
    releases = until(lambda: deployment.releases(dataset), "a release")
    assert list(releases.values()) == ["certified"]
    told = [message.event() for message in read_topic(deployment.bootstrap, "release.certified", "budget.ledger")]
    certified = {event.event_id for event in told if isinstance(event, ReleaseCertified) and event.dataset == dataset}
    reserved = {
        event.event_id: event.attempt for event in told if isinstance(event, SpendReserved) and event.scope == dataset
    }
    assert len(certified) == 1
    assert list(reserved.values()) == [1]
    until(lambda: deployment.ask("ledger", "show", dataset)[-1]["what"] == "SpendSettled", "the run's end")
    assert deployment.ask("ledger", "verify")["ok"] is True
    assert deployment.ask("release", "verify", next(iter(releases)))["verified"] is True


def _training(staff: list[WorkerProcess]) -> WorkerProcess:
    """The worker whose pool trains at this moment."""
    limit = time.monotonic() + PATIENCE_S
    while time.monotonic() < limit:
        for each in staff:
            if each.running("trainer"):
                return each
    raise AssertionError("no worker trained")
