"""Data keys, one for each artefact, wrapped by a key-encryption key; and the seeds of private noise.

``KeyVault`` is the port that a key management service would fill. The files of ``FileKeyVault``: ``kek`` (32 bytes),
``keys/ID.key`` (a random data key, wrapped) and ``keys/ID.destroyed`` (a tombstone). A data key is random and stands
nowhere else, so once its file is gone no one can open the artefact, the holder of ``kek`` included; a backup of
``keys/`` undoes that.
"""

import contextlib
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from schemas.canonical import canonical
from schemas.errors import ArtefactError, BudgetError
from stream_app.signing.keys import read_secret

_ARTEFACT_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,140}")
_NONCE = 24


class KeyVault(Protocol):
    """Where data keys live. Every method raises ``ArtefactError`` for a key that was destroyed."""

    def data_key(self, artefact_id: str) -> bytes:
        """The artefact's 32-byte key, made on first use and the same ever after."""
        ...

    def existing_key(self, artefact_id: str) -> bytes:
        """The artefact's key; raises ``ArtefactError`` where there is none."""
        ...

    def destroy(self, artefact_id: str) -> None:
        """Forget the key for ever; again and for an unknown id it does the same. Never raises for a destroyed key."""
        ...


@dataclass(frozen=True, slots=True)
class FileKeyVault:
    """A vault in a folder that only this machine's workers can read. Safe for several processes at once."""

    directory: Path

    def data_key(self, artefact_id: str) -> bytes:
        self._require_alive(artefact_id)
        path = self._path(artefact_id)
        if not path.exists():
            create_once(path, self._wrap(artefact_id, os.urandom(32)))
            # A destruction may have come between the look at the tombstone and the new key.
            if self._tombstone(artefact_id).exists():
                path.unlink(missing_ok=True)
        return self.existing_key(artefact_id)

    def existing_key(self, artefact_id: str) -> bytes:
        from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as decrypt
        from nacl.exceptions import CryptoError

        self._require_alive(artefact_id)
        try:
            wrapped = self._path(artefact_id).read_bytes()
        except FileNotFoundError:
            raise ArtefactError(f"the vault holds no key of {artefact_id}") from None
        try:
            return decrypt(wrapped[_NONCE:], _associated(artefact_id), wrapped[:_NONCE], self._kek())
        except (CryptoError, ValueError, TypeError):
            raise ArtefactError(
                f"the key of {artefact_id} is damaged, or wrapped by another key-encryption key"
            ) from None

    def destroy(self, artefact_id: str) -> None:
        tombstone, path = self._tombstone(artefact_id), self._path(artefact_id)
        create_once(tombstone, b"destroyed\n")
        with contextlib.suppress(FileNotFoundError):
            # Overwritten as well as removed, for what it is worth on this file system.
            with path.open("r+b") as file:
                file.write(bytes(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
        _sync_folder(path.parent)

    def is_destroyed(self, artefact_id: str) -> bool:
        return self._tombstone(artefact_id).exists()

    def _require_alive(self, artefact_id: str) -> None:
        if self.is_destroyed(artefact_id):
            raise ArtefactError(f"the key of {artefact_id} was destroyed: it can never be opened or written again")

    def _wrap(self, artefact_id: str, key: bytes) -> bytes:
        from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as encrypt

        nonce = os.urandom(_NONCE)
        return nonce + encrypt(key, _associated(artefact_id), nonce, self._kek())

    def _kek(self) -> bytes:
        path = self.directory / "kek"
        if not path.exists():
            create_once(path, os.urandom(32))
        kek = read_secret(path)
        if len(kek) != 32:
            raise ArtefactError("the key-encryption key is damaged: restore it, or no artefact can be opened")
        return kek

    def _path(self, artefact_id: str) -> Path:
        return self.directory / "keys" / f"{_checked(artefact_id)}.key"

    def _tombstone(self, artefact_id: str) -> Path:
        return self.directory / "keys" / f"{_checked(artefact_id)}.destroyed"


def derive_seed(
    secret: bytes, request_id: str, input_digest: str, mechanism_digest: str, record: Path | None = None
) -> bytes:
    """32 bytes of seed for one mechanism run: a retry of the same run draws the same noise, so it is no second spend.

    A keyed BLAKE2b over request, pinned input and mechanism. ``record`` is a folder that remembers what a request was
    first run on: the same request on other input or by another mechanism would be a second, unpaid look at the data,
    and raises ``BudgetError``.
    """
    pinned = canonical([request_id, input_digest, mechanism_digest])
    if record is not None:
        name = hashlib.sha256(request_id.encode()).hexdigest()
        if create_once(record / name, pinned) != pinned:
            raise BudgetError("this request already ran on another input or by another mechanism: ask for a new spend")
    return hashlib.blake2b(pinned, key=secret, digest_size=32, person=b"perennial-noise").digest()


def create_once(path: Path, body: bytes) -> bytes:
    """Create a file (mode 0600) whole and on disk, unless it exists; return what it holds now. Safe among processes."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{os.getpid()}.{os.urandom(6).hex()}.part")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
            _sync_folder(path.parent)
        finally:
            draft.unlink(missing_ok=True)
    return path.read_bytes()


def _checked(artefact_id: str) -> str:
    if not _ARTEFACT_ID.fullmatch(artefact_id):
        raise ArtefactError("an artefact id is up to 141 lower-case letters, digits, dots, dashes and underscores")
    return artefact_id


def _associated(artefact_id: str) -> bytes:
    return b"perennial-wrapped-1\n" + artefact_id.encode()


def _sync_folder(path: Path) -> None:
    if not path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
