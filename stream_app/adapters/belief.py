"""What may stand in a log: whoever folds one, worker or auditor, passes over the same commands."""

from schemas.events import Event
from schemas.events.commands import CommandAccepted
from stream_app.core.authority import admit
from stream_app.signing.commands import recheck_command
from stream_app.signing.trust import Trust


def believe(event: Event, trust: Trust, at: int) -> None:
    """Pass where an event of a log may be decided on; ``at`` is the broker's append time, milliseconds since 1970.

    A log is only as good as who may write to it, so what a person signed is checked again: signature, audience,
    expiry and role. Raises ``SignatureError``, ``AuthorisationError``, ``ContractError``.
    """
    if isinstance(event, CommandAccepted):
        recheck_command(event, trust, at)
        admit(event.command, event.role, trust.audience, at)
