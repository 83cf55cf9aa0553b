"""`perennial demo`: the whole story on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from stream_app.cli.output import JsonFlag


def demo(
    data: Annotated[
        str | None, typer.Option(help="Your own CSV or Parquet file; default: the flights of New York, 2013.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="The column that models predict (with --data).")] = None,
    time: Annotated[str | None, typer.Option(help="The column that orders rows (with --data).")] = None,
    entity: Annotated[
        str | None, typer.Option(help="The column that names whose rows these are (with --data).")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where everything it makes stays.")] = Path("perennial-demo"),
    as_json: JsonFlag = False,
) -> None:
    """Watch a release be born, certified, attacked, revoked and restored, on real data. Exit 0 told to the end, 1 a
    step failed.
    """
    from stream_app.demo.run import run_demo

    raise typer.Exit(run_demo(data=data, target=target, time=time, entity=entity, out=out, as_json=as_json))
