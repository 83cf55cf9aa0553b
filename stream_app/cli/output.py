"""How commands speak: results on stdout as text or JSON, everything else on stderr, exit 0 yes, 1 no, 2 error."""

import json
import math
import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document (or JSON lines) instead of text.")]


def emit(result: Any, as_json: bool, text: str | Callable[[], str]) -> None:
    """Print the result once, for a program or for a person."""
    if as_json:
        typer.echo(_json(result))
    else:
        typer.echo(text() if callable(text) else text)


def _json(result: Any) -> str:
    """A figure that is not finite is null: JSON has no name for it."""
    try:
        return json.dumps(result, default=str, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(result), default=str, ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def table(rows: list[dict[str, Any]], columns: tuple[str, ...], empty: str) -> str:
    """Rows as aligned columns; ``empty`` where there are none."""
    if not rows:
        return empty
    cells = [[str(row.get(column, "")) for column in columns] for row in rows]
    widths = [max(len(column), *(len(line[at]) for line in cells)) for at, column in enumerate(columns)]
    lines = [columns, *cells]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def say(text: str) -> None:
    """A line for the person, on stderr."""
    typer.echo(text, err=True)


def progress_to_stderr(
    fraction: float, message: str, /, *, step: int = 0, of: int = 0, epsilon: float | None = None
) -> None:
    """A progress line that overwrites itself on a terminal, and is plain elsewhere."""
    message += f", step {step} of {of}" if of else ""
    message += f", epsilon {epsilon:.3g} so far" if epsilon is not None else ""
    if sys.stderr.isatty():
        typer.echo(f"\r\x1b[K{fraction:4.0%} {message}", err=True, nl=fraction >= 1)
    else:
        typer.echo(f"{fraction:4.0%} {message}", err=True)


def no(reason: str) -> NoReturn:
    """The verdict is no: say why and exit 1."""
    say(reason)
    raise typer.Exit(1)
