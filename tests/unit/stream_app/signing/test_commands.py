"""Signed commands: who may be believed, and that a replay is the same fact."""

from typing import Any

import pytest

from schemas.envelope import Envelope
from schemas.errors import ContractError, SignatureError
from schemas.events.commands import CommandSubmitted, Freeze, Revoke, SetCap
from stream_app.signing import dsse
from stream_app.signing.commands import PAYLOAD_TYPE, open_command, recheck_command, sign_command
from stream_app.signing.trust import successor
from tests.unit.stream_app.signing.deployments import DAY, NOW, Deployment, key_of

DEPLOYMENT = Deployment()
TRUST = DEPLOYMENT.trust
RESPONDER = DEPLOYMENT.keys["responder"]


def _revoke(**changes: Any) -> Revoke:
    return Revoke(
        **{
            "audience": "demo",
            "nonce": "0" * 32,
            "issued_at": NOW,
            "expires_at": NOW + 1000,
            "dataset": "flights",
            "release_id": "flights-1",
            "reason": "privacy",
            **changes,
        }
    )


def test_a_signed_command_is_accepted_with_its_role() -> None:
    accepted = open_command(sign_command(_revoke(), RESPONDER), TRUST, NOW)
    assert (accepted.command, accepted.role, accepted.keyid, accepted.target) == (
        _revoke(),
        "responder",
        RESPONDER.keyid,
        "flights",
    )
    recheck_command(accepted, TRUST)


def test_a_command_about_a_scope_goes_to_the_scope() -> None:
    command = SetCap(
        audience="demo", nonce="1" * 32, issued_at=NOW, expires_at=NOW + 1, scope="people", epsilon="3", delta=1e-6
    )
    assert open_command(sign_command(command, DEPLOYMENT.keys["privacy_officer"]), TRUST, NOW).target == "people"


def test_a_replay_is_the_same_fact_whoever_sends_it() -> None:
    submitted = sign_command(_revoke(), RESPONDER)
    resent = submitted.model_copy(update={"event_id": "something-else"})
    assert open_command(submitted, TRUST, NOW) == open_command(resent, TRUST, NOW + 500)
    assert sign_command(_revoke(), RESPONDER).event_id == submitted.event_id


def test_another_spelling_of_the_envelope_is_the_same_fact() -> None:
    submitted = sign_command(_revoke(), RESPONDER)
    payload = submitted.envelope.payload
    if not payload.endswith("="):
        submitted = sign_command(_revoke(comment="x"), RESPONDER)
        payload = submitted.envelope.payload
    body = payload.rstrip("=")
    loose = body[:-1] + chr(ord(body[-1]) + 1) + payload[len(body) :]
    respelt = submitted.model_copy(update={"envelope": submitted.envelope.model_copy(update={"payload": loose})})
    assert open_command(respelt, TRUST, NOW) == open_command(submitted, TRUST, NOW)


def test_another_signers_copy_is_another_fact() -> None:
    ours = open_command(sign_command(_revoke(), RESPONDER), TRUST, NOW)
    theirs = open_command(sign_command(_revoke(), DEPLOYMENT.keys["ci"]), TRUST, NOW)
    assert ours.event_id != theirs.event_id


@pytest.mark.parametrize("role", ["root", "service"])
def test_keys_that_do_not_command(role: str) -> None:
    with pytest.raises(SignatureError, match="no signature by a trusted key"):
        open_command(sign_command(_revoke(), DEPLOYMENT.keys[role]), TRUST, NOW)


def test_stranger() -> None:
    with pytest.raises(SignatureError, match="no signature by a trusted key"):
        open_command(sign_command(_revoke(), key_of("stranger")), TRUST, NOW)


def test_unsigned() -> None:
    submitted = sign_command(_revoke(), RESPONDER)
    bare = submitted.model_copy(update={"envelope": submitted.envelope.model_copy(update={"signatures": ()})})
    with pytest.raises(SignatureError, match="exactly one signature"):
        open_command(bare, TRUST, NOW)


def test_signed_twice() -> None:
    envelope = dsse.sign(PAYLOAD_TYPE, _revoke().to_bytes(), RESPONDER, DEPLOYMENT.keys["owner"])
    with pytest.raises(SignatureError, match="exactly one signature"):
        open_command(CommandSubmitted(event_id="x", target="flights", envelope=envelope), TRUST, NOW)


def test_sent_to_another_target() -> None:
    submitted = sign_command(_revoke(), RESPONDER).model_copy(update={"target": "trains"})
    with pytest.raises(SignatureError, match="another target"):
        open_command(submitted, TRUST, NOW)


def test_another_deployments_command() -> None:
    with pytest.raises(SignatureError, match="another deployment"):
        open_command(sign_command(_revoke(audience="production"), RESPONDER), TRUST, NOW)


@pytest.mark.parametrize("at", [NOW + 1000, NOW - 300_001])
def test_expired_or_from_the_future(at: int) -> None:
    with pytest.raises(SignatureError, match="expired, or is dated"):
        open_command(sign_command(_revoke(), RESPONDER), TRUST, at)


def test_expired_root() -> None:
    late = TRUST.expires_at
    command = sign_command(_revoke(issued_at=late, expires_at=late + 1), RESPONDER)
    with pytest.raises(SignatureError, match="trust root"):
        open_command(command, TRUST, late)


def test_retired_key_commands_no_more_and_its_old_commands_stand() -> None:
    accepted = open_command(sign_command(_revoke(), RESPONDER), TRUST, NOW)
    following = successor(TRUST, expires_at=NOW + 300 * DAY, retire={RESPONDER.keyid: NOW + 10})
    with pytest.raises(SignatureError, match="no signature"):
        open_command(sign_command(_revoke(), RESPONDER), following, NOW)
    recheck_command(accepted, following)
    recheck_command(accepted, following, at_ms=NOW + 10)
    with pytest.raises(SignatureError, match="retired"):
        recheck_command(accepted, following, at_ms=NOW + 11)


@pytest.mark.parametrize(
    "changes",
    [
        {"keyid": "0" * 64},
        {"role": "owner"},
        {"event_id": "other"},
        {"command": _revoke(release_id="flights-2")},
        {"target": "trains"},
    ],
)
def test_a_logged_command_that_is_not_what_was_signed(changes: dict[str, Any]) -> None:
    accepted = open_command(sign_command(_revoke(), RESPONDER), TRUST, NOW)
    with pytest.raises(SignatureError):
        recheck_command(accepted.model_copy(update=changes), TRUST)


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"command":"revoke","command":"freeze"}', b'{"command":NaN}'])
def test_a_signed_payload_that_is_no_command(payload: bytes) -> None:
    envelope = dsse.sign(PAYLOAD_TYPE, payload, RESPONDER)
    with pytest.raises(ContractError):
        open_command(CommandSubmitted(event_id="x", target="flights", envelope=envelope), TRUST, NOW)


def test_a_certificate_is_no_command() -> None:
    envelope: Envelope = dsse.sign("application/vnd.in-toto+json", _revoke().to_bytes(), RESPONDER)
    with pytest.raises(SignatureError, match="not of type"):
        open_command(CommandSubmitted(event_id="x", target="flights", envelope=envelope), TRUST, NOW)


def test_freeze_without_a_release_survives_the_round_trip() -> None:
    freeze = Freeze(audience="demo", nonce="2" * 32, issued_at=NOW, expires_at=NOW + 5, dataset="flights")
    assert open_command(sign_command(freeze, RESPONDER), TRUST, NOW).command == freeze
