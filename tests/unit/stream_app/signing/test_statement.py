"""Certificates as others read them, and what makes ours refuse one."""

import base64
import json

import in_toto_attestation.v1.statement_pb2 as spb
import pytest
from google.protobuf import json_format
from in_toto_attestation.v1.statement import Statement as TheirStatement

from schemas.certificate import PAYLOAD_TYPE
from schemas.envelope import Envelope
from schemas.errors import SignatureError
from stream_app.signing import dsse, statement
from stream_app.signing.trust import successor
from tests.unit.stream_app.signing.deployments import DAY, NOW, Deployment, key_of, state
from tests.unit.stream_app.signing.deployments import statement as new_statement

DEPLOYMENT = Deployment()
TRUST = DEPLOYMENT.trust
SERVICE = DEPLOYMENT.keys["service"]


def _signed(payload: bytes) -> Envelope:
    return dsse.sign(PAYLOAD_TYPE, payload, SERVICE)


def test_in_toto_reads_the_statement() -> None:
    envelope = DEPLOYMENT.certificate()
    document = json.loads(base64.b64decode(envelope.payload))
    TheirStatement.copy_from_pb(json_format.Parse(base64.b64decode(envelope.payload), spb.Statement())).validate()
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert set(document["subject"][0]) == {"name", "digest"}


def test_a_certificate_verifies_and_knows_its_digests() -> None:
    envelope = DEPLOYMENT.certificate()
    certified = statement.verify_statement(envelope, TRUST)
    assert certified.statement == new_statement()
    assert certified.keyid == SERVICE.keyid
    assert certified.file == envelope.to_bytes()
    assert certified.payload_sha256 == new_statement().digest()


@pytest.mark.parametrize("signer", ["owner", "root", "responder", "stranger"])
def test_signed_by_a_key_that_is_no_service_key(signer: str) -> None:
    with pytest.raises(SignatureError, match="no signature by a trusted key"):
        statement.verify_statement(DEPLOYMENT.certificate(key=key_of(signer)), TRUST)


def test_signed_twice() -> None:
    envelope = dsse.sign(PAYLOAD_TYPE, new_statement().to_bytes(), SERVICE, key_of("stranger"))
    with pytest.raises(SignatureError, match="exactly one signature"):
        statement.verify_statement(envelope, TRUST)


def test_retired_key_verifies_what_it_signed_before() -> None:
    following = successor(
        TRUST, expires_at=NOW + 200 * DAY, holders={"service": [key_of("new").public]}, retire={SERVICE.keyid: NOW}
    )
    statement.verify_statement(DEPLOYMENT.certificate(certified_at=NOW), following)
    with pytest.raises(SignatureError, match="after its key was retired"):
        statement.verify_statement(DEPLOYMENT.certificate(certified_at=NOW + 1), following)
    with pytest.raises(SignatureError, match="no signature"):
        statement.verify_status(DEPLOYMENT.status(1), following)


def test_removed_key_verifies_nothing() -> None:
    following = successor(
        TRUST, expires_at=NOW + 200 * DAY, holders={"service": [key_of("new").public]}, remove=[SERVICE.keyid]
    )
    with pytest.raises(SignatureError, match="no signature"):
        statement.verify_statement(DEPLOYMENT.certificate(), following)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"https://in-toto.io/Statement/v1", b"https://in-toto.io/Statement/v9"),
        (b"https://perennial.dev/release/v1", b"https://example.org/release/v1"),
        (new_statement().subject[0].digests.sha256.encode(), b"zz"),
        (b'"sha256"', b'"sha1"'),
        (b'"rows":3', b'"rows":3,"rows":4'),
        (b'"rows":3', b'"rows":NaN'),
        (b'"rows":3', b'"rows":3,"bonus":1'),
    ],
    ids=["statement_type", "predicate_type", "digest_that_is_none", "no_sha256", "key_twice", "nan", "unknown_field"],
)
def test_a_signed_statement_that_is_malformed(old: bytes, new: bytes) -> None:
    payload = new_statement().to_bytes()
    assert old in payload
    with pytest.raises(SignatureError, match="malformed"):
        statement.verify_statement(_signed(payload.replace(old, new)), TRUST)


def test_status_and_checkpoint_round_trip_and_are_not_each_other() -> None:
    certificate = DEPLOYMENT.certificate()
    signed = DEPLOYMENT.status(3, state(certificate), current="flights-1")
    found, keyid = statement.verify_status(signed, TRUST)
    assert (found.version, found.current, keyid) == (3, "flights-1", SERVICE.keyid)
    checkpoint = statement.sign_checkpoint("flights", 2, "a" * 64, SERVICE)
    assert statement.verify_checkpoint(checkpoint, TRUST).size == 2
    for wrong in (checkpoint, certificate):
        with pytest.raises(SignatureError, match="not of type"):
            statement.verify_status(wrong, TRUST)
    with pytest.raises(SignatureError, match="not of type"):
        statement.verify_checkpoint(signed, TRUST)
