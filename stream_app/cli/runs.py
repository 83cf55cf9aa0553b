"""`perennial run ...`: ask for a run, cancel one, list and watch them."""

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stream_app.cli import orders
from stream_app.cli.connect import (
    BootstrapOption,
    CommentOption,
    HomeOption,
    KeyOption,
    OutOption,
    broker_settings,
    catalogue,
)
from stream_app.cli.output import JsonFlag, emit, say, table
from stream_app.cli.signed import submit

if TYPE_CHECKING:
    from schemas.events.plans import TriggerDeferred, TriggerDismissed
    from stream_app.catalogue.view import Catalogue

app = typer.Typer(help="Runs: one path from a trigger to a release or an explained refusal.", no_args_is_help=True)
Dataset = Annotated[str, typer.Argument(help="The dataset.")]


@app.command()
def start(
    dataset: Dataset,
    rows: Annotated[int | None, typer.Option(min=1, help="Rows of the table.")] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="Fix the share of a value, such as late=1:20%; may be repeated.")
    ] = None,
    family: Annotated[str | None, typer.Option(help="Ask for this family; default: the planner chooses.")] = None,
    key: KeyOption = None,
    out: OutOption = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    comment: CommentOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask for a release. An unchanged distribution and a cached generator are sampled again, which spends nothing."""
    from stream_app.cli.where import parse_where

    contract = None
    if where and out is None:
        applied = catalogue(bootstrap, home).contracts.get(dataset)
        contract = None if applied is None else applied.contract
    shares = [item.document() for item in parse_where(where or [], contract)]
    submit(
        {"command": "start_run", "dataset": dataset, "rows": rows, "where": shares, "family": family},
        "operator",
        key,
        out,
        bootstrap,
        home,
        comment,
        as_json,
    )


app.command("cancel")(orders.cancel_run)


@app.command("list")
def list_runs(
    dataset: Annotated[str | None, typer.Argument(help="One dataset; default: all.")] = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Every attempt of every run: family, trigger, stage."""
    view = catalogue(bootstrap, home)
    rows = _attempts(view, dataset)
    deferred, dismissed = (_reasons(events.values(), dataset) for events in (view.deferred, view.dismissed))
    emit(
        {"runs": rows, "deferred": deferred, "dismissed": dismissed},
        as_json,
        lambda: (
            table(rows, ("run", "attempt", "release", "family", "stage", "trigger", "why"), "no runs")
            + "".join(f"\ndeferred: {item['trigger']}: {item['reason']}" for item in deferred)
            + "".join(f"\ndismissed: {item['trigger']}: {item['reason']}" for item in dismissed)
        ),
    )


def _attempts(view: "Catalogue", dataset: str | None) -> list[dict[str, Any]]:
    rows = []
    for release_id, (stage, dossier) in view.dossiers.items():
        request = dossier.request
        if dataset in (None, request.dataset):
            rejected = view.rejections.get(release_id)
            rows.append(
                {
                    "run": request.run_id,
                    "attempt": request.attempt,
                    "release": release_id,
                    "family": request.family,
                    "trigger": request.trigger,
                    "stage": stage,
                    "why": "; ".join(rejected.reasons) if rejected else request.why,
                }
            )
    return rows


def _reasons(
    events: "Iterable[TriggerDeferred] | Iterable[TriggerDismissed]", dataset: str | None
) -> list[dict[str, str]]:
    return [{"trigger": each.trigger, "reason": each.reason} for each in events if dataset in (None, each.dataset)]


@app.command()
def watch(
    dataset: Dataset,
    seconds: Annotated[float, typer.Option(help="Give up after so long.")] = 600.0,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Follow the dataset's runs until one ends: exit 0 certified, 1 rejected."""
    from stream_app.adapters.reader import follow
    from stream_app.catalogue.watching import Outcome, outcome_of

    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set)
    timer.daemon = True
    timer.start()
    topics = ("run.progress", "candidates.rejected", "release.certified", "budget.ledger")
    found: Outcome | None = None
    for message in follow(broker_settings(bootstrap, home).bootstrap, topics, stop, from_end=True):
        if message is None:
            continue
        told = outcome_of(message, dataset)
        if told is None:
            continue
        _show(told.document, told.text, as_json)
        if told.ended:
            found = told
            break
    if found is None:
        say(f"nothing ended within {seconds:.0f} s")
    raise typer.Exit(0 if found is not None and found.good else 1)


def _show(document: dict[str, Any], text: str, as_json: bool) -> None:
    emit(document, as_json, text)
