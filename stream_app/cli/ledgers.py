"""`perennial ledger ...`: the privacy budget, shown and re-added."""

from pathlib import Path
from typing import Annotated

import typer

from stream_app.cli import orders
from stream_app.cli.connect import BootstrapOption, HomeOption, catalogue, settings_of
from stream_app.cli.output import JsonFlag, emit, no, say, table

app = typer.Typer(help="The privacy budget: every epsilon ever spent.", no_args_is_help=True)
app.command("set-cap")(orders.set_cap)


@app.command()
def show(scope: Annotated[str | None, typer.Argument(help="One scope; default: all.")] = None, bootstrap: BootstrapOption = None,
         home: HomeOption = None, as_json: JsonFlag = False) -> None:
    """Every line of the ledger."""
    lines = [line for line in catalogue(bootstrap, home).ledger.values() if scope in (None, line.scope)]
    rows = [{"scope": line.scope, "line": line.sequence, "what": type(line).__name__, "run": line.run_id or "", "attempt": line.attempt or "",
             "before": line.epsilon_before, "after": line.epsilon_after, "cap": line.cap_epsilon}
            for line in sorted(lines, key=lambda line: (line.scope, line.sequence))]
    emit(rows, as_json, lambda: table(rows, ("scope", "line", "what", "run", "attempt", "before", "after", "cap"), "no lines yet"))


@app.command()
def verify(file: Annotated[Path | None, typer.Argument(help="A ledger file, as `ledger export` and the demo write it; default: the broker.")] = None,
           bootstrap: BootstrapOption = None, home: HomeOption = None, as_json: JsonFlag = False) -> None:
    """Re-add the ledger from its log. Exit 0 where every line agrees, 1 naming the records that do not."""
    from stream_app.adapters.ledger_file import audit_broker, audit_file

    audit = audit_file(file) if file is not None else audit_broker(settings_of(bootstrap, home).bootstrap)
    emit(audit.document(), as_json, lambda: audit.text())
    if not audit.ok:
        for fault in audit.faults:
            say(fault.text())
        no("the ledger does not agree with its log")


@app.command()
def export(out: Annotated[Path, typer.Option(help="Where to write the JSON lines.")], bootstrap: BootstrapOption = None,
           home: HomeOption = None, as_json: JsonFlag = False) -> None:
    """Write log and ledger to a file that `ledger verify FILE` re-adds without a broker."""
    from stream_app.adapters.ledger_file import export_ledger

    lines = export_ledger(settings_of(bootstrap, home).bootstrap, out)
    emit({"file": str(out), "lines": lines}, as_json, f"{out}: {lines} lines")
