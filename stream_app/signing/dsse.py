"""Dead Simple Signing Envelopes: sign bytes as they are, verify before anything is parsed.

``Signed`` is an envelope decoded without pydantic, so that ``perennial verify`` starts fast; ``Envelope`` is the model
that events carry.
"""

import base64
import binascii
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.canonical import parse
from schemas.errors import ContractError, SignatureError
from schemas.preauthentication import preauthentication
from stream_app.signing.keys import PublicKey, SecretKey

if TYPE_CHECKING:
    from schemas.envelope import Envelope

_FIELDS = {"payload", "payloadType", "signatures"}
_LARGEST_ENVELOPE = 32 * 1_048_576


class Signed(NamedTuple):
    """The decoded parts of an envelope, not yet verified; ``signatures`` are pairs of the claimed keyid and the
    signature.
    """

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]


class Verified(NamedTuple):
    """Bytes that the key ``keyid`` has signed."""

    payload: bytes
    keyid: str


def sign(payload_type: str, payload: bytes, *keys: SecretKey) -> "Envelope":
    """An envelope with one signature of each key over exactly these bytes."""
    message = preauthentication(payload_type, payload)
    return encoded(Signed(payload_type, payload, tuple((key.keyid, key.sign(message)) for key in keys)))


def verify(envelope: "Envelope", payload_type: str, keys: Iterable[PublicKey]) -> Verified:
    """The payload, if at least one of the keys has signed it as this type; raises ``SignatureError``."""
    return require(decoded(envelope), payload_type, keys)


def require(signed: Signed, payload_type: str, keys: Iterable[PublicKey]) -> Verified:
    """The payload, if at least one of the keys has signed it as this type; raises ``SignatureError``."""
    if signed.payload_type != payload_type:
        raise SignatureError(f"the envelope is not of type {payload_type}")
    found = signers(signed, keys)
    if not found:
        raise SignatureError("no signature by a trusted key")
    return Verified(signed.payload, found[0].keyid)


def signers(signed: Signed, keys: Iterable[PublicKey]) -> tuple[PublicKey, ...]:
    """Those of the keys whose signature holds, each once however often it signed; unknown keyids are passed over."""
    known = {key.keyid: key for key in keys}
    message = preauthentication(signed.payload_type, signed.payload)
    found: dict[str, PublicKey] = {}
    for keyid, signature in signed.signatures:
        if keyid in known and keyid not in found and known[keyid].verifies(message, signature):
            found[keyid] = known[keyid]
    return tuple(found.values())


def decoded(envelope: "Envelope") -> Signed:
    """An envelope's parts; raises ``SignatureError`` where payload or signature is not base64."""
    signatures = tuple((signature.keyid, _decode(signature.sig)) for signature in envelope.signatures)
    return Signed(envelope.payloadType, _decode(envelope.payload), signatures)


def encoded(signed: Signed) -> "Envelope":
    """The envelope in its one canonical spelling."""
    from schemas.envelope import Envelope, Signature

    signatures = tuple(Signature(keyid=keyid, sig=_encode(signature)) for keyid, signature in signed.signatures)
    return Envelope(payloadType=signed.payload_type, payload=_encode(signed.payload), signatures=signatures)


def read(body: bytes) -> Signed:
    """The envelope in a file; raises ``ContractError`` unless the file is byte for byte its canonical form.

    Without that rule a changed space, a repeated key, another spelling of the same base64 or a line end would pass,
    for none of them is signed.
    """
    if len(body) > _LARGEST_ENVELOPE:
        raise ContractError("too large for an envelope")
    document = parse(_text(body))
    if not isinstance(document, dict) or set(document) != _FIELDS:
        raise ContractError("not an envelope: payload, payloadType and signatures are its fields")
    found = Signed(_string(document["payloadType"]), _strict(document["payload"]), _signatures(document["signatures"]))
    # All of it is ASCII text under known keys, where this and RFC 8785 are the same; a test holds them together.
    if json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() != body:
        raise ContractError("the envelope is not in its canonical form, so it was changed after it was written")
    return found


def _signatures(document: Any) -> tuple[tuple[str, bytes], ...]:
    if not isinstance(document, list) or not all(
        isinstance(one, dict) and set(one) == {"keyid", "sig"} for one in document
    ):
        raise ContractError("not an envelope: a signature has the fields keyid and sig")
    return tuple((_string(one["keyid"]), _strict(one["sig"])) for one in document)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise ContractError("not an envelope: not UTF-8") from None


def _string(value: Any) -> str:
    if not isinstance(value, str) or not value.isascii():
        raise ContractError("not an envelope: a field is no ASCII text")
    return value


def _strict(value: Any) -> bytes:
    """Base64 in its one canonical spelling: the unused bits of the last group are zero."""
    text = _string(value)
    try:
        body = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ContractError("not an envelope: a field is not base64") from None
    if _encode(body) != text:
        raise ContractError("not an envelope: a field is not canonical base64")
    return body


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SignatureError("an envelope holds something that is not base64") from None


def _encode(body: bytes) -> str:
    return base64.b64encode(body).decode()
