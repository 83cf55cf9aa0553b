"""`perennial sample`: rows from a kept model, as often as wanted and at no cost; and how commands write rows."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stream_app.cli.connect import read_contract_file
from stream_app.cli.output import JsonFlag, emit, progress_to_stderr

if TYPE_CHECKING:
    from generators.protocol import FittedModel
    from schemas.contract import Contract, Scalar

ContractOption = Annotated[Path, typer.Option(help="The contract's YAML.")]
WhereOption = Annotated[list[str] | None, typer.Option(help="Fix a value's share, such as late=1:20%; repeatable.")]
OUT_HELP = "Where to write the synthetic rows: .parquet, .csv, .jsonl, .csv.gz or .jsonl.gz."


def sample(
    model: Annotated[Path, typer.Argument(help="A model that `perennial generate --keep-model` wrote.")],
    contract: ContractOption,
    out: Annotated[Path, typer.Option(help=OUT_HELP)],
    rows: Annotated[int | None, typer.Option(min=1, help="Default: as many as the fit counted.")] = None,
    seed: Annotated[int | None, typer.Option(help="Repeats the same rows.")] = None,
    where: WhereOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Sample a kept model again. No row of the source is read and no budget is spent: it is post-processing."""
    import secrets

    from generators.generation import opened
    from generators.sampling.streaming import check_path

    agreed = read_contract_file(contract)
    shares = shares_of(where, agreed)
    check_path(out)
    family, fitted = opened(model.read_bytes(), agreed)
    write_rows(fitted, agreed, family, rows, secrets.randbits(62) if seed is None else seed, out, shares, as_json, {})


def shares_of(where: list[str] | None, contract: "Contract") -> "dict[str, tuple[Scalar, float]] | None":
    """The shares that ``--where`` fixes, or none; raises ``InputError``."""
    from stream_app.cli.where import parse_where

    return {item.column: (item.value, item.share) for item in parse_where(where or [], contract)} or None


def write_rows(
    model: "FittedModel",
    contract: "Contract",
    family: str,
    rows: int | None,
    seed: int,
    out: Path,
    where: "dict[str, tuple[Scalar, float]] | None",
    as_json: bool,
    more: dict[str, Any],
) -> None:
    """Stream rows into a file, and say what was written and what had run on the data before."""
    from generators.sampling.streaming import stream

    done = stream(model, contract, rows or model.rows, seed, out, where, progress=progress_to_stderr)
    told = _told(model, contract) | {"out": str(out), "rows": done.rows, "family": family} | more
    if done.sampling is not None:
        told["sampling"] = done.sampling.document()
    claim = f"epsilon {told['epsilon']} at delta {told['delta']:g}" if told["epsilon"] else "empirical, no epsilon"
    emit(told, as_json, f"{out}: {done.rows} rows by {family}, {claim}{_shaped(told)}")


def _told(model: "FittedModel", contract: "Contract") -> dict[str, Any]:
    from schemas.accounting import epsilon_of
    from schemas.model import epsilon_text

    delta = contract.policy.privacy.delta
    ran = model.mechanisms
    return {
        "epsilon": epsilon_text(epsilon_of(ran, delta)) if ran else None,
        "delta": delta if ran else None,
        "mechanisms": [mechanism.document() for mechanism in ran],
    }


def _shaped(told: dict[str, Any]) -> str:
    """What was done to the drawn rows, a line each."""
    report = told.get("sampling", {})
    lines = [
        f"parity of {item['outcome']} by {item['subgroup']}: difference {item['before']:.3f} before, "
        f"{item['after']:.3f} after"
        for item in report.get("parity", [])
    ]
    if (kept := report.get("anonymity")) is not None:
        lines.append(
            f"k = {kept['smallest_k']}, l = {kept.get('smallest_l', 'not asked')}: "
            f"{kept['generalised']} rows generalised, {kept['suppressed']} suppressed, "
            f"{kept.get('replaced', 0)} of them replaced"
        )
    if report.get("repeated"):
        lines.append(f"{report['repeated']} rows are second copies of a synthetic row: a wished group is very rare")
    return "".join(f"\n  {line}" for line in lines)
