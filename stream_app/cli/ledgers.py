"""`perennial ledger ...`: the privacy budget, shown and re-added."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import InputError
from stream_app.cli import orders
from stream_app.cli.connect import BootstrapOption, HomeOption, broker_settings, catalogue
from stream_app.cli.output import JsonFlag, emit, no, say, table

if TYPE_CHECKING:
    from stream_app.core.audit import ScopeSummary
    from stream_app.settings import Settings
    from stream_app.signing.trust import Trust

app = typer.Typer(help="The privacy budget: every epsilon ever spent.", no_args_is_help=True)
app.command("set-cap")(orders.set_cap)


@app.command()
def show(
    scope: Annotated[str | None, typer.Argument(help="One scope; default: all.")] = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Every line of the ledger."""
    lines = [line for line in catalogue(bootstrap, home).ledger.values() if scope in (None, line.scope)]
    rows = [
        {
            "scope": line.scope,
            "line": line.sequence,
            "what": type(line).__name__,
            "run": line.run_id or "",
            "attempt": line.attempt or "",
            "before": line.epsilon_before,
            "after": line.epsilon_after,
            "cap": line.cap_epsilon,
        }
        for line in sorted(lines, key=lambda line: (line.scope, line.sequence))
    ]
    emit(
        rows,
        as_json,
        lambda: table(rows, ("scope", "line", "what", "run", "attempt", "before", "after", "cap"), "no lines yet"),
    )


@app.command()
def verify(
    file: Annotated[
        Path | None,
        typer.Argument(help="A ledger file, as `ledger export` and the demo write it; default: the broker."),
    ] = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Re-add the ledger from its log. Exit 0 where every line agrees, 1 naming the records that do not."""
    from stream_app.adapters.ledger_file import audit_broker, audit_file

    if file is not None:
        audit = audit_file(file)
    else:
        settings = broker_settings(bootstrap, home)
        audit = audit_broker(settings.bootstrap, _trust(settings))
    if audit.ok and not audit.scopes:
        raise InputError("there is no ledger here: not one line to verify")
    emit(
        {
            "ok": audit.ok,
            "scopes": [asdict(scope) for scope in audit.scopes],
            "faults": [asdict(fault) for fault in audit.faults],
        },
        as_json,
        lambda: "\n".join(_scope(scope) for scope in audit.scopes),
    )
    if not audit.ok:
        for fault in audit.faults:
            say(f"{f'line {fault.line}: ' if fault.line else ''}{fault.where} {fault.record}: {fault.what}")
        no("the ledger does not agree with its log")
    say("every line follows from the log")


def _scope(scope: "ScopeSummary") -> str:
    return (
        f"{scope.scope}: epsilon {scope.epsilon} of {scope.cap_epsilon} at delta {scope.delta:g}; "
        f"{scope.grants} grants, {scope.refusals} refusals, "
        f"{scope.lines} lines, head {scope.head[:16]}"
    )


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="Where to write the JSON lines.")],
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write log and ledger to a file that `ledger verify FILE` re-adds without a broker."""
    from stream_app.adapters.ledger_file import export_ledger

    settings = broker_settings(bootstrap, home)
    lines, head = export_ledger(settings.bootstrap, out, _trust(settings))
    emit({"file": str(out), "lines": lines, "head": head}, as_json, f"{out}: {lines} lines, head {head}")


def _trust(settings: "Settings") -> "Trust | None":
    """The trust root, where this machine has it: then commands in the log are believed as the stations believe them."""
    from stream_app.signing.deployment import load_trust

    if settings.trust_file.exists():
        return load_trust(settings.trust_file)
    say("no trust root in HOME: signatures of the commands in the log are not checked")
    return None
