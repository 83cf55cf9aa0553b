"""Signed commands: from a person's key to the event that enters a log."""

import hashlib
from collections.abc import Iterable
from typing import Final

from schemas.canonical import parse
from schemas.errors import SignatureError
from schemas.events.base import derive_id
from schemas.events.commands import Command, CommandAccepted, CommandSubmitted, read_command, target_of
from stream_app.signing import dsse
from stream_app.signing.keys import PublicKey, SecretKey
from stream_app.signing.trust import COMMANDING, Trust

PAYLOAD_TYPE: Final = "application/vnd.perennial.command+json"
SKEW_MS: Final = 300_000
"""How far a sender's clock may be ahead of ours."""


def sign_command(command: Command, key: SecretKey) -> CommandSubmitted:
    """The command, signed, as it is sent. Sent again it is the same event."""
    envelope = dsse.sign(PAYLOAD_TYPE, command.to_bytes(), key)
    return CommandSubmitted(
        event_id=derive_id("submitted", _identity(dsse.decoded(envelope))), target=target_of(command), envelope=envelope
    )


def open_command(submitted: CommandSubmitted, trust: Trust, at_ms: int) -> CommandAccepted:
    """The command as a fact, once every step held; raises ``SignatureError``, ``ContractError`` on a malformed payload.

    1. The trust root is fresh.
    2. One signature, by a key that holds a commanding role and is not retired.
    3. Only then are the signed bytes parsed, strictly.
    4. They are for the target that the event was sent under.
    5. They are for this deployment.
    6. They are in force at ``at_ms``.
    What the role may do is decided by ``core.authority``, over the log.

    The id of the fact derives from the signed bytes and the signer's key, so a replay is the same fact, whoever sends
    it, and no one else's signature over the same bytes can take its place.
    """
    trust.require_fresh(at_ms)
    accepted = _opened(submitted, trust, (key for role in COMMANDING for key in trust.active(role)))
    if accepted.command.audience != trust.audience:
        raise SignatureError("the command is for another deployment")
    if not accepted.command.issued_at - SKEW_MS <= at_ms < accepted.command.expires_at:
        raise SignatureError("the command has expired, or is dated in the future")
    return accepted


def recheck_command(accepted: CommandAccepted, trust: Trust, at_ms: int | None = None) -> None:
    """Pass where a command that stands in a log is what its envelope says; raises ``SignatureError``,
    ``ContractError``.

    For those who fold a log, years later perhaps: neither freshness nor expiry is asked for again, and a key that was
    retired since still counts, up to when it was retired where ``at_ms`` (the record's append time) is given.
    """
    submitted = CommandSubmitted(event_id=accepted.event_id, target=accepted.target, envelope=accepted.envelope)
    found = _opened(submitted, trust, (key for role in COMMANDING for key in trust.ever(role)))
    if found.model_copy(update={"envelope": accepted.envelope}) != accepted:
        raise SignatureError("the command is not what its envelope says")
    if at_ms is not None and at_ms > trust.retired.get(accepted.keyid, at_ms):
        raise SignatureError("the command was logged after its key was retired")


def _opened(submitted: CommandSubmitted, trust: Trust, keys: Iterable[PublicKey]) -> CommandAccepted:
    signed = dsse.decoded(submitted.envelope)
    if len(signed.signatures) != 1:
        raise SignatureError("a command carries exactly one signature")
    verified = dsse.require(signed, PAYLOAD_TYPE, keys)
    command = read_command(parse(verified.payload))
    if target_of(command) != submitted.target:
        raise SignatureError("the command is for another target than it was sent to")
    return CommandAccepted(
        event_id=derive_id("command", verified.keyid, _identity(signed)),
        target=submitted.target,
        command=command,
        keyid=verified.keyid,
        role=trust.role_of(verified.keyid) or "",
        envelope=dsse.encoded(signed),
    )


def _identity(signed: dsse.Signed) -> str:
    return hashlib.sha256(signed.payload_type.encode() + b"\n" + signed.payload).hexdigest()
