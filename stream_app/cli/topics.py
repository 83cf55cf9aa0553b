"""`perennial topics ...` and `perennial schemas export`."""

from pathlib import Path
from typing import Annotated

import typer

from stream_app.cli.connect import BootstrapOption, HomeOption, broker_settings
from stream_app.cli.output import JsonFlag, emit, table

app = typer.Typer(help="Kafka topics, as the design's table says.", no_args_is_help=True)
schemas = typer.Typer(help="Published schemas.", no_args_is_help=True)
Partitions = Annotated[int | None, typer.Option(min=1, help="Override the partitions of every topic.")]
Replication = Annotated[int, typer.Option(min=1, help="Replication factor of new topics.")]


@app.command()
def plan(
    partitions: Partitions = None,
    replication: Replication = 1,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """What `apply` would create or change."""
    from schemas.topics import TOPICS
    from stream_app.adapters.topics import plan as plan_topics

    changes = plan_topics(broker_settings(bootstrap, home).bootstrap, TOPICS, _counts(partitions), replication)
    rows = [{"topic": change.topic, "action": change.action, "detail": change.why} for change in changes]
    emit(rows, as_json, lambda: table(rows, ("topic", "action", "detail"), "nothing to change"))


@app.command()
def apply(
    partitions: Partitions = None,
    replication: Replication = 1,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Create missing topics and correct retention, compaction and timestamp type."""
    from schemas.topics import TOPICS
    from stream_app.adapters.topics import apply as apply_topics
    from stream_app.adapters.topics import plan as plan_topics

    address = broker_settings(bootstrap, home).bootstrap
    changes = plan_topics(address, TOPICS, _counts(partitions), replication)
    apply_topics(address, changes)
    emit(
        [{"topic": change.topic, "action": change.action} for change in changes],
        as_json,
        f"{len(changes)} topics created or changed",
    )


def _counts(partitions: int | None) -> dict[str, int]:
    from schemas.topics import TOPICS

    return {} if partitions is None else {topic.name: partitions for topic in TOPICS}


@schemas.callback()
def _schemas() -> None:
    """Published schemas."""


@schemas.command("export")
def export(out: Annotated[Path, typer.Option(help="A folder.")], as_json: JsonFlag = False) -> None:
    """Write JSON Schemas of every event, contract and certificate, and the AsyncAPI document."""
    from schemas.export import export as write_all

    written = write_all(out)
    emit([str(path) for path in written], as_json, f"{len(written)} documents in {out}")
