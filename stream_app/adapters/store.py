"""Artefacts, encrypted at rest, on any fsspec file system: a folder, S3, memory.

An artefact's file is ``ROOT/ARTEFACT_ID/CIPHERTEXT_SHA256``. Where a file lies follows from its digest and this
store's own root, never from the URI that an event carries, so no event can make a worker read from elsewhere.
"""

import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from schemas.errors import ArtefactError, InputError, TransientError
from schemas.events.runs import ArtefactRef
from stream_app.adapters import sealing
from stream_app.adapters.leases import open_lease
from stream_app.adapters.vault import KeyVault
from stream_app.signing.keys import ConsumerKey

_BLOCK = 1_048_576


@dataclass(frozen=True, slots=True)
class ArtefactStore:
    """Artefacts under ``root``. Workers have a ``vault``; consumers have none and open with leases."""

    root: str
    vault: KeyVault | None = None

    def put(self, artefact_id: str, name: str, media_type: str, body: bytes | BinaryIO) -> ArtefactRef:
        """Encrypt and store; the same id and content give the same reference and the same file, again and from any
        worker.

        ``body`` is bytes or a seekable binary file, which is read twice and never held whole. Raises
        ``ArtefactError`` once the artefact's key was destroyed.
        """
        source = io.BytesIO(body) if isinstance(body, bytes) else body
        content, size = _measure(source)
        key = self._vault().data_key(artefact_id)
        ciphertext = self._write(artefact_id, sealing.seal(key, artefact_id, source, content.digest()))
        filesystem, path = self._place(artefact_id, ciphertext)
        return ArtefactRef(
            artefact_id=artefact_id,
            name=name,
            media_type=media_type,
            sha256=content.hexdigest(),
            size=size,
            ciphertext_sha256=ciphertext,
            uri=str(filesystem.unstrip_protocol(path)),
        )

    def open(self, ref: ArtefactRef) -> bytes:
        """The content; raises ``ArtefactError`` unless ciphertext digest, every tag, plaintext digest and size are
        right.
        """
        return self._open(ref, self._vault().existing_key(ref.artefact_id))

    def open_with_lease(self, ref: ArtefactRef, lease: bytes, consumer: ConsumerKey) -> bytes:
        """The content, by a lease sealed to the consumer's key; the same checks as ``open``."""
        return self._open(ref, open_lease(lease, ref.artefact_id, consumer))

    def _open(self, ref: ArtefactRef, key: bytes) -> bytes:
        filesystem, path = self._place(ref.artefact_id, ref.ciphertext_sha256)
        try:
            with filesystem.open(path, "rb") as file:
                digesting = _Digesting(file)
                body = b"".join(sealing.unseal(key, ref.artefact_id, digesting))
        except FileNotFoundError:
            raise ArtefactError(f"the store does not hold {ref.artefact_id}") from None
        except OSError as error:
            raise TransientError(f"the store does not answer: {type(error).__name__}") from None
        if digesting.sha256.hexdigest() != ref.ciphertext_sha256:
            raise ArtefactError(f"the stored bytes of {ref.artefact_id} are not those of its reference")
        if len(body) != ref.size or hashlib.sha256(body).hexdigest() != ref.sha256:
            raise ArtefactError(f"the content of {ref.artefact_id} is not that of its reference")
        return body

    def _write(self, artefact_id: str, pieces: Iterator[bytes]) -> str:
        """Write under a name of its own, then rename: no one ever sees half a file under its digest."""
        filesystem, draft = self._place(artefact_id, f".{os.urandom(8).hex()}.part")
        digest = hashlib.sha256()
        try:
            filesystem.makedirs(draft.rpartition("/")[0], exist_ok=True)
            with filesystem.open(draft, "wb") as file:
                for piece in pieces:
                    digest.update(piece)
                    file.write(piece)
                _to_disk(file)
            filesystem.mv(draft, self._place(artefact_id, digest.hexdigest())[1])
        except OSError as error:
            raise TransientError(f"the store does not take an artefact: {type(error).__name__}") from None
        return digest.hexdigest()

    def _place(self, artefact_id: str, name: str) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        filesystem, root = url_to_fs(self.root)
        return filesystem, f"{root.rstrip('/')}/{artefact_id}/{name}"

    def _vault(self) -> KeyVault:
        if self.vault is None:
            raise InputError("this store has no vault: open with a lease")
        return self.vault


class _Digesting:
    """Hands a file's bytes on and digests them on the way."""

    def __init__(self, file: Any) -> None:
        self.sha256 = hashlib.sha256()
        self._file = file

    def read(self, size: int, /) -> bytes:
        part: bytes = self._file.read(size)
        self.sha256.update(part)
        return part


def _measure(source: BinaryIO) -> "tuple[hashlib._Hash, int]":
    digest, size = hashlib.sha256(), 0
    source.seek(0)
    while part := source.read(_BLOCK):
        digest.update(part)
        size += len(part)
    source.seek(0)
    return digest, size


def _to_disk(file: Any) -> None:
    file.flush()
    try:
        os.fsync(file.fileno())
    except (AttributeError, OSError, io.UnsupportedOperation):
        return  # Not a local file: the file system has its own way to keep it.
