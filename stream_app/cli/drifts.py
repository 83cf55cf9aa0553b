"""`perennial drift ...`: what drift was found and what became of it; trying a detector; other people's detectors."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from schemas.errors import InputError, MissingExtra
from stream_app.cli.connect import (
    BootstrapOption,
    HomeOption,
    broker_settings,
    catalogue,
    read_contract_file,
    read_file,
    write_file,
)
from stream_app.cli.output import JsonFlag, emit, no, progress_to_stderr, table

if TYPE_CHECKING:
    from schemas.contract import Contract
    from schemas.drift import DriftPolicy
    from schemas.events.sources import DriftDetected
    from stream_app.core.drift.backtest import Recording
    from stream_app.core.drift.concept.concept import ConceptModel
    from stream_app.core.drift.explained import Explained
    from stream_app.core.drift.reference import Reference
    from stream_app.core.drift.sign import DriftSign

Detector = Literal["cusum", "page_hinkley", "adwin"]
Season = Literal["none", "hour", "weekday", "month"]

app = typer.Typer(help="Drift between live rows and the reference profile.", no_args_is_help=True)
PlotOption = Annotated[Path | None, typer.Option(help="Draw it into this file (SVG; extra `report`).")]
_EVERY_S = 0.5


@app.command()
def status(
    dataset: Annotated[str | None, typer.Argument(help="One dataset; default: all.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on telling what comes, until Ctrl-C.")] = False,
    seconds: Annotated[float | None, typer.Option(min=0, help="With --watch: end after so long.")] = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """What drift was found, since when, how large, how much it matters, and what the planner made of it."""
    from stream_app.catalogue.drift_words import lines_of
    from stream_app.catalogue.drifts import drifts

    if seconds is not None and not watch:
        raise InputError("--seconds belongs to --watch")
    if watch:
        _watch(broker_settings(bootstrap, home).bootstrap, dataset, seconds, as_json)
        return
    found = sorted(drifts(catalogue(bootstrap, home), dataset), key=lambda drift: drift.at or 0)
    emit(
        [drift.document() for drift in found],
        as_json,
        lambda: "\n".join(map(lines_of, found)) or "no drift",
    )


def _watch(bootstrap: str, dataset: str | None, seconds: float | None, as_json: bool) -> None:
    """A line for each drift, and one whenever something became of it; JSON lines where a program reads them."""
    from stream_app.catalogue.drift_news import DriftNews
    from stream_app.catalogue.drift_words import answer_line, line_of

    news, ends = DriftNews(bootstrap, dataset), None if seconds is None else time.monotonic() + seconds
    try:
        while True:
            for drift, first in news.read():
                if first or as_json:
                    emit(drift.document(), as_json, line_of(drift))
                if not as_json and drift.answer.made != "undecided":
                    emit(None, False, answer_line(drift))
            if ends is not None and time.monotonic() >= ends:
                return
            time.sleep(_EVERY_S)
    except KeyboardInterrupt:
        return


@app.command()
def show(
    event: Annotated[str, typer.Argument(metavar="EVENT_ID|latest", help="The drift's event, or `latest`.")],
    dataset: Annotated[str | None, typer.Option(help="Only drift of this dataset.")] = None,
    plot: PlotOption = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """One drift in full: the strongest column's marginal before the change and since."""
    from stream_app.catalogue.drift_words import lines_of, plain
    from stream_app.catalogue.drifts import find_drift

    if plot is not None:
        _require_plots(plot)
    drift = find_drift(catalogue(bootstrap, home), event, dataset)
    shares = drift.latest.shares
    rows = [
        {
            "cell": plain(cell.label),
            "before": f"{cell.before:.2%}",
            "since": f"{cell.after:.2%}",
            "change": f"{cell.after - cell.before:+.2%}",
        }
        for cell in shares
    ]
    if plot is not None:
        if not shares:
            raise InputError(f"nothing to draw: drift of kind {drift.latest.kind} carries no marginal")
        from stream_app.catalogue.drift_picture import marginals_picture

        write_file(plot, marginals_picture(drift.latest.columns[0], shares).encode())
    columns = ("cell", "before", "since", "change")
    emit(
        drift.document() | {"shares": [cell.document() for cell in shares]},
        as_json,
        lambda: f"{lines_of(drift)}\n{table(rows, columns, 'it carries no marginal')}",
    )


