from typing import get_args

import pytest

from schemas.errors import AuthorisationError, SignatureError
from schemas.events.commands import Command, read_command
from stream_app.core.authority import LONGEST_MS, PERMITTED, SKEW_MS, admit, allowed
from stream_app.core.routes import COMMANDS

NAMES = {model.model_fields["command"].default for model in get_args(get_args(Command)[0])}


def revoke(issued_at: int = 1_000_000, expires_at: int = 2_000_000) -> Command:
    return read_command(
        {
            "command": "revoke",
            "audience": "here",
            "nonce": "0" * 32,
            "issued_at": issued_at,
            "expires_at": expires_at,
            "dataset": "flights",
            "release_id": "flights.a.1",
            "reason": "privacy",
        }
    )


def test_every_command_has_a_log_and_somebody_who_may_sign_it() -> None:
    assert set(COMMANDS) == NAMES
    assert set().union(*PERMITTED.values()) == NAMES


def test_only_named_roles_may_sign() -> None:
    assert {role for role in PERMITTED if allowed(role, revoke())} == {"privacy_officer", "responder"}
    assert not allowed("root", revoke())


def test_a_good_command_is_admitted_until_it_expires() -> None:
    admit(revoke(), "responder", "here", 1_000_000 - SKEW_MS)
    admit(revoke(), "responder", "here", 1_999_999)


@pytest.mark.parametrize(
    ("command", "audience", "at"),
    [
        (revoke(), "elsewhere", 1_500_000),
        (revoke(), "here", 2_000_000),
        (revoke(), "here", 1_000_000 - SKEW_MS - 1),
        (revoke(5, 5 + LONGEST_MS + 1), "here", 100),
        (revoke(2_000_000, 1_000_000), "here", 500_000),
    ],
    ids=["wrong audience", "expired", "not yet valid", "valid for too long", "expires before it is issued"],
)
def test_a_command_out_of_place_or_time_is_refused(command: Command, audience: str, at: int) -> None:
    with pytest.raises(SignatureError):
        admit(command, "responder", audience, at)


def test_a_role_that_may_not_sign_is_refused() -> None:
    with pytest.raises(AuthorisationError):
        admit(revoke(), "owner", "here", 1_500_000)
