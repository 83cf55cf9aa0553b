"""`perennial snapshot announce` and `perennial stream`: what comes in."""

import time
from typing import Annotated, Literal

import typer

from schemas.errors import InputError
from stream_app.cli.connect import BootstrapOption, HomeOption, broker_settings, contract_in_force
from stream_app.cli.output import JsonFlag, emit, say

snapshots = typer.Typer(help="Snapshots of a dataset.", no_args_is_help=True)


@snapshots.command()
def announce(
    dataset: Annotated[str, typer.Argument(help="The dataset.")],
    data: Annotated[str, typer.Argument(help="Path or fsspec URL; workers must be able to read it.")],
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Tell the workers where a complete snapshot lies."""
    from stream_app.adapters.announcing import snapshot_of
    from stream_app.adapters.publisher import Publisher

    event = snapshot_of(dataset, data)
    with Publisher(broker_settings(bootstrap, home).bootstrap, "/owners") as publisher:
        publisher.send("source.snapshots", event)
        publisher.flush()
    emit(
        {"event_id": event.event_id, "sha256": event.source.sha256, "rows": event.source.rows},
        as_json,
        f"announced {event.source.uri}, SHA-256 {event.source.sha256}",
    )


def stream(
    dataset: Annotated[str, typer.Argument(help="The dataset.")],
    data: Annotated[str, typer.Argument(help="CSV, Parquet or JSON lines.")],
    rate: Annotated[
        float | None, typer.Option(help="Rows per second; default: as fast as the broker takes them.")
    ] = None,
    batch: Annotated[int, typer.Option(help="Rows per message.", min=1, max=20_000)] = 500,
    first_row: Annotated[int, typer.Option(help="Number of the first row in the stream.", min=0)] = 0,
    delete: Annotated[bool, typer.Option("--delete", help="The rows are taken away, not added.")] = False,
    labels: Annotated[
        bool, typer.Option("--labels", help="The rows came before without their target: here they are with it.")
    ] = False,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Feed rows from a file as live rows, in the file's order."""
    from stream_app.adapters.announcing import batches_of
    from stream_app.adapters.publisher import Publisher

    operation, settings = _operation(delete, labels), broker_settings(bootstrap, home)
    target = _target(dataset, settings.bootstrap) if labels else None
    sent, started, said = 0, time.monotonic(), 0.0
    with Publisher(settings.bootstrap, "/owners") as publisher:
        for event in batches_of(dataset, data, batch, first_row, operation, target):
            publisher.send("source.records", event)
            sent += event.rows
            if rate:
                time.sleep(max(0.0, started + sent / rate - time.monotonic()))
            if time.monotonic() - said > 1:
                said = time.monotonic()
                say(f"{sent} rows")
        publisher.flush()
    emit(
        {"rows": sent, "seconds": round(time.monotonic() - started, 3)},
        as_json,
        f"{sent} {'labels' if labels else 'rows'} sent",
    )


def _operation(delete: bool, labels: bool) -> Literal["insert", "delete", "label"]:
    if delete and labels:
        raise InputError("rows are either taken away (--delete) or labelled (--labels)")
    return "delete" if delete else "label" if labels else "insert"


def _target(dataset: str, bootstrap: str) -> str | None:
    """What the labels are of; raises ``InputError`` where the contract in force names no target."""
    agreed = contract_in_force(dataset, bootstrap)
    if agreed is not None and agreed.policy.target is None:
        raise InputError(f"the contract of {dataset} names no target: labels would tell nothing")
    return None if agreed is None else agreed.policy.target