@app.command()
def backtest(
    reference: Annotated[str, typer.Option(help="Rows that count as normal.")],
    stream_file: Annotated[str, typer.Option("--stream", help="Rows in the order they came.")],
    contract: Annotated[Path, typer.Option(help="The contract's YAML.")],
    detector: Annotated[
        Detector | None, typer.Option(help="Test behind the channels, two of them River's; default: the contract's.")
    ] = None,
    season: Annotated[Season | None, typer.Option(help="Periods told apart; default: the contract's.")] = None,
    alarms_per_million: Annotated[
        float | None, typer.Option(help="False alarms accepted in a million rows; default: the contract's.")
    ] = None,
    label_delay: Annotated[
        int | None,
        typer.Option(min=0, help="Rows after which a row's target is known; default: with the row."),
    ] = None,
    plot: PlotOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Run the stream's own detector over files, to try a contract before going live. One line per drift event."""
    from stream_app.adapters.sources import read_frame
    from stream_app.core.drift.backtest import record
    from stream_app.core.drift.explained import explained

    agreed = read_contract_file(contract)
    policy = _policy(agreed, detector=detector, season=season, alarms_per_million=alarms_per_million)
    if plot is not None:
        _require_plots(plot)
    profile, concept, told = _profiled(reference, agreed, policy)
    if label_delay is not None and concept is None:
        raise InputError("--label-delay: the contract names no target that anything can be learnt of")
    recording, signs = record(profile, read_frame(stream_file), agreed, concept), []
    for sign in recording.signs(policy, label_delay):
        found = explained(sign, profile, agreed, told)
        signs.append((sign, found))
        emit(_sign_document(sign, found), as_json, _sign_line(sign, found))
    if plot is not None:
        write_file(plot, _stream_picture(recording, agreed, signs).encode())
    progress_to_stderr(1.0, f"{len(signs)} drift events in {recording.rows} rows")


def _profiled(
    uri: str, agreed: "Contract", policy: "DriftPolicy"
) -> "tuple[Reference, ConceptModel | None, dict[str, float]]":
    """What a first look at the normal rows gives, as the drift station takes it; raises ``InputError`` without any."""
    from stream_app.adapters.sources import read_frame
    from stream_app.agents.profiling import target_model
    from stream_app.core.drift.reference import build_reference

    normal = read_frame(uri)
    if normal.empty:
        raise InputError(f"{uri} has no rows")
    profile = build_reference(normal, agreed, policy)
    concept, told = target_model(profile, normal, agreed)
    return profile, concept, dict(told)


@app.command()
def publish(
    evidently: Annotated[
        Path | None, typer.Option(help="A report of Evidently 0.7, as `snapshot.save_json(...)` writes it.")
    ] = None,
    event: Annotated[Path | None, typer.Option(help="Another detector's event: JSON of `drift.detected`.")] = None,
    dataset: Annotated[str | None, typer.Option(help="The dataset; an --event names its own.")] = None,
    row: Annotated[int, typer.Option(min=0, help="With --evidently: rows of the stream when it was found.")] = 0,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Tell the planner of drift that a detector outside found. Exit 0 sent, 1 the report found none."""
    from stream_app.adapters.publisher import Publisher

    found = _outside(evidently, event, dataset, row)
    if found is None:
        no("no column drifted: nothing was sent")
    with Publisher(broker_settings(bootstrap, home).bootstrap, "/detectors/outside") as publisher:
        publisher.send("source.drift", found)
        publisher.flush()
    emit(
        {"event_id": found.event_id, "dataset": found.dataset, "columns": list(found.columns), "said": found.said},
        as_json,
        f"sent {found.event_id}: {found.said or ', '.join(found.columns)}",
    )


def _outside(evidently: Path | None, event: Path | None, dataset: str | None, row: int) -> "DriftDetected | None":
    from stream_app.adapters.evidently_report import drift_of, read_report
    from stream_app.adapters.outside_drift import read_outside

    if (evidently is None) == (event is None):
        raise InputError("name one file: --evidently REPORT.json or --event FILE.json")
    if evidently is not None:
        if dataset is None:
            raise InputError("--evidently needs --dataset: a report does not name it")
        return drift_of(read_report(read_file(evidently)), dataset, row)
    assert event is not None
    found = read_outside(read_file(event))
    if dataset not in (None, found.dataset):
        raise InputError(f"the event is of another dataset than {dataset}")
    return found


def _policy(agreed: "Contract", **changes: Any) -> "DriftPolicy":
    """The contract's, with what the command line says otherwise; raises ``ContractError``."""
    from schemas.drift import DriftPolicy

    given = {name: value for name, value in changes.items() if value is not None}
    return DriftPolicy.from_document(agreed.policy.drift.document() | given)


def _sign_document(sign: "DriftSign", found: "Explained") -> dict[str, Any]:
    from stream_app.core.drift.explained import shown_time

    return {
        "row": sign.row,
        "since_row": sign.since_row,
        "since_time": shown_time(sign.since_time),
        "kind": sign.kind,
        "onset": sign.onset,
        "columns": list(sign.columns),
        "group": found.group,
        "effect": round(found.effect, 6),
        "effect_unit": found.unit,
        "severity": round(found.severity.value, 4),
        "severity_word": found.severity.word,
        "said": found.text,
        "statistic": round(sign.statistic, 4),
        "threshold": round(sign.threshold, 4),
    }


def _sign_line(sign: "DriftSign", found: "Explained") -> str:
    said = found.text or f"{sign.kind} of {', '.join(sign.columns)}"
    more = f", with {', '.join(sign.columns[1:])}" if len(sign.columns) > 1 and sign.kind != "correlation" else ""
    if sign.kind == "schema":
        said, more = f"the columns changed: {', '.join(sign.columns)}", ""
    return (
        f"row {sign.row}: {sign.kind}, {sign.onset}, {found.severity.word} ({found.severity.value:.2f}): "
        f"{said}{more}; since row {sign.since_row}, effect {found.effect:.3f} ({found.unit})"
    )


def _stream_picture(recording: "Recording", agreed: "Contract", signs: "list[tuple[DriftSign, Explained]]") -> str:
    """Of the column whose drift matters most; without drift, of the one that moved most. And of the target's errors."""
    from stream_app.catalogue.drift_picture import stream_picture
    from stream_app.core.drift.over_time import errors_over_time, most_moved, shares_over_time

    names = {column.name for column in recording.reference.bins}
    moved = [each for each in signs if each[0].kind != "concept" and each[0].columns[0] in names]
    strongest = max(moved, key=lambda each: each[1].severity.value, default=None)
    column = most_moved(recording) if strongest is None else strongest[0].columns[0]
    shares = shares_over_time(recording, agreed, column)
    return stream_picture(shares, [sign for sign, _ in signs], errors_over_time(recording))


def _require_plots(plot: Path) -> None:
    """Before anything is measured, not after."""
    import importlib.util

    if plot.suffix.lower() != ".svg":
        raise InputError("plots are written as SVG: name a file that ends in .svg")
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtra("a plot", "report")
