"""What every command that changes something has in common: a signature, and a way to its topic or into a file."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stream_app.cli.connect import (
    BootstrapOption,
    CommentOption,
    HomeOption,
    KeyOption,
    OutOption,
    deliver,
    settings_of,
    sign,
)
from stream_app.cli.output import JsonFlag

SHARED: dict[str, tuple[Any, Any]] = {
    "key": (KeyOption, None),
    "out": (OutOption, None),
    "bootstrap": (BootstrapOption, None),
    "home": (HomeOption, None),
    "comment": (CommentOption, None),
    "as_json": (JsonFlag, False),
}


def signed(role: str) -> Callable[[Callable[..., dict[str, Any]]], Callable[..., None]]:
    """Turn a function that makes a command's document into a command of the command line.

    It takes the function's own parameters and those in ``SHARED``; ``role`` is whose key signs unless ``--key`` names
    another. The document lacks audience, nonce and times, which are filled in.
    """

    def wrap(document_of: Callable[..., dict[str, Any]]) -> Callable[..., None]:
        def command(**given: Any) -> None:
            shared = {name: given.pop(name) for name in SHARED}
            submit(document_of(**given), role, **shared)

        own = inspect.signature(document_of, eval_str=True).parameters.values()
        kind = inspect.Parameter.KEYWORD_ONLY
        added = [
            inspect.Parameter(name, kind, default=default, annotation=option)
            for name, (option, default) in SHARED.items()
        ]
        # Typer reads a command's parameters from its signature and its annotations.
        command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [*(parameter.replace(kind=kind) for parameter in own), *added]
        )
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *added]}
        command.__name__, command.__doc__ = document_of.__name__, document_of.__doc__
        return command

    return wrap


def submit(
    document: dict[str, Any],
    role: str,
    key: Path | None,
    out: Path | None,
    bootstrap: str | None,
    home: Path | None,
    comment: str | None,
    as_json: bool,
) -> None:
    """Sign and deliver one command."""
    settings = settings_of(bootstrap, home)
    deliver(sign(document, role, key, settings, comment), settings, out, as_json)
