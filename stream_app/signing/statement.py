"""Certificates, status and checkpoints: what the registry signs with a service key, and what consumers check of it."""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field

from schemas.certificate import PAYLOAD_TYPE, Statement
from schemas.envelope import Envelope
from schemas.errors import ContractError, SignatureError
from schemas.events.releases import Status
from schemas.model import Digest, Model, Name
from stream_app.signing import dsse
from stream_app.signing.keys import SecretKey
from stream_app.signing.trust import Trust

STATUS_TYPE: Final = "application/vnd.perennial.status+json"
CHECKPOINT_TYPE: Final = "application/vnd.perennial.checkpoint+json"


class Checkpoint(Model):
    """The RFC 6962 root over the first ``size`` certificates of a dataset."""

    dataset: Name
    size: Annotated[int, Field(ge=0)]
    root: Digest


@dataclass(frozen=True, slots=True)
class Certified:
    """A verified certificate. ``payload_sha256`` is of the signed statement, ``file_sha256`` of the certificate's
    file.
    """

    statement: Statement
    envelope: Envelope
    keyid: str
    payload_sha256: str
    file_sha256: str

    @property
    def file(self) -> bytes:
        """The certificate as a file, which ``perennial verify`` reads."""
        return self.envelope.to_bytes()


def sign_statement(statement: Statement, key: SecretKey) -> Envelope:
    """The certificate: the statement's RFC 8785 bytes in an envelope, as in-toto wants it."""
    return dsse.sign(PAYLOAD_TYPE, statement.to_bytes(), key)


def verify_statement(envelope: Envelope, trust: Trust) -> Certified:
    """The certificate's statement, once every step held; raises ``SignatureError``.

    1. The envelope holds an in-toto statement, with one signature.
    2. A service key of the trust root made it, retired or not.
    3. Statement and predicate types are ours, and the document is whole.
    4. Every subject has a SHA-256.
    5. A retired key certified before it was retired.
    (That data are a subject's is checked where the data are.)
    """
    if len(envelope.signatures) != 1:
        raise SignatureError("a certificate carries exactly one signature")
    verified = dsse.verify(envelope, PAYLOAD_TYPE, trust.ever("service"))
    try:
        statement = Statement.from_bytes(verified.payload)
    except ContractError as error:
        raise SignatureError(f"the certificate is malformed: {error}") from None
    retired = trust.retired.get(verified.keyid)
    if retired is not None and statement.predicate.certified_at > retired:
        raise SignatureError("the certificate was signed after its key was retired")
    return Certified(
        statement,
        envelope,
        verified.keyid,
        hashlib.sha256(verified.payload).hexdigest(),
        hashlib.sha256(envelope.to_bytes()).hexdigest(),
    )


def sign_status(status: Status, key: SecretKey) -> Envelope:
    return dsse.sign(STATUS_TYPE, status.to_bytes(), key)


def verify_status(envelope: Envelope, trust: Trust) -> tuple[Status, str]:
    """The status and the keyid of the active service key that signed it; raises ``SignatureError``."""
    verified = dsse.verify(envelope, STATUS_TYPE, trust.active("service"))
    try:
        return Status.from_bytes(verified.payload), verified.keyid
    except ContractError as error:
        raise SignatureError(f"the status is malformed: {error}") from None


def sign_checkpoint(dataset: str, size: int, root: str, key: SecretKey) -> Envelope:
    return dsse.sign(CHECKPOINT_TYPE, Checkpoint(dataset=dataset, size=size, root=root).to_bytes(), key)


def verify_checkpoint(envelope: Envelope, trust: Trust) -> Checkpoint:
    """The checkpoint, signed by a service key, retired or not; raises ``SignatureError``."""
    verified = dsse.verify(envelope, CHECKPOINT_TYPE, trust.ever("service"))
    try:
        return Checkpoint.from_bytes(verified.payload)
    except ContractError as error:
        raise SignatureError(f"the checkpoint is malformed: {error}") from None
