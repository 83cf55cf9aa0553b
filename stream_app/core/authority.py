"""Which role may sign which command, and for how long a signed command is good."""

from schemas.errors import AuthorisationError, SignatureError
from schemas.events.commands import Command

MINUTE_MS = 60_000
SKEW_MS = 5 * MINUTE_MS
LONGEST_MS = 30 * 24 * 60 * MINUTE_MS

PERMITTED: dict[str, frozenset[str]] = {
    "owner": frozenset(
        {"apply_contract", "grant_access", "withdraw_access", "start_run", "cancel_run", "approve", "reject"}
    ),
    "operator": frozenset({"start_run", "cancel_run", "retire"}),
    "privacy_officer": frozenset({"approve", "reject", "set_cap", "freeze", "unfreeze", "revoke"}),
    "legal": frozenset({"approve", "reject"}),
    "responder": frozenset({"freeze", "unfreeze", "revoke", "roll_back", "close_review"}),
    "ci": frozenset({"apply_contract", "start_run"}),
}
"""By role. An owner may approve and reject because a tier can ask for the owner's approval; where it does not, it
counts for nothing.
"""


def allowed(role: str, command: Command) -> bool:
    """True where the role may sign this command; an unknown role may sign none."""
    return command.command in PERMITTED.get(role, frozenset())


def admit(command: Command, role: str, audience: str, at: int) -> None:
    """Pass where a verified command may enter a log at ``at`` (milliseconds since 1970).

    Raises ``SignatureError`` for another deployment's command, one that has expired, is not valid yet (five minutes
    of skew are forgiven) or would be valid for over 30 days; ``AuthorisationError`` where the role may not sign it.
    """
    if command.audience != audience:
        raise SignatureError("the command is meant for another deployment")
    if command.expires_at <= command.issued_at:
        raise SignatureError("the command expires before it is issued")
    if command.expires_at - command.issued_at > LONGEST_MS:
        raise SignatureError("the command would be valid for over 30 days")
    if command.issued_at > at + SKEW_MS:
        raise SignatureError("the command is not valid yet")
    if command.expires_at <= at:
        raise SignatureError("the command has expired")
    if not allowed(role, command):
        raise AuthorisationError(f"the role {role} may not sign {command.command}")
