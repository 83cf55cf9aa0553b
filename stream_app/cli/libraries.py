"""`perennial generate` and `perennial evaluate`: the libraries, without any broker."""

from pathlib import Path
from typing import Annotated

import typer

from stream_app.cli.connect import read_file
from stream_app.cli.output import JsonFlag, emit, progress_to_stderr, table

Contract = Annotated[Path, typer.Option(help="The contract's YAML.")]


def generate(
    data: Annotated[str, typer.Option(help="Real rows: CSV, Parquet or JSON lines.")],
    contract: Contract,
    out: Annotated[Path, typer.Option(help="Where to write the synthetic rows (Parquet).")],
    family: Annotated[str, typer.Option(help="The generator's family.")] = "private_marginals",
    rows: Annotated[int | None, typer.Option(min=1, help="Default: as many as the data has.")] = None,
    seed: Annotated[
        int,
        typer.Option(
            help="Repeats the same table. Anyone who knows it can remove the noise: keep it secret, or leave it out."
        ),
    ] = -1,
    where: Annotated[
        list[str] | None, typer.Option(help="Fix the share of a value, such as late=1:20%; may be repeated.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Fit a generator on a file and sample from it. Nothing is charged to a ledger: the mechanisms that ran are
    printed.
    """
    import secrets

    from generators.run import generate_file
    from schemas.odcs import read_contract
    from stream_app.adapters.sources import read_frame
    from stream_app.cli.where import parse_where

    agreed = read_contract(read_file(contract).decode("utf-8", errors="replace"))
    key = secrets.token_bytes(32) if seed < 0 else seed.to_bytes(32, "big")
    shares = {item.column: (item.value, item.share) for item in parse_where(where or [], agreed)} or None
    made = generate_file(read_frame(data), agreed, family, rows, key, out, where=shares, progress=progress_to_stderr)
    emit(
        made,
        as_json,
        f"{out}: {made['rows']} rows by {made['family']}, epsilon {made['epsilon'] or 'none (empirical)'}",
    )


def evaluate(
    real: Annotated[str, typer.Option(help="The rows that the generator was fitted on.")],
    holdout: Annotated[str, typer.Option(help="Real rows that it never saw.")],
    synthetic: Annotated[str, typer.Option(help="The synthetic rows.")],
    contract: Contract,
    reference: Annotated[
        str | None, typer.Option(help="More unseen rows, for the attacker; default: half of the holdout.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Repeats the same subsamples.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Hold a synthetic table against the contract's limits. Exit 0 PASS; 1 FAIL, INSUFFICIENT or INVALID; 2 an error."""
    from schemas.odcs import read_contract
    from stream_app.adapters.sources import read_frame
    from validators.evaluate import evaluate as measure

    agreed = read_contract(read_file(contract).decode("utf-8", errors="replace"))
    tables = [read_frame(uri) for uri in (real, holdout, synthetic)]
    found = measure(*tables, agreed, seed=seed, reference=None if reference is None else read_frame(reference))
    findings = [finding.document() for finding in found.findings]
    columns = ("gate", "metric", "value", "interval", "limit", "verdict", "reason")
    emit(
        {"verdict": found.verdict, "findings": findings},
        as_json,
        lambda: f"{table(findings, columns, 'nothing measured')}\n\n{found.verdict}",
    )
    raise typer.Exit(0 if found.verdict == "PASS" else 1)
