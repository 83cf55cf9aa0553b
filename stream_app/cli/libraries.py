"""`perennial generate` and `perennial evaluate`: the libraries, without any broker."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import InputError, MissingExtra
from stream_app.cli.connect import read_contract_file, write_file
from stream_app.cli.output import JsonFlag, emit, no, progress_to_stderr, table
from stream_app.cli.sampling import OUT_HELP, ContractOption, WhereOption, shares_of, write_rows

if TYPE_CHECKING:
    import pandas as pd

    from schemas.contract import Contract
    from validators.evaluate import Evaluation
    from validators.protocol import Evidence

SEED_HELP = (
    "Repeats the same table and noise. Whoever knows it can take the noise away: keep it secret, or leave it out."
)


def generate(
    contract: ContractOption,
    out: Annotated[Path, typer.Option(help=OUT_HELP)],
    data: Annotated[str | None, typer.Option(help="Real rows: CSV, Parquet or JSON lines. `rules` needs none.")] = None,
    family: Annotated[str, typer.Option(help="The generator's family.")] = "dp-marginals",
    rows: Annotated[
        int | None, typer.Option(min=1, help="Default: as many as the fit counted (under a formal claim, with noise).")
    ] = None,
    seed: Annotated[int | None, typer.Option(help=SEED_HELP)] = None,
    where: WhereOption = None,
    keep_model: Annotated[
        Path | None, typer.Option(help="Keep the fitted model here: `perennial sample` draws from it again.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Fit a generator on a file and sample from it, in as much memory for ten million rows as for a hundred thousand.
    `--family rules` makes test data from the contract alone, with `--rows` and no `--data`. Nothing is charged to a
    ledger: the mechanisms that ran are printed.
    """
    import secrets

    from generators.generation import fit
    from generators.protocol import FitFailed
    from generators.sampling.streaming import check_path

    agreed = read_contract_file(contract)
    shares = shares_of(where, agreed)
    check_path(out)
    typed = _rows_of(data, agreed, family, rows)
    drawn_by = secrets.randbits(62) if seed is None else seed
    secret = secrets.token_bytes(32) if seed is None else None
    made = fit(typed, agreed, family, drawn_by, progress=progress_to_stderr, secret=secret, announced=len(typed))
    if isinstance(made, FitFailed):
        no(f"{made.outcome}: {made.detail}")
    if keep_model is not None:
        write_file(keep_model, made.model.to_bytes())
    write_rows(made.model, agreed, family, rows, drawn_by, out, shares, as_json, {"seconds": round(made.seconds, 3)})


def _rows_of(data: str | None, contract: "Contract", family: str, rows: int | None) -> "pd.DataFrame":
    """The typed rows of a file, or an empty table where the family reads none; raises ``InputError``."""
    import pandas as pd

    from generators.registry import entry
    from schemas.table import conform
    from stream_app.adapters.sources import read_frame

    if data is not None:
        return conform(read_frame(data), contract, roles=("modelled", "entity")).table
    if entry(family).fidelity != "none":
        raise InputError(f"{family} learns from rows: name them with --data")
    if rows is None:
        raise InputError("without --data nobody knows how many rows are wanted: say so with --rows")
    return pd.DataFrame()


def evaluate(
    real: Annotated[str, typer.Option(help="The rows that the generator was fitted on.")],
    holdout: Annotated[str, typer.Option(help="Real rows that it never saw.")],
    synthetic: Annotated[str, typer.Option(help="The synthetic rows.")],
    contract: ContractOption,
    reference: Annotated[
        str | None, typer.Option(help="More unseen rows, for the attacker; default: a quarter of the holdout.")
    ] = None,
    related: Annotated[
        list[str] | None, typer.Option(help="Another released table that this one refers to, as name=FILE; repeatable.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write a self-contained page with plots (HTML) here.")] = None,
    seed: Annotated[int, typer.Option(help="Repeats the same subsamples.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Hold a synthetic table against the contract's limits. Exit 0 PASS; 1 FAIL, INSUFFICIENT, INVALID; 2 an error."""
    from stream_app.adapters.sources import read_frame
    from validators.evaluate import evidence_of, judged

    agreed = read_contract_file(contract)
    spare = None if reference is None else read_frame(reference)
    others = {name: read_frame(place) for name, place in map(_related, related or [])}
    if report is not None:
        _require_report()
    evidence = evidence_of(
        read_frame(real), read_frame(holdout), read_frame(synthetic), agreed, seed, reference=spare, related=others
    )
    told = _Told()
    found = judged(evidence, told.measured)
    if report is not None:
        write_file(report, _page(evidence, found).encode())
    columns = ("gate", "metric", "value", "interval", "limit", "verdict", "reason")
    rows = [finding.document() for finding in found.findings]
    emit(found.document(), as_json, lambda: f"{table(rows, columns, 'nothing measured')}\n\n{found.verdict}")
    raise typer.Exit(0 if found.verdict == "PASS" else 1)


class _Told:
    """Tells of each measure as it is done, and what share of them."""

    def __init__(self) -> None:
        from validators.registry import VALIDATORS

        self._done, self._all = 0, len(VALIDATORS)

    def measured(self, metric: str, seconds: float) -> None:
        self._done += 1
        progress_to_stderr(min(1.0, self._done / self._all), f"{metric} measured in {seconds:.1f} s")


def _related(text: str) -> tuple[str, str]:
    name, equals, place = text.partition("=")
    if not (name and equals and place):
        raise InputError("--related wants name=FILE, such as customers=customers.parquet")
    return name, place


def _require_report() -> None:
    """Before minutes of measuring, not after."""
    import importlib.util

    if any(importlib.util.find_spec(name) is None for name in ("jinja2", "matplotlib")):
        raise MissingExtra("a report with plots", "report")


def _page(evidence: "Evidence", found: "Evaluation") -> str:
    from validators.report.page import page
    from validators.report.pictures import pictures

    sides = {"synthetic": evidence.synthetic, "train": evidence.train, "holdout": evidence.holdout}
    samples = {side: len(rows) for side, rows in sides.items()}
    return page(evidence.contract, found.findings, pictures(evidence, found.findings), samples)
