"""`perennial keys ...`: signing keys and the trust root that names them."""

import time
from pathlib import Path
from typing import Annotated

import typer

from stream_app.cli.connect import HomeOption, settings_of
from stream_app.cli.output import JsonFlag, emit

app = typer.Typer(help="Keys: one for each role, named by a signed trust root.", no_args_is_help=True)


@app.callback()
def _keys() -> None:
    """Keys: one for each role, named by a signed trust root."""


@app.command()
def new(
    role: Annotated[
        str | None,
        typer.Option(
            help="Make one key of this role: owner, operator, privacy_officer, legal, responder, ci, service, root."
        ),
    ] = None,
    deployment: Annotated[
        bool, typer.Option("--deployment", help="Make a key of every role, and the trust root, in HOME.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the key files; default: HOME/keys.")] = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a key pair (Ed25519, PEM), or the keys of a whole deployment."""
    from schemas.errors import InputError
    from stream_app.signing.deployment import new_deployment
    from stream_app.signing.keys import load_public, new_key
    from stream_app.signing.trust import ROLES

    settings = settings_of(None, home)
    if deployment == (role is not None):
        raise InputError("say either --role ROLE for one key, or --deployment for the keys of a new deployment")
    if role is not None:
        if role not in ROLES:
            raise InputError(f"no role is called {role}; there are {', '.join(ROLES)}")
        secret, public = new_key(role, out or settings.home / "keys")
        emit(
            {"secret": secret, "public": public, "keyid": load_public(public).keyid},
            as_json,
            f"{secret} (keep it secret)\n{public}",
        )
        return
    trust = new_deployment(settings.home, settings.deployment, int(time.time() * 1000))
    emit(
        {"trust": str(settings.trust_file), "roles": {name: list(held) for name, held in trust.roles.items()}},
        as_json,
        f"{settings.trust_file} and a key of each role in {settings.home / 'keys'}: "
        "hand the keys out, and move root.key offline",
    )
