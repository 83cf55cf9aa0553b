"""Envelopes, held against securesystemslib and openssl, and their canonical files."""

import base64
import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.signer import SSlibKey

from schemas.canonical import canonical
from schemas.envelope import Envelope, Signature
from schemas.errors import ContractError, SignatureError
from stream_app.signing import dsse
from stream_app.signing.keys import PublicKey, SecretKey
from tests.unit.stream_app.signing.deployments import key_of

KIND = "application/vnd.test+json"
ALICE, BOB = key_of("alice"), key_of("bob")


def _theirs(key: PublicKey) -> SSlibKey:
    return SSlibKey(key.keyid, "ed25519", "ed25519", {"public": key.raw.hex()})


@given(st.text(max_size=40), st.binary(max_size=200))
def test_securesystemslib_accepts_what_we_sign(kind: str, payload: bytes) -> None:
    envelope = dsse.sign(kind, payload, ALICE)
    theirs = TheirEnvelope.from_dict(envelope.document())
    assert theirs.pae() == envelope.signed_bytes()
    assert list(theirs.verify([_theirs(ALICE.public)], 1)) == [ALICE.keyid]


def test_openssl_verifies_the_signature(tmp_path: Path) -> None:
    envelope = dsse.sign(KIND, b"payload", ALICE)
    (tmp_path / "key.pub").write_bytes(ALICE.public.pem)
    (tmp_path / "pae.bin").write_bytes(envelope.signed_bytes())
    (tmp_path / "sig.bin").write_bytes(base64.b64decode(envelope.signatures[0].sig))
    command = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        "key.pub",
        "-rawin",
        "-in",
        "pae.bin",
        "-sigfile",
        "sig.bin",
    ]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "pae.bin").write_bytes(envelope.signed_bytes() + b" ")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode != 0


def test_verify_gives_the_payload_and_who_signed() -> None:
    verified = dsse.verify(dsse.sign(KIND, b"payload", ALICE), KIND, [BOB.public, ALICE.public])
    assert verified == dsse.Verified(b"payload", ALICE.keyid)


@pytest.mark.parametrize("keys", [[], [BOB.public]])
def test_no_signature_by_a_trusted_key(keys: list[PublicKey]) -> None:
    with pytest.raises(SignatureError, match="no signature by a trusted key"):
        dsse.verify(dsse.sign(KIND, b"payload", ALICE), KIND, keys)


def test_signed_as_another_type() -> None:
    envelope = dsse.sign("application/vnd.other", b"payload", ALICE)
    with pytest.raises(SignatureError, match="not of type"):
        dsse.verify(envelope, KIND, [ALICE.public])
    relabelled = envelope.model_copy(update={"payloadType": KIND})
    with pytest.raises(SignatureError, match="no signature"):
        dsse.verify(relabelled, KIND, [ALICE.public])


def test_unknown_keyids_are_passed_over_and_a_known_keyid_needs_its_own_signature() -> None:
    envelope = dsse.sign(KIND, b"payload", BOB, ALICE)
    assert dsse.verify(envelope, KIND, [ALICE.public]).keyid == ALICE.keyid
    borrowed = Signature(keyid=ALICE.keyid, sig=envelope.signatures[0].sig)
    with pytest.raises(SignatureError):
        dsse.verify(envelope.model_copy(update={"signatures": (borrowed,)}), KIND, [ALICE.public])


def test_duplicate_signatures_count_once() -> None:
    signed = dsse.decoded(dsse.sign(KIND, b"payload", ALICE, ALICE, ALICE))
    assert dsse.signers(signed, [ALICE.public, ALICE.public, BOB.public]) == (ALICE.public,)


def test_payload_that_is_not_base64() -> None:
    envelope = dsse.sign(KIND, b"payload", ALICE)
    for changes in ({"payload": "%%%"}, {"signatures": (Signature(keyid=ALICE.keyid, sig="x"),)}):
        with pytest.raises(SignatureError, match="not base64"):
            dsse.verify(envelope.model_copy(update=changes), KIND, [ALICE.public])


@given(st.text(st.characters(max_codepoint=127), max_size=30), st.binary(max_size=100))
def test_the_file_is_rfc_8785_and_reads_back(kind: str, payload: bytes) -> None:
    envelope = dsse.sign(kind, payload, ALICE)
    body = envelope.to_bytes()
    assert body == canonical(json.loads(body))
    assert dsse.read(body) == dsse.decoded(envelope)


def _variants() -> dict[str, bytes]:
    body = dsse.sign(KIND, b"payload!", ALICE).to_bytes()
    document = json.loads(body)
    payload = document["payload"]
    loose = payload[:-2] + chr(ord(payload[-2]) + 1) + "="
    assert base64.b64decode(loose) == base64.b64decode(payload)
    return {
        "indented": json.dumps(document, indent=1, sort_keys=True).encode(),
        "trailing_newline": body + b"\n",
        "leading_space": b" " + body,
        "other_key_order": json.dumps(dict(reversed(document.items())), separators=(",", ":")).encode(),
        "escaped_letter": body.replace(b'"payload"', b'"p\\u0061yload"', 1),
        "loose_base64_bits": body.replace(payload.encode(), loose.encode()),
        "base64_line_break": body.replace(payload.encode(), payload[:4].encode() + b"\\n" + payload[4:].encode()),
        "key_twice": body[:-1] + b',"payload":"' + payload.encode() + b'"}',
        "extra_field": body[:-1] + b',"x":1}',
        "extra_field_in_signature": body.replace(b'"keyid"', b'"extra":1,"keyid"'),
        "nan": body.replace(b'"payload"', b'"payload":NaN,"payload"'),
        "list": b"[" + body + b"]",
        "empty": b"",
        "not_utf8": b"\xff" + body,
        "deep": b"[" * 100_000,
    }


@pytest.mark.parametrize("defect", sorted(_variants()))
def test_a_file_in_any_other_spelling_is_refused(defect: str) -> None:
    with pytest.raises(ContractError):
        dsse.read(_variants()[defect])


@given(st.binary(max_size=200))
def test_any_bytes_are_no_envelope(body: bytes) -> None:
    with pytest.raises(ContractError):
        dsse.read(body)


def test_the_light_envelope_and_the_model_agree() -> None:
    envelope = dsse.sign(KIND, b"payload", ALICE, BOB)
    assert dsse.encoded(dsse.decoded(envelope)) == envelope
    assert Envelope.from_bytes(envelope.to_bytes()) == envelope


def test_signing_is_deterministic() -> None:
    assert (
        dsse.sign(KIND, b"payload", SecretKey(bytes(32))).to_bytes()
        == dsse.sign(KIND, b"payload", SecretKey(bytes(32))).to_bytes()
    )
