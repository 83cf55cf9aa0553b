"""One deployment for all tests that tell a story on the session's Apache Kafka, with workers while they are needed."""

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
def staff(deployment: Deployment) -> list[WorkerProcess]:
    """Two workers with all stations; those that an earlier module left are taken over."""
    return deployment.staffed(2)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Workers end with the last test in a row that needs them, and use no time of the tests after it."""
    made = getattr(item, "funcargs", {}).get("deployment")
    if made is not None and "deployment" not in getattr(nextitem, "fixturenames", ()):
        made.close()
