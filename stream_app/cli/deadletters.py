"""`perennial dlq ...`: messages that no station could use, and their replay."""

from typing import Annotated

import typer

from schemas.errors import InputError
from stream_app.cli.connect import BootstrapOption, HomeOption, broker_settings, catalogue
from stream_app.cli.output import JsonFlag, emit, table

app = typer.Typer(help="Dead letters: where a message stands that no station could use, and why.", no_args_is_help=True)


@app.command("list")
def list_letters(bootstrap: BootstrapOption = None, home: HomeOption = None, as_json: JsonFlag = False) -> None:
    """Every dead letter."""
    letters = catalogue(bootstrap, home).dead.values()
    rows = [
        {
            "id": letter.event_id,
            "station": letter.station,
            "topic": letter.topic,
            "partition": letter.partition,
            "offset": letter.offset,
            "error": letter.error,
            "reason": letter.reason,
        }
        for letter in letters
    ]
    emit(
        rows,
        as_json,
        lambda: table(rows, ("id", "station", "topic", "partition", "offset", "error", "reason"), "no dead letters"),
    )


@app.command()
def replay(
    letter: Annotated[str, typer.Argument(help="The dead letter's id.")],
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Send the message again, as it stands, to the topic that it came from."""
    from stream_app.adapters.replaying import replay as send_again

    found = catalogue(bootstrap, home).dead.get(letter)
    if found is None:
        raise InputError(f"no dead letter {letter}: see `perennial dlq list`")
    send_again(broker_settings(bootstrap, home).bootstrap, found)
    emit({"replayed": letter, "topic": found.topic}, as_json, f"sent again to {found.topic}")
