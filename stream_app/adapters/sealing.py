"""The format of encrypted artefacts: chunks under XChaCha20-Poly1305, the same bytes for the same content and key.

A file is a magic line, a synthetic 16-byte value and the chunks. The synthetic value is a keyed hash of the content and
begins every chunk's nonce (the chunk's number ends it), so one key never meets one nonce with two contents, and a
repeat after a crash writes the same file. Order and end are authenticated: number and final flag belong to each chunk.
"""

import hashlib
from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol

from schemas.errors import ArtefactError

MAGIC = b"perennial-sealed-1\n"
CHUNK = 262_144
_TAG, _SYNTHETIC = 16, 16


class Readable(Protocol):
    """Anything that hands out bytes."""

    def read(self, size: int, /) -> bytes: ...


def seal(key: bytes, artefact_id: str, body: BinaryIO, content_sha256: bytes) -> Iterator[bytes]:
    """The encrypted file, piece by piece; ``content_sha256`` is the 32-byte digest of everything that ``body``
    yields.
    """
    from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as encrypt

    synthetic = hashlib.blake2b(content_sha256, key=key, digest_size=_SYNTHETIC, person=b"perennial-siv").digest()
    yield MAGIC + synthetic
    for number, (chunk, final) in enumerate(_chunks(body, CHUNK)):
        yield encrypt(chunk, _associated(artefact_id, final), _nonce(synthetic, number), _cipher_key(key))


def unseal(key: bytes, artefact_id: str, sealed: Readable) -> Iterator[bytes]:
    """The content, chunk by chunk, each authenticated; raises ``ArtefactError`` on any change, also at the end.

    What was yielded may be used only once the iterator has ended: a file that was cut off is noticed at its end.
    """
    from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as decrypt
    from nacl.exceptions import CryptoError

    header = _exactly(sealed, len(MAGIC) + _SYNTHETIC)
    if not header.startswith(MAGIC) or len(header) != len(MAGIC) + _SYNTHETIC:
        raise ArtefactError("not a sealed artefact")
    synthetic = header[len(MAGIC) :]
    for number, (chunk, final) in enumerate(_chunks(sealed, CHUNK + _TAG)):
        try:
            yield decrypt(chunk, _associated(artefact_id, final), _nonce(synthetic, number), _cipher_key(key))
        except (CryptoError, ValueError, TypeError):
            raise ArtefactError(
                f"chunk {number} of an artefact is not authentic: changed, cut off, or under another key"
            ) from None


def _chunks(body: Any, size: int) -> Iterator[tuple[bytes, bool]]:
    """Chunks with a flag on the last; an empty body is one empty last chunk."""
    chunk = _exactly(body, size)
    while True:
        following = _exactly(body, size)
        yield chunk, not following
        if not following:
            return
        chunk = following


def _exactly(body: Readable, size: int) -> bytes:
    parts = []
    while size and (part := body.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _associated(artefact_id: str, final: bool) -> bytes:
    return MAGIC + (b"\x01" if final else b"\x00") + artefact_id.encode()


def _nonce(synthetic: bytes, number: int) -> bytes:
    return synthetic + number.to_bytes(8, "big")


def _cipher_key(key: bytes) -> bytes:
    return hashlib.blake2b(key=key, digest_size=32, person=b"perennial-seal").digest()
