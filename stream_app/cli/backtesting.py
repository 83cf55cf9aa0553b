"""`perennial contract backtest`: a contract tried on a recorded history, before it is switched on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from schemas.errors import InputError
from stream_app.cli.connect import read_contract_file, write_file
from stream_app.cli.output import JsonFlag, emit, no, progress_to_stderr, say, table

if TYPE_CHECKING:
    from schemas.contract import Contract
    from stream_app.backtest.history import History
    from stream_app.backtest.result import Backtest

SHOWN = 40
"""Happenings in the text; JSON has all of them."""

ReferenceRows = Annotated[
    int | None, typer.Option(help="Rows of the first snapshot; default: a fifth, from 500 to 10,000.", min=500)
]
WindowRows = Annotated[int | None, typer.Option(help="Rows of a drift's window; default: as workers are set.", min=100)]
RowsPerDay = Annotated[int, typer.Option(help="The clock where the contract has no column of dates or times.", min=1)]
LabelDelay = Annotated[
    int | None, typer.Option(help="Rows after which a label comes, under drift.late_labels; default: none.", min=0)
]
Change = Annotated[
    list[str] | None, typer.Option(help="A known change, as a row of the history or a time; may be repeated.")
]


def backtest(
    data: Annotated[str, typer.Option(help="The history: Parquet, CSV or JSON lines, as a path or an fsspec URL.")],
    contract: Annotated[Path, typer.Option(help="The contract's YAML.")],
    reference_rows: ReferenceRows = None,
    window_rows: WindowRows = None,
    batch: Annotated[int, typer.Option(help="Rows per message.", min=1, max=20_000)] = 500,
    rows_per_day: RowsPerDay = 10_000,
    reject_rate: Annotated[float, typer.Option(help="Share of attempts that gates refuse.", min=0, max=1)] = 0.0,
    fit_seconds: Annotated[float | None, typer.Option(help="What one fit takes; default: no time.", min=0)] = None,
    label_delay: LabelDelay = None,
    change: Change = None,
    shuffle: Annotated[
        bool, typer.Option("--shuffle", help="Replay the rows in random order too, and count what is found there.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw it into this file, .svg or .png.")] = None,
    seed: Annotated[int, typer.Option(help="Of rejections and of the random order.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Replay a history through drift, planner and ledger; nothing is released. Exit 1 where the budget refuses a run.

    The first rows by the contract's time column are the snapshot, the rest stream in.
    """
    from stream_app.backtest.picture import picture
    from stream_app.backtest.replay import Terms, replay
    from stream_app.backtest.summary import summary

    kind = None if plot is None else _format(plot)
    agreed = _agreed(contract, label_delay)
    history = _history(data, agreed, reference_rows, rows_per_day)
    changes = tuple(_row(history, text) for text in change or [])
    terms = Terms(batch, window_rows or _usual_window(), reject_rate, fit_seconds, seed, label_delay or 0)
    replayed = replay(history, agreed, terms, progress_to_stderr)
    mixed = replay(history.shuffled(seed, agreed.time), agreed, terms, progress_to_stderr) if shuffle else None
    found = summary(replayed, changes, mixed)
    if plot is not None and kind is not None:
        write_file(plot, picture(found, replayed, kind))
    emit(found.document(), as_json, lambda: _text(found))
    if found.budget.ran_out is not None:
        no(f"the budget refused a run at {found.budget.ran_out.time}, row {found.budget.ran_out.row}")


def _agreed(contract: Path, label_delay: int | None) -> "Contract":
    found = read_contract_file(contract)
    if label_delay is not None and not found.policy.drift.late_labels:
        raise InputError("--label-delay: the contract does not say that labels come late (drift.late_labels)")
    return found


def _history(data: str, agreed: "Contract", reference_rows: int | None, rows_per_day: int) -> "History":
    from stream_app.adapters.sources import digest_of, read_frame
    from stream_app.backtest.history import history_of

    found = history_of(read_frame(data), agreed, digest_of(data), reference_rows, rows_per_day)
    if not found.timed:
        say(f"no column of dates or times: rows are taken to come at {rows_per_day} a day (--rows-per-day)")
    return found


