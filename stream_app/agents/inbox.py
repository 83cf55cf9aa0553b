"""Inboxes: what a log must order is first copied into it, by id; a command only after it was checked."""

import time

from schemas.errors import AuthorisationError, SignatureError
from schemas.events import Event, derive_id
from schemas.events.commands import ApplyContract, CommandAccepted, CommandRefused, CommandSubmitted
from stream_app.agents.context import Context
from stream_app.agents.shell import Attend, Received, events
from stream_app.core.authority import admit
from stream_app.core.routes import INBOXES, key_in, logs_of
from stream_app.signing.commands import open_command

LARGEST_CONTRACT = 512 * 1024
"""Bytes of a contract: every dossier carries it, a log holds it twice and a third over, and a topic takes 2 MiB."""


def copying(context: Context, station: str, log: str, topic: str) -> Attend:
    """Copy the events of a topic that a log orders; others are passed over."""
    wanted = INBOXES[log][topic]

    async def handle(event: Event, _: Received) -> None:
        if isinstance(event, wanted):
            await context.publish(station, log, event, key_in(log, event))

    return events(context, station, handle)


def commands(context: Context, station: str, log: str) -> Attend:
    """Check every command that is meant for a log, and copy it there once believed; tell responders of the others."""

    async def handle(event: Event, _: Received) -> None:
        if not isinstance(event, CommandSubmitted):
            return
        try:
            accepted = believed(context, event)
        except (SignatureError, AuthorisationError) as error:
            await _refuse(context, station, event, str(error))
            return
        if isinstance(accepted.command, ApplyContract) and len(accepted.command.contract.to_bytes()) > LARGEST_CONTRACT:
            await _refuse(context, station, event, f"the contract is larger than {LARGEST_CONTRACT // 1024} KiB")
            return
        if log in logs_of(accepted.command):
            context.metrics.commands.labels("accepted").inc()
            await context.publish(station, log, accepted, accepted.target)

    return events(context, station, handle)


def believed(context: Context, submitted: CommandSubmitted) -> CommandAccepted:
    """Signature, role, audience and expiry, in this order; raises ``SignatureError`` or ``AuthorisationError``."""
    now = int(time.time() * 1000)
    accepted = open_command(submitted, context.trust, now)
    admit(accepted.command, accepted.role, context.settings.deployment, now)
    return accepted


async def _refuse(context: Context, station: str, submitted: CommandSubmitted, reason: str) -> None:
    context.metrics.commands.labels("refused").inc()
    context.log.warning("command refused", extra={"target": submitted.target, "reason": reason})
    refused = CommandRefused(event_id=derive_id("refused", submitted.digest()), target=submitted.target, reason=reason)
    await context.publish(station, "incidents", refused)
