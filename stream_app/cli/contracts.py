"""`perennial contract ...`: draft, apply and show contracts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import InputError
from stream_app.cli.connect import BootstrapOption, HomeOption, catalogue, read_contract_file, write_file
from stream_app.cli.output import JsonFlag, emit, say
from stream_app.cli.signed import signed

if TYPE_CHECKING:
    from schemas.contract import Contract

app = typer.Typer(help="Contracts: columns, public domains and policy of a dataset.", no_args_is_help=True)


@app.command()
def draft(
    data: Annotated[str, typer.Argument(help="CSV, Parquet or JSON lines, as a path or an fsspec URL.")],
    dataset: Annotated[str, typer.Option(help="The dataset's name.")],
    out: Annotated[Path, typer.Option(help="Where to write the YAML.")],
    target: Annotated[str | None, typer.Option(help="The column that models predict.")] = None,
    entity: Annotated[
        str | None, typer.Option(help="The column that names whose rows these are: the privacy unit.")
    ] = None,
    time: Annotated[str | None, typer.Option(help="The column that orders rows.")] = None,
    subgroup: Annotated[
        list[str] | None, typer.Option(help="A column whose groups are watched apart; may be repeated.")
    ] = None,
    epsilon: Annotated[float | None, typer.Option(help="Epsilon of one release.")] = None,
    public_domains: Annotated[
        bool, typer.Option("--public-domains", help="State that the domains seen in the file are public knowledge.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a contract from a file, for a person to edit; comments explain each choice."""
    from schemas.draft import draft as write_draft
    from stream_app.adapters.sources import read_frame

    drafted = write_draft(
        read_frame(data),
        dataset,
        target=target,
        entity=entity,
        time=time,
        subgroups=tuple(subgroup or ()),
        epsilon=epsilon,
        public_domains=public_domains,
    )
    write_file(out, drafted.text.encode())
    _tell_of(drafted.contract, out, as_json)


def _tell_of(drafted: "Contract", out: Path, as_json: bool) -> None:
    if drafted.unconfirmed:
        say(
            f"{len(drafted.unconfirmed)} domains were only seen in the file: confirm them (confirmed: true) before a "
            "formal claim, or draft with --public-domains."
        )
    emit(
        {
            "contract": str(out),
            "dataset": drafted.dataset,
            "columns": len(drafted.columns),
            "unconfirmed": list(drafted.unconfirmed),
        },
        as_json,
        f"{out}: dataset {drafted.dataset}, {len(drafted.columns)} columns",
    )


@app.command()
@signed("owner")
def apply(file: Annotated[Path, typer.Argument(help="The contract's YAML.")]) -> dict[str, Any]:
    """Put a contract in force, by a signed command of the data's owner."""
    contract = read_contract_file(file)
    return {"command": "apply_contract", "dataset": contract.dataset, "contract": contract.document()}


@app.command()
def show(
    dataset: Annotated[str, typer.Argument(help="The dataset.")],
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the contract in force."""
    from schemas.odcs import write_contract

    found = catalogue(bootstrap, home).contracts.get(dataset)
    if found is None:
        raise InputError(f"no contract is in force for {dataset}: apply one with `perennial contract apply FILE`")
    emit(
        {"digest": found.contract_digest, "contract": found.contract.document()},
        as_json,
        lambda: write_contract(found.contract),
    )
