"""What commands need to reach a deployment: its settings, a signing key, a way to send."""

import json
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import ContractError, InputError, TransientError

if TYPE_CHECKING:
    from schemas.contract import Contract
    from schemas.events.commands import CommandSubmitted
    from stream_app.catalogue.view import Catalogue
    from stream_app.settings import Settings

BootstrapOption = Annotated[
    str | None,
    typer.Option("--bootstrap", help="Kafka's address; default: $PERENNIAL_BOOTSTRAP, or what `perennial up` wrote."),
]
HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Where keys, vault and store lie; default: $PERENNIAL_HOME or .perennial.")
]
KeyOption = Annotated[
    Path | None,
    typer.Option("--key", help="Secret key to sign with; default: $PERENNIAL_KEY or the role's key in HOME/keys."),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="Write the signed command here for someone else to `send`, instead of sending it."),
]
CommentOption = Annotated[str | None, typer.Option("--comment", help="A note that is signed along.")]

LIFETIME_MS = 24 * 3_600_000
SMALL = 16 * 1_048_576


def settings_of(bootstrap: str | None = None, home: Path | None = None, **more: Any) -> "Settings":
    """The settings, command line before environment before what `up` wrote into home."""
    given: dict[str, Any] = {
        name: value for name, value in {"bootstrap": bootstrap, "home": home, **more}.items() if value is not None
    }
    found = _settings(given)
    written = found.home / "bootstrap"
    if "bootstrap" not in found.model_fields_set and written.exists():
        found = _settings({**given, "bootstrap": written.read_text(encoding="utf-8").strip()})
    return found


def _settings(given: dict[str, Any]) -> "Settings":
    """Raises ``InputError`` that names the setting at fault."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from schemas.model import faults_of
    from stream_app.settings import Settings

    try:
        return Settings(**given)
    except ValidationError as error:
        raise InputError(f"an option or a PERENNIAL_ variable cannot be used: {faults_of(error)}") from None
    except SettingsError:
        raise InputError("a PERENNIAL_ variable that holds a list is not JSON") from None


def broker_settings(bootstrap: str | None = None, home: Path | None = None) -> "Settings":
    """The settings, once a broker answers there; raises ``InputError``, ``TransientError``."""
    found = settings_of(bootstrap, home)
    require_broker(found.bootstrap)
    return found


def require_broker(bootstrap: str) -> None:
    """Raises ``TransientError`` within seconds where no broker answers; clients would wait for half a minute."""
    from stream_app.adapters.local_kafka import answers

    try:
        found = any(answers(address.strip(), 5.0) for address in bootstrap.split(","))
    except (ValueError, OverflowError):
        raise InputError("the address of Kafka is HOST:PORT, or several of them with commas") from None
    if not found:
        raise TransientError(
            f"no broker answers at {bootstrap}: start one with `perennial up`, or name yours with --bootstrap"
        )


def read_file(path: Path) -> bytes:
    """A small file's bytes; raises ``InputError`` where it cannot be read or is no small file."""
    try:
        if path.stat().st_size > SMALL:
            raise InputError(f"{path} is larger than {SMALL // 1_048_576} MiB: is it the right file?")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None


def write_file(path: Path, body: bytes) -> None:
    """Write a result; raises ``InputError`` where it cannot be written."""
    try:
        path.write_bytes(body)
    except OSError as error:
        hint = "" if path.parent.is_dir() else f": the folder {path.parent} does not exist"
        raise InputError(f"cannot write {path}{hint or f': {error.strerror}'}") from None


def read_contract_file(path: Path) -> "Contract":
    """The contract in a YAML file; raises ``InputError`` or ``ContractError`` that names the field at fault."""
    from schemas.odcs import read_contract

    try:
        return read_contract(read_file(path).decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text in UTF-8") from None


def contract_in_force(dataset: str, bootstrap: str) -> "Contract | None":
    """The newest that was applied to the dataset, or none; raises ``TransientError``."""
    from schemas.events.plans import ContractApplied
    from stream_app.adapters.reader import read_topic

    newest = None
    for message in read_topic(bootstrap, "contracts"):
        if message.key == dataset.encode():
            with suppress(ContractError):
                event = message.event()
                newest = event.contract if isinstance(event, ContractApplied) else newest
    return newest


def catalogue(bootstrap: str | None, home: Path | None) -> "Catalogue":
    """Everything the consumer topics say now."""
    from stream_app.catalogue.view import Catalogue

    return Catalogue.read(broker_settings(bootstrap, home).bootstrap)


def sign(
    document: dict[str, Any], role: str, key: Path | None, settings: "Settings", comment: str | None = None
) -> "CommandSubmitted":
    """The command, signed by a key file; audience, nonce and expiry (a day) are filled in."""
    from schemas.events.commands import read_command
    from stream_app.signing.commands import sign_command
    from stream_app.signing.keys import load_secret

    now = int(time.time() * 1000)
    filled = {
        "audience": settings.deployment,
        "nonce": secrets.token_hex(16),
        "issued_at": now,
        "expires_at": now + LIFETIME_MS,
        "comment": comment,
        **document,
    }
    return sign_command(read_command(filled), load_secret(_key_file(role, key, settings)))


def _key_file(role: str, key: Path | None, settings: "Settings") -> Path:
    found = key or (
        Path(os.environ["PERENNIAL_KEY"]) if "PERENNIAL_KEY" in os.environ else settings.home / "keys" / f"{role}.key"
    )
    if not found.exists():
        raise InputError(
            f"no key to sign with: {found} does not exist; name one with --key, or make one with "
            f"`perennial keys new --role {role} --out {found.parent}`"
        )
    return found


def deliver(submitted: "CommandSubmitted", settings: "Settings", out: Path | None, as_json: bool) -> None:
    """Send a signed command, or write it for someone else to send."""
    from stream_app.cli.output import emit

    if out is not None:
        write_file(out, json.dumps(submitted.document(), indent=1).encode() + b"\n")
        emit(
            {"written": str(out), "command_id": submitted.event_id},
            as_json,
            f"written to {out}; send it with  perennial send {out}",
        )
        return
    send(submitted, settings)
    emit({"sent": submitted.event_id, "target": submitted.target}, as_json, f"sent {submitted.event_id}")


def send(submitted: "CommandSubmitted", settings: "Settings") -> None:
    """Put a signed command on the topic and wait for the broker; raises ``TransientError``."""
    from stream_app.adapters.publisher import Publisher

    require_broker(settings.bootstrap)
    with Publisher(settings.bootstrap, "/people") as publisher:
        publisher.send("commands", submitted)
        publisher.flush()
