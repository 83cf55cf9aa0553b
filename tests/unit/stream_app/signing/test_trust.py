"""The trust root: pinned, followed, and refused by the name of what is wrong with it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from schemas.canonical import canonical
from schemas.errors import ContractError, PerennialError, SignatureError
from stream_app.signing import dsse
from stream_app.signing.trust import PAYLOAD_TYPE, ROLES, Trust, new_trust, open_root, sign_root, succeed, successor
from tests.unit.stream_app.signing.deployments import DAY, NOW, Deployment, key_of

DEPLOYMENT = Deployment()
ROOT = DEPLOYMENT.keys["root"]
TRUST = DEPLOYMENT.trust


def test_a_root_reads_back_with_every_role() -> None:
    trust = open_root(sign_root(TRUST, ROOT))
    assert trust == TRUST
    for role in ROLES:
        assert trust.active(role) == (DEPLOYMENT.keys[role].public,)
        assert trust.role_of(DEPLOYMENT.keys[role].keyid) == role
    assert trust.role_of("unknown") is None


def test_a_root_expires() -> None:
    TRUST.require_fresh(TRUST.expires_at - 1)
    with pytest.raises(SignatureError, match="has expired"):
        TRUST.require_fresh(TRUST.expires_at)


def test_rotating_the_root_key_needs_old_and_new() -> None:
    fresh = key_of("root 2")
    following = successor(TRUST, expires_at=NOW + 200 * DAY, holders={"root": [fresh.public]}, remove=[ROOT.keyid])
    assert succeed(TRUST, sign_root(following, ROOT, fresh)) == following
    for signers in ((ROOT,), (fresh,), ()):
        with pytest.raises(SignatureError, match="lacks"):
            succeed(TRUST, sign_root(following, *signers))


def test_the_same_root_again_is_itself() -> None:
    assert succeed(TRUST, sign_root(TRUST, ROOT)) == TRUST


def test_a_retired_service_key_still_verifies_and_no_longer_signs() -> None:
    fresh = key_of("service 2")
    old = DEPLOYMENT.keys["service"]
    following = successor(
        TRUST, expires_at=NOW + 200 * DAY, holders={"service": [fresh.public]}, retire={old.keyid: NOW + DAY}
    )
    assert following.active("service") == (fresh.public,)
    assert set(following.ever("service")) == {old.public, fresh.public}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda root: root | {"version": 3}, id="version_skipped"),
        pytest.param(lambda root: root | {"version": 1}, id="version_repeated_with_other_content"),
        pytest.param(lambda root: root | {"audience": "other"}, id="other_audience"),
        pytest.param(lambda root: root | {"type": "other"}, id="other_type"),
        pytest.param(lambda root: root | {"extra": 1}, id="extra_field"),
        pytest.param(
            lambda root: {name: value for name, value in root.items() if name != "retired"}, id="field_missing"
        ),
        pytest.param(lambda root: root | {"expires_at": True}, id="boolean_for_a_time"),
        pytest.param(lambda root: root | {"expires_at": -1}, id="negative_time"),
        pytest.param(lambda root: root | {"root_threshold": 0}, id="no_threshold"),
        pytest.param(lambda root: root | {"root_threshold": 2}, id="threshold_above_keys"),
        pytest.param(lambda root: root | {"roles": root["roles"] | {"king": []}}, id="unknown_role"),
        pytest.param(
            lambda root: root | {"roles": root["roles"] | {"legal": root["roles"]["owner"]}}, id="key_with_two_roles"
        ),
        pytest.param(
            lambda root: root | {"roles": root["roles"] | {"legal": ["0" * 64]}}, id="role_of_a_key_that_is_not_there"
        ),
        pytest.param(lambda root: root | {"retired": {root["roles"]["root"][0]: 1}}, id="root_key_retired"),
        pytest.param(
            lambda root: root | {"keys": root["keys"] | {root["roles"]["legal"][0]: "00" * 32}},
            id="key_under_another_keyid",
        ),
        pytest.param(
            lambda root: root | {"keys": root["keys"] | {root["roles"]["legal"][0]: "zz"}}, id="key_that_is_not_hex"
        ),
        pytest.param(lambda root: root | {"keys": []}, id="keys_not_a_mapping"),
    ],
)
def test_a_signed_successor_that_is_wrong_is_refused(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    sound = successor(TRUST, expires_at=NOW + 200 * DAY).document()
    body = dsse.sign(PAYLOAD_TYPE, canonical(change(sound)), ROOT).to_bytes()
    with pytest.raises((SignatureError, ContractError)):
        succeed(TRUST, body)
    good = dsse.sign(PAYLOAD_TYPE, canonical(sound), ROOT).to_bytes()
    assert succeed(TRUST, good).version == 2


def test_a_root_signed_by_a_stranger_or_under_another_type_is_refused() -> None:
    with pytest.raises(SignatureError):
        open_root(sign_root(TRUST, key_of("stranger")))
    with pytest.raises(SignatureError):
        open_root(dsse.sign("application/vnd.other", canonical(TRUST.document()), ROOT).to_bytes())


def test_a_threshold_of_two_needs_two_different_keys() -> None:
    one, two = key_of("one"), key_of("two")
    trust = new_trust("demo", {"root": [one.public, two.public]}, NOW, root_threshold=2)
    assert open_root(sign_root(trust, one, two)) == trust
    with pytest.raises(SignatureError, match="lacks the 2 signature"):
        open_root(sign_root(trust, one, one))


def test_every_changed_byte_of_a_root_is_refused() -> None:
    body = sign_root(TRUST, ROOT)
    for place in range(len(body)):
        changed = bytearray(body)
        changed[place] ^= 1
        with pytest.raises(PerennialError):
            open_root(bytes(changed))


def test_a_new_root_refuses_one_key_in_two_roles() -> None:
    with pytest.raises(ContractError, match="exactly one role"):
        new_trust("demo", {"root": [ROOT.public], "owner": [ROOT.public]}, NOW)


def test_the_document_is_plain_json() -> None:
    assert isinstance(TRUST, Trust)
    assert json.loads(canonical(TRUST.document())) == TRUST.document()
