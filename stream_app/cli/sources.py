"""`perennial snapshot announce`, `perennial stream` and `perennial drift ...`: what comes in, and how it is watched."""

import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from schemas.errors import InputError
from stream_app.cli.connect import BootstrapOption, HomeOption, broker_settings, catalogue, read_contract_file
from stream_app.cli.output import JsonFlag, emit, progress_to_stderr, say, table

Detector = Literal["cusum", "page_hinkley", "adwin"]

snapshots = typer.Typer(help="Snapshots of a dataset.", no_args_is_help=True)
drifts = typer.Typer(help="Drift between live rows and the reference profile.", no_args_is_help=True)


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
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Feed rows from a file as live rows, in the file's order."""
    from stream_app.adapters.announcing import batches_of
    from stream_app.adapters.publisher import Publisher

    sent, started, said = 0, time.monotonic(), 0.0
    with Publisher(broker_settings(bootstrap, home).bootstrap, "/owners") as publisher:
        for event in batches_of(dataset, data, batch, first_row, "delete" if delete else "insert"):
            publisher.send("source.records", event)
            sent += event.rows
            if rate:
                time.sleep(max(0.0, started + sent / rate - time.monotonic()))
            if time.monotonic() - said > 1:
                said = time.monotonic()
                say(f"{sent} rows")
        publisher.flush()
    emit({"rows": sent, "seconds": round(time.monotonic() - started, 3)}, as_json, f"{sent} rows sent")


@drifts.command()
def status(
    dataset: Annotated[str | None, typer.Argument(help="One dataset; default: all.")] = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """What drift was found, since when, how large, after how many rows."""
    view = catalogue(bootstrap, home)
    rows = [
        {
            "dataset": event.dataset,
            "row": event.row,
            "since_row": event.since_row,
            "since": event.since_time or "",
            "kind": event.kind,
            "columns": ",".join(event.columns),
            "effect": round(event.effect, 4),
            "unit": event.effect_unit,
            "window": "yes" if event.window else "",
        }
        for name, events in view.drift.items()
        if dataset in (None, name)
        for event in events
    ]
    emit(
        rows,
        as_json,
        lambda: table(
            rows, ("dataset", "row", "since_row", "since", "kind", "columns", "effect", "unit", "window"), "no drift"
        ),
    )


@drifts.command()
def backtest(
    reference: Annotated[str, typer.Option(help="Rows that count as normal.")],
    stream_file: Annotated[str, typer.Option("--stream", help="Rows in the order they came.")],
    contract: Annotated[Path, typer.Option(help="The contract's YAML.")],
    detector: Annotated[
        Detector, typer.Option(help="Test behind the channels; live streams use cusum, the others are River's.")
    ] = "cusum",
    as_json: JsonFlag = False,
) -> None:
    """Run the stream's own detector over files, to try a contract before going live. One line per drift event."""
    from schemas.drift import DriftPolicy
    from stream_app.adapters.sources import read_frame
    from stream_app.core.drift.backtest import backtest as run_backtest

    agreed = read_contract_file(contract)
    found, frames = 0, (read_frame(reference), read_frame(stream_file))
    if frames[0].empty:
        raise InputError(f"{reference} has no rows")
    for sign in run_backtest(*frames, agreed, DriftPolicy(detector=detector)):
        found += 1
        emit(
            {
                "row": sign.row,
                "since_row": sign.since_row,
                "kind": sign.kind,
                "columns": list(sign.columns),
                "effect": round(sign.effect, 6),
                "effect_unit": sign.unit,
                "statistic": round(sign.statistic, 4),
                "threshold": round(sign.threshold, 4),
            },
            as_json,
            f"row {sign.row}: {sign.kind} {', '.join(sign.columns)} since row {sign.since_row}, "
            f"effect {sign.effect:.3f} ({sign.unit})",
        )
    progress_to_stderr(1.0, f"{found} drift events in {len(frames[1])} rows")
