"""One deployment for all tests that tell a story on the session's Apache Kafka, and workers for a module at a time."""

from collections.abc import Iterator

import pytest

from tests.integration.deployment import Deployment, WorkerProcess


@pytest.fixture(scope="session")
def deployment(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Keys and topics; datasets are told apart by their names."""
    made = Deployment(tmp_path_factory.mktemp("deployment") / "home", kafka)
    made.prepare()
    yield made
    made.close()


@pytest.fixture(scope="module")
def staff(deployment: Deployment) -> Iterator[list[WorkerProcess]]:
    """Two workers with all stations, for as long as the module runs."""
    yield deployment.staffed(2)
    deployment.close()
