"""Commands that change something: each makes one document, which is signed and sent, or written for someone to send."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from stream_app.cli.connect import BootstrapOption, HomeOption, deliver, read_file, settings_of
from stream_app.cli.output import JsonFlag
from stream_app.cli.signed import signed

Dataset = Annotated[str, typer.Argument(help="The dataset.")]
Release = Annotated[str, typer.Argument(help="The release's id, as `perennial release list` shows it.")]
MaybeRelease = Annotated[str | None, typer.Option("--release", help="One release; default: the whole dataset.")]
Reason = Literal["privacy", "utility", "schema", "source_withdrawn", "key_compromise"]


@signed("privacy_officer")
def approve(dataset: Dataset, release: Release) -> dict[str, Any]:
    """Approve a release that awaits it (privacy officer, legal, or owner, as its tier says)."""
    return {"command": "approve", "dataset": dataset, "release_id": release}


@signed("privacy_officer")
def reject(dataset: Dataset, release: Release) -> dict[str, Any]:
    """Refuse a release that awaits approval."""
    return {"command": "reject", "dataset": dataset, "release_id": release}


@signed("responder")
def freeze(dataset: Dataset, release: MaybeRelease = None) -> dict[str, Any]:
    """Hold a release or a whole dataset: nothing opens it, no run starts."""
    return {"command": "freeze", "dataset": dataset, "release_id": release}


@signed("responder")
def unfreeze(dataset: Dataset, release: MaybeRelease = None) -> dict[str, Any]:
    """End a freeze."""
    return {"command": "unfreeze", "dataset": dataset, "release_id": release}


@signed("responder")
def revoke(
    dataset: Dataset, release: Release, reason: Annotated[Reason, typer.Option(help="Why.")] = "privacy"
) -> dict[str, Any]:
    """Forbid a release for ever; the last good one is restored."""
    return {"command": "revoke", "dataset": dataset, "release_id": release, "reason": reason}


@signed("responder")
def rollback(dataset: Dataset, release: Release) -> dict[str, Any]:
    """Make an older good release the current one."""
    return {"command": "roll_back", "dataset": dataset, "release_id": release}


@signed("operator")
def retire(dataset: Dataset, release: Release) -> dict[str, Any]:
    """Take a release out of use, in good standing."""
    return {"command": "retire", "dataset": dataset, "release_id": release}


@signed("responder")
def close_review(
    dataset: Dataset, incident: Annotated[str, typer.Argument(help="The incident's id.")]
) -> dict[str, Any]:
    """Close an incident after its review."""
    return {"command": "close_review", "dataset": dataset, "incident_id": incident}


@signed("owner")
def grant(dataset: Dataset) -> dict[str, Any]:
    """Let runs read the dataset's source again."""
    return {"command": "grant_access", "dataset": dataset}


@signed("owner")
def withdraw(dataset: Dataset) -> dict[str, Any]:
    """Forbid runs to read the dataset's source; a run in flight is cancelled."""
    return {"command": "withdraw_access", "dataset": dataset}


@signed("privacy_officer")
def set_cap(
    scope: Annotated[str, typer.Argument(help="The budget scope.")],
    epsilon: Annotated[str, typer.Argument(help="The new cap.")],
    delta: Annotated[float, typer.Option(help="At this delta.")] = 1e-5,
) -> dict[str, Any]:
    """Set the cap of a budget scope, over what contracts declare."""
    return {"command": "set_cap", "scope": scope, "epsilon": epsilon, "delta": delta}


@signed("operator")
def cancel_run(dataset: Dataset, run: Annotated[str, typer.Argument(help="The run's id.")]) -> dict[str, Any]:
    """Cancel a run; what it reserved stays spent."""
    return {"command": "cancel_run", "dataset": dataset, "run_id": run}


def send_file(
    file: Annotated[Path, typer.Argument(help="A signed command that --out wrote.")],
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Send a command that someone else signed."""
    from schemas.events.commands import CommandSubmitted

    deliver(CommandSubmitted.from_bytes(read_file(file)), settings_of(bootstrap, home), None, as_json)
