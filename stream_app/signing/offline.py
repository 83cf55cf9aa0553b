"""Verify one certificate without a network, pydantic or anything else that is slow to load. Opens no file.

The steps, in this order, each of which refuses with ``SignatureError``:

1. The certificate is an envelope in its canonical form, byte for byte: one in-toto payload, one signature.
2. A trusted service key made the signature over exactly these bytes; only now is the payload parsed.
3. It is an in-toto statement (v1) with our predicate.
4. Every subject has a SHA-256 of 64 hex digits.
5. The digest of the data at hand is one of the subjects'.
6. The certificate has not expired, and if its key is retired, it was certified before that.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from schemas.canonical import parse
from schemas.errors import ContractError, SignatureError
from stream_app.signing import dsse
from stream_app.signing.keys import PublicKey

# The same texts stand in schemas/certificate.py, which needs pydantic; a test holds them together.
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://perennial.dev/release/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATUS_TYPE = "application/vnd.perennial.status+json"

_OPENABLE = ("certified", "superseded")


class Certificate(NamedTuple):
    """A certificate whose signature holds: its predicate, and its subjects by digest."""

    predicate: Mapping[str, Any]
    subjects: Mapping[str, str]
    keyid: str

    def text(self, name: str) -> str:
        return str(self.predicate.get(name, ""))

    @property
    def claim(self) -> str:
        """``epsilon 1.5 (delta 1e-06, per entity)``, or ``empirical``: no formal guarantee."""
        privacy = self.predicate["privacy"]
        if privacy.get("claim") != "formal":
            return "empirical"
        return f"epsilon {privacy.get('epsilon')} (delta {privacy.get('delta')}, per {privacy.get('unit')})"


def verify_certificate(body: bytes, keys: Iterable[PublicKey], retired: Mapping[str, int]) -> Certificate:
    """Steps 1 to 4, and the half of 6 that is about the key."""
    signed = _strictly(body)
    if len(signed.signatures) != 1:
        raise SignatureError("a certificate carries exactly one signature")
    verified = dsse.require(signed, PAYLOAD_TYPE, keys)
    statement = _object(verified.payload)
    if statement.get("_type") != STATEMENT_TYPE or statement.get("predicateType") != PREDICATE_TYPE:
        raise SignatureError("not a statement about a release")
    found = Certificate(_predicate(statement), _subjects(statement.get("subject")), verified.keyid)
    if verified.keyid in retired and found.predicate["certified_at"] > retired[verified.keyid]:
        raise SignatureError("the certificate was signed after its key was retired")
    return found


def require_subject(certificate: Certificate, sha256: str) -> str:
    """Step 5: the name of the subject that the data are."""
    if sha256 not in certificate.subjects:
        raise SignatureError("the data are not what was certified: their SHA-256 is none of the certificate's subjects")
    return certificate.subjects[sha256]


def require_unexpired(certificate: Certificate, at_ms: int) -> None:
    """Step 6."""
    if at_ms >= certificate.predicate["expires_at"]:
        raise SignatureError("the certificate has expired")


def require_standing(
    certificate: Certificate, certificate_digests: tuple[str, ...], body: bytes, keys: Iterable[PublicKey]
) -> int:
    """That a signed status lists the release as usable, with this certificate; returns the status's ``as_of``."""
    signed = _strictly(body)
    status = _object(dsse.require(signed, STATUS_TYPE, keys).payload)
    if status.get("dataset") != certificate.predicate["dataset"]:
        raise SignatureError("the status is of another dataset")
    releases = [
        release
        for release in status.get("releases", ())
        if release.get("release_id") == certificate.predicate["release_id"]
    ]
    if len(releases) != 1:
        raise SignatureError("the status does not list the release")
    if status.get("frozen"):
        raise SignatureError("the dataset is frozen")
    if releases[0].get("state") not in _OPENABLE:
        raise SignatureError(
            f"the release is {releases[0].get('state')} (reason: {releases[0].get('reason', 'none given')})"
        )
    if releases[0].get("certificate_sha256") not in certificate_digests:
        raise SignatureError("the status names another certificate for this release")
    return _whole(status, "as_of")


def payload_of(body: bytes) -> bytes:
    """The signed statement's bytes, unverified."""
    return _strictly(body).payload


def _strictly(body: bytes) -> dsse.Signed:
    try:
        return dsse.read(body)
    except ContractError as error:
        raise SignatureError(str(error)) from None


def _object(payload: bytes) -> dict[str, Any]:
    try:
        found = parse(payload)
    except ContractError as error:
        raise SignatureError(f"what was signed is malformed: {error}") from None
    if not isinstance(found, dict):
        raise SignatureError("what was signed is no JSON object")
    return found


def _predicate(statement: dict[str, Any]) -> dict[str, Any]:
    predicate = statement.get("predicate")
    if not isinstance(predicate, dict) or not isinstance(predicate.get("privacy"), dict):
        raise SignatureError("the statement says nothing about privacy")
    for name in ("certified_at", "expires_at"):
        _whole(predicate, name)
    if not all(isinstance(predicate.get(name), str) for name in ("dataset", "release_id", "tier")):
        raise SignatureError("the statement does not name dataset, release and tier")
    return predicate


def _subjects(listed: Any) -> dict[str, str]:
    if not isinstance(listed, list) or not listed:
        raise SignatureError("the statement has no subjects")
    return dict(_subject(subject) for subject in listed)


def _subject(subject: Any) -> tuple[str, str]:
    name = subject.get("name") if isinstance(subject, dict) else None
    digests = subject.get("digest") if isinstance(subject, dict) else None
    sha256 = digests.get("sha256") if isinstance(digests, dict) else None
    if (
        not isinstance(name, str)
        or not isinstance(sha256, str)
        or len(sha256) != 64
        or not set(sha256) <= set("0123456789abcdef")
    ):
        raise SignatureError("a subject of the statement has no SHA-256")
    return sha256, name


def _whole(document: Mapping[str, Any], name: str) -> int:
    value = document.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise SignatureError(f"what was signed lacks {name}")
    return value
