"""`perennial topics ...` on a broker, and `perennial schemas export`."""

from pathlib import Path

import pytest

from schemas.topics import TOPICS
from stream_app.adapters.embedded_broker import EmbeddedBroker
from tests.unit.stream_app.cli.conftest import Perennial


def test_export_writes_what_stands_in_the_project(perennial: Perennial, tmp_path: Path) -> None:
    from schemas.export import EXPORTED

    written = perennial("schemas", "export", "--out", tmp_path / "out", "--json").document
    found = {Path(path).name: Path(path).read_text(encoding="utf-8") for path in written}
    assert found == {path.name: path.read_text(encoding="utf-8") for path in EXPORTED.iterdir()}, (
        'a model changed: run  python -c "from schemas.export import export, EXPORTED; export(EXPORTED)"'
    )


@pytest.mark.usefixtures("embedded_broker")
def test_a_plan_names_every_topic_that_is_missing(perennial: Perennial, embedded_broker: EmbeddedBroker) -> None:
    changes = perennial("topics", "plan", "--bootstrap", embedded_broker.bootstrap, "--json").document
    assert {change["topic"] for change in changes if change["action"] == "create"} == {topic.name for topic in TOPICS}
