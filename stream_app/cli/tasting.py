"""`perennial contract bakeoff`: which family of generators comes closest on a sample, before one is chosen."""

from typing import Annotated, Any

import typer

from stream_app.cli.connect import read_contract_file
from stream_app.cli.output import JsonFlag, emit, no, progress_to_stderr, table
from stream_app.cli.sampling import ContractOption

COLUMNS = ("family", "verdict", "distance", "seconds", "reason")


def bakeoff(
    data: Annotated[str, typer.Option(help="Real rows: CSV, Parquet or JSON lines.")],
    contract: ContractOption,
    family: Annotated[
        list[str] | None, typer.Option(help="A family to try, repeatable; default: all that the choice would take.")
    ] = None,
    rows: Annotated[int, typer.Option(min=200, help="Rows of the sample; half of them are kept unseen.")] = 4_000,
    seed: Annotated[int, typer.Option(help="Repeats the same sample and fits.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Fit the families that suit a contract to a sample, and say how far each is from rows that none has seen.

    The distance is the mean total variation of pair tables, in excess of what two real samples differ by. Only under an
    empirical claim: nobody pays for this look. Exit 1 where no family could be tried.
    """
    from dataclasses import asdict

    from generators.bakeoff import compared
    from schemas.table import conform
    from stream_app.adapters.sources import read_frame

    agreed = read_contract_file(contract)
    typed = conform(read_frame(data), agreed, roles=("modelled", "entity")).table
    found = compared(typed, agreed, family or [], seed, rows, progress_to_stderr)
    told: list[dict[str, Any]] = [asdict(one) for one in found]
    shown = [{name: "" if value is None else value for name, value in row.items()} for row in told]
    emit({"families": told}, as_json, lambda: table(shown, COLUMNS, "no family suits this contract"))
    if not any(one.verdict == "tasted" for one in found):
        no("no family could be tried")
