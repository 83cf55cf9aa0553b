"""`perennial release ...` and `perennial incident ...`: look at releases, fetch and verify them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.errors import InputError
from stream_app.cli import orders
from stream_app.cli.connect import BootstrapOption, HomeOption, broker_settings, catalogue, settings_of
from stream_app.cli.output import JsonFlag, emit, no, table

app = typer.Typer(help="Releases: certified synthetic tables.", no_args_is_help=True)
incidents = typer.Typer(help="Incidents: what a responder must look at.", no_args_is_help=True)
Release = Annotated[str, typer.Argument(help="The release's id.")]
MaybeDataset = Annotated[str | None, typer.Argument(help="One dataset; default: all.")]
app.command("retire")(orders.retire)


@app.command("list")
def list_releases(
    dataset: MaybeDataset = None, bootstrap: BootstrapOption = None, home: HomeOption = None, as_json: JsonFlag = False
) -> None:
    """Every release and where it stands."""
    view = catalogue(bootstrap, home)
    rows = [
        {
            "dataset": status.dataset,
            "release": release.release_id,
            "state": release.state,
            "current": release.release_id == status.current,
            "reason": release.reason or "",
            "since": release.since,
        }
        for name, status in view.statuses.items()
        if dataset in (None, name)
        for release in status.releases
    ]
    emit(
        rows,
        as_json,
        lambda: table(
            [row | {"current": "*" if row["current"] else ""} for row in rows],
            ("current", "dataset", "release", "state", "reason"),
            "no releases",
        ),
    )


@app.command()
def checks(
    dataset: MaybeDataset = None, bootstrap: BootstrapOption = None, home: HomeOption = None, as_json: JsonFlag = False
) -> None:
    """Every time that a release in use was measured again or attacked, oldest first."""
    from stream_app.catalogue.checks import Checks

    found = Checks.read(broker_settings(bootstrap, home).bootstrap).found.values()
    rows = [
        {
            "at": check.at,
            "dataset": check.event.dataset,
            "release": check.event.release_id,
            "gate": check.event.gate,
            "verdict": check.event.verdict,
            "cause": check.event.cause,
            "look": check.event.look,
            "failed": list(check.event.failed),
            "undecided": list(check.event.undecided),
            "reason": check.event.reason,
            "suite": check.event.suite,
            "source_sha256": check.event.source_sha256,
        }
        for check in sorted(found, key=lambda check: check.at)
        if dataset in (None, check.event.dataset)
    ]
    emit(rows, as_json, lambda: _checks_shown(rows))


def _checks_shown(rows: list[dict[str, Any]]) -> str:
    import datetime as dt

    shown = [
        {
            **row,
            "when": dt.datetime.fromtimestamp(row["at"] / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M"),
            "look": row["look"] or "",
            "found": ", ".join(row["failed"] or row["undecided"]) or row["reason"] or "",
        }
        for row in rows
    ]
    columns = ("when", "dataset", "release", "gate", "verdict", "cause", "look", "found")
    return table(shown, columns, "no release was measured again yet")


@app.command()
def show(
    release: Release, bootstrap: BootstrapOption = None, home: HomeOption = None, as_json: JsonFlag = False
) -> None:
    """A release's state and what its certificate says."""
    view = catalogue(bootstrap, home)
    status, state = view.release(release)
    found: dict[str, Any] = {"dataset": status.dataset, "current": status.current == release, **state.document()}
    if release in view.certificates:
        found["statement"] = view.statement(release).document()
    emit(found, as_json, lambda: _shown(found))


def _shown(found: dict[str, Any]) -> str:
    import json

    return json.dumps(found, indent=1)


@app.command()
def get(
    release: Release,
    out: Annotated[Path, typer.Option(help="A folder for the data and its certificate.")],
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Verify a release, open it and save data and certificate."""
    from stream_app.cli.fetching import fetch

    saved = fetch(release, out, settings_of(bootstrap, home))
    emit({name: str(path) for name, path in saved.items()}, as_json, "\n".join(str(path) for path in saved.values()))


@app.command()
def verify(
    release: Release, bootstrap: BootstrapOption = None, home: HomeOption = None, as_json: JsonFlag = False
) -> None:
    """Verify a release's certificate, status and stored data without saving them: exit 0 good, 1 not."""
    from schemas.errors import PerennialError
    from stream_app.cli.fetching import client_of

    settings = settings_of(bootstrap, home)
    status, state = catalogue(bootstrap, home).release(release)
    try:
        client_of(settings, status.dataset).release(release).verify()
    except PerennialError as error:
        emit({"release": release, "verified": False, "reason": str(error)}, as_json, "")
        no(f"not verified: {error}")
    emit({"release": release, "verified": True, "state": state.state}, as_json, f"verified: {release} ({state.state})")


@app.command()
def report(
    release: Release, bootstrap: BootstrapOption = None, home: HomeOption = None, as_json: JsonFlag = False
) -> None:
    """Every finding of a release or a rejected candidate, against its limits (for inside readers)."""
    from stream_app.catalogue.drifts import sentence_of
    from stream_app.catalogue.report import report as write_report

    view = catalogue(bootstrap, home)
    if release not in view.dossiers:
        raise InputError(f"no dossier of {release} is kept any more; known are {', '.join(view.dossiers) or 'none'}")
    dossier = view.dossiers[release][1]
    statement = view.statement(release) if release in view.certificates else None
    request = dossier.request
    drift = sentence_of(view, request.dataset, request.run_id)
    emit(dossier.document(), as_json, lambda: write_report(dossier, statement, drift))


@app.command()
def diff(
    first: Release,
    second: Release,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """What differs between two certificates."""
    view = catalogue(bootstrap, home)
    one, two = (_flat(view.statement(release).predicate.document()) for release in (first, second))
    rows = [
        {"field": name, "first": one.get(name, ""), "second": two.get(name, "")}
        for name in sorted(one | two)
        if one.get(name) != two.get(name)
    ]
    emit(rows, as_json, lambda: table(rows, ("field", "first", "second"), "no difference"))


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {
            key: inner
            for part, item in value.items()
            for key, inner in _flat(item, f"{name}.{part}" if name else part).items()
        }
    if isinstance(value, list):
        return {
            key: inner
            for at, item in enumerate(value)
            for key, inner in _flat(item, f"{name}.{item.get('metric', at) if isinstance(item, dict) else at}").items()
        }
    return {name: value}


@incidents.command("list")
def list_incidents(
    dataset: MaybeDataset = None,
    everything: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Incidents, and who opened the release that each is about."""
    view = catalogue(bootstrap, home)
    rows = []
    for incident in view.incidents.values() if everything else view.open_incidents():
        if dataset in (None, incident.dataset):
            consumers = sorted(
                {receipt.consumer for receipt in view.receipts.values() if receipt.release_id == incident.release_id}
            )
            rows.append(
                {
                    "incident": incident.incident_id,
                    "dataset": incident.dataset,
                    "severity": incident.severity,
                    "release": incident.release_id or "",
                    "summary": incident.summary,
                    "consumers": ", ".join(consumers),
                    "state": "closed" if incident.incident_id in view.closed else "open",
                }
            )
    emit(
        rows,
        as_json,
        lambda: table(
            rows, ("incident", "dataset", "severity", "state", "release", "summary", "consumers"), "no incidents"
        ),
    )