def _usual_window() -> int:
    from stream_app.settings import Settings

    return int(Settings.model_fields["window_rows"].default)


def _format(plot: Path) -> Literal["svg", "png"]:
    """What the picture will be; refused here, before minutes of replay."""
    from stream_app.backtest.picture import require_plots

    suffix = plot.suffix.lower().removeprefix(".")
    if suffix not in ("svg", "png"):
        raise InputError("--plot wants a file whose name ends in .svg or .png")
    require_plots()
    return cast("Literal['svg', 'png']", suffix)


def _row(history: "History", text: str) -> int:
    """A row of the history by its number or, where rows have times, by one."""
    from datetime import UTC, datetime

    try:
        if text.isdecimal():
            row = int(text)
        else:
            moment = datetime.fromisoformat(text)
            at = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            if not history.timed:
                raise InputError("--change is a row: the contract has no column of dates or times")
            row = history.row_at(int(at.timestamp() * 1000))
    except (ValueError, OverflowError):
        raise InputError("--change wants a row of the history, or a time as 2026-03-01T12:00") from None
    if not history.reference_rows <= row < len(history.frame):
        raise InputError(
            f"--change {text} is not within the rows that stream in: {history.reference_rows} to {len(history.frame)}"
        )
    return row


def _text(found: "Backtest") -> str:
    runs = [each.document() | {"sampled again": each.sampled_again} for each in found.runs]
    shown = [each.document() for each in found.happenings if each.what != "dismissed"]
    more = f"\n({len(shown) - SHOWN} more with --json)" if len(shown) > SHOWN else ""
    return "\n\n".join(
        [
            f"{found.dataset} {found.version}: {found.rows} rows after a snapshot of {found.reference_rows}, "
            f"{found.first} to {found.last}",
            table(runs, ("cause", "runs", "attempts", "sampled again", "certified"), "no run was granted"),
            table(_figures(found), ("figure", "value"), ""),
            table(shown[:SHOWN], ("time", "row", "what", "text"), "nothing happened") + more,
        ]
    )


def _figures(found: "Backtest") -> list[dict[str, str]]:
    budget, alarms, cost = found.budget, found.alarms, found.cost
    ran_out = "" if budget.ran_out is None else f", the first at {budget.ran_out.time}, row {budget.ran_out.row}"
    lines = [
        ("regenerations", str(found.regenerations)),
        ("epsilon", f"{budget.epsilon} of {budget.cap} at delta {budget.delta:g} ({budget.claim} claim)"),
        ("refusals", f"{budget.refusals}{ran_out}"),
        ("drifts found", f"{alarms.found}{_kinds(alarms.kinds)}"),
        ("false alarms", _false(found)),
        *(("known change", _delay(each.row, each.delay)) for each in alarms.changes),
        *(("dismissed", f"{number} × {reason}") for reason, number in found.dismissed.items()),
        *(("deferred", f"{number} × {reason}") for reason, number in found.deferred.items()),
        ("compute", f"{cost.cpu_seconds:g} s of CPU here, {cost.rows_per_cpu_second} rows a second"),
        ("fits", f"{cost.fits}{'' if cost.training_seconds is None else f', {cost.training_seconds:g} s'}"),
        *(("open at the end", text) for text in found.unfinished),
        *(("supposed", text) for text in found.supposed),
    ]
    return [{"figure": name, "value": value} for name, value in lines]


def _kinds(kinds: dict[str, int]) -> str:
    return f": {', '.join(f'{kind} {number}' for kind, number in kinds.items())}" if kinds else ""


def _false(found: "Backtest") -> str:
    text = f"{found.alarms.expected_false:g} expected by the contract's budget"
    if found.alarms.false is not None:
        text += f"; {found.alarms.false} after no known change"
    if (mixed := found.stationary) is not None:
        text += (
            f"; {mixed.drifts} found in the same rows at random order (seed {mixed.seed}), "
            f"with {mixed.drift_runs} runs and epsilon {mixed.epsilon} in all"
        )
    return text


def _delay(row: int, delay: int | None) -> str:
    return f"row {row}: " + ("not found" if delay is None else f"found after {delay} rows")
