"""Commands that change something: each signs one document and sends it, or writes it for someone else to send."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from stream_app.cli.connect import (
    BootstrapOption,
    CommentOption,
    HomeOption,
    KeyOption,
    OutOption,
    deliver,
    read_file,
    settings_of,
    submit,
)
from stream_app.cli.output import JsonFlag

Dataset = Annotated[str, typer.Argument(help="The dataset.")]
Release = Annotated[str, typer.Argument(help="The release's id, as `perennial release list` shows it.")]
Reason = Literal["privacy", "utility", "schema", "source_withdrawn", "key_compromise"]
MaybeRelease = Annotated[str | None, typer.Option("--release", help="One release; default: the whole dataset.")]


def approve(
    dataset: Dataset,
    release: Release,
    key: KeyOption = None,
    out: OutOption = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    comment: CommentOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Approve a release that awaits it (privacy officer, legal, or owner, as its tier says)."""
    submit(
        {"command": "approve", "dataset": dataset, "release_id": release},
        "privacy_officer",
        key,
        out,
        bootstrap,
        home,
        comment,
        as_json,
    )


def reject(
    dataset: Dataset,
    release: Release,
    key: KeyOption = None,
    out: OutOption = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    comment: CommentOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Refuse a release that awaits approval."""
    submit(
        {"command": "reject", "dataset": dataset, "release_id": release},
        "privacy_officer",
        key,
        out,
        bootstrap,
        home,
        comment,
        as_json,
    )


def freeze(
    dataset: Dataset,
    release: MaybeRelease = None,
    key: KeyOption = None,
    out: OutOption = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    comment: CommentOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Hold a release or a whole dataset: nothing opens it, no run starts."""
    submit(
        {"command": "freeze", "dataset": dataset, "release_id": release},
        "responder",
        key,
        out,
        bootstrap,
        home,
        comment,
        as_json,
    )


def unfreeze(
    dataset: Dataset,
    release: MaybeRelease = None,
    key: KeyOption = None,
    out: OutOption = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    comment: CommentOption = None,
    as_json: JsonFlag = False,
) -> None:
    """End a freeze."""
    submit(
        {"command": "unfreeze", "dataset": dataset, "release_id": release},
        "responder",
        key,
        out,
        bootstrap,
        home,
        comment,
        as_json,
    )


def revoke(
    dataset: Dataset,
    release: Release,
    reason: Annotated[Reason, typer.Option(help="Why; it stands in the release's status.")] = "privacy",
    key: KeyOption = None,
    out: OutOption = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    comment: CommentOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Forbid a release for ever; the last good one is restored."""
    submit(
        {"command": "revoke", "dataset": dataset, "release_id": release, "reason": reason},
        "responder",
        key,
        out,
        bootstrap,
        home,
        comment,
        as_json,
    )


def rollback(
    dataset: Dataset,
    release: Release,
    key: KeyOption = None,
    out: OutOption = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    comment: CommentOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make an older good release the current one."""
    submit(
        {"command": "roll_back", "dataset": dataset, "release_id": release},
        "responder",
        key,
        out,
        bootstrap,
        home,
        comment,
        as_json,
    )


def retire(
    dataset: Dataset,
    release: Release,
    key: KeyOption = None,
    out: OutOption = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    comment: CommentOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take a release out of use, in good standing."""
    submit(
        {"command": "retire", "dataset": dataset, "release_id": release},
        "operator",
        key,
        out,
        bootstrap,
        home,
        comment,
        as_json,
    )


def close_review(
    dataset: Dataset,
    incident: Annotated[str, typer.Argument(help="The incident's id.")],
    key: KeyOption = None,
    out: OutOption = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    comment: CommentOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Close an incident after its review."""
    submit(
        {"command": "close_review", "dataset": dataset, "incident_id": incident},
        "responder",
        key,
        out,
        bootstrap,
        home,
        comment,
        as_json,
    )


def grant(
    dataset: Dataset,
    key: KeyOption = None,
    out: OutOption = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    comment: CommentOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Let runs read the dataset's source again."""
    submit({"command": "grant_access", "dataset": dataset}, "owner", key, out, bootstrap, home, comment, as_json)


def withdraw(
    dataset: Dataset,
    key: KeyOption = None,
    out: OutOption = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    comment: CommentOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Forbid runs to read the dataset's source; a run in flight is cancelled."""
    submit({"command": "withdraw_access", "dataset": dataset}, "owner", key, out, bootstrap, home, comment, as_json)


def set_cap(
    scope: Annotated[str, typer.Argument(help="The budget scope.")],
    epsilon: Annotated[str, typer.Argument(help="The new cap.")],
    delta: Annotated[float, typer.Option(help="At this delta.")] = 1e-5,
    key: KeyOption = None,
    out: OutOption = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    comment: CommentOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Set the cap of a budget scope, over what contracts declare."""
    submit(
        {"command": "set_cap", "scope": scope, "epsilon": epsilon, "delta": delta},
        "privacy_officer",
        key,
        out,
        bootstrap,
        home,
        comment,
        as_json,
    )


def send_file(
    file: Annotated[Path, typer.Argument(help="A signed command that --out wrote.")],
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Send a command that someone else signed."""
    from schemas.events.commands import CommandSubmitted

    deliver(CommandSubmitted.from_bytes(read_file(file)), settings_of(bootstrap, home), None, as_json)
