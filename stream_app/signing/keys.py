"""Ed25519 keys in the PEM files that ``openssl`` reads: PKCS#8 for secret keys, SubjectPublicKeyInfo for public ones.

A key's id is the SHA-256 of its DER SubjectPublicKeyInfo, in hex. The DER of an Ed25519 or X25519 key is a fixed
prefix and 32 bytes (RFC 8410), so nothing here parses ASN.1.
"""

import base64
import binascii
import hashlib
import os
import stat
from typing import NamedTuple

from schemas.errors import InputError

_ED25519, _X25519 = 0x70, 0x6E
_LARGEST_FILE = 4096
_PUBLIC, _SECRET = "PUBLIC KEY", "PRIVATE KEY"

PathText = str | os.PathLike[str]


class PublicKey(NamedTuple):
    """An Ed25519 public key, 32 bytes."""

    raw: bytes

    @property
    def keyid(self) -> str:
        """SHA-256 of the DER SubjectPublicKeyInfo, 64 lower-case hex digits."""
        return hashlib.sha256(_spki(self.raw, _ED25519)).hexdigest()

    @property
    def pem(self) -> bytes:
        return _pem(_PUBLIC, _spki(self.raw, _ED25519))

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature over the message is this key's; libsodium refuses small-order keys and malleable
        forms.
        """
        # Straight to libsodium: the package of its wrappers takes 15 ms to load, which ``perennial verify`` has not.
        from nacl._sodium import ffi, lib  # type: ignore[import-not-found, unused-ignore]

        if len(signature) != 64 or len(self.raw) != 32 or lib.sodium_init() < 0:
            return False
        signed = signature + message
        room, size = ffi.new("unsigned char[]", len(signed)), ffi.new("unsigned long long *")
        return bool(lib.crypto_sign_open(room, size, signed, len(signed), self.raw) == 0)


class SecretKey:
    """An Ed25519 secret key by its 32-byte seed, which no ``repr`` shows."""

    __slots__ = ("seed",)

    def __init__(self, seed: bytes) -> None:
        self.seed = seed

    @property
    def public(self) -> PublicKey:
        from nacl.bindings import crypto_sign_seed_keypair

        return PublicKey(crypto_sign_seed_keypair(self.seed)[0])

    @property
    def keyid(self) -> str:
        return self.public.keyid

    @property
    def pem(self) -> bytes:
        return _pem(_SECRET, _pkcs8(self.seed, _ED25519))

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature, the same each time (RFC 8032)."""
        from nacl.bindings import crypto_sign, crypto_sign_seed_keypair

        return crypto_sign(message, crypto_sign_seed_keypair(self.seed)[1])[:64]


class ConsumerKey:
    """An X25519 secret key, to which key leases are sealed; no ``repr`` shows it."""

    __slots__ = ("secret",)

    def __init__(self, secret: bytes) -> None:
        self.secret = secret

    @property
    def public(self) -> bytes:
        from nacl.bindings import crypto_scalarmult_base

        return crypto_scalarmult_base(self.secret)

    @property
    def pem(self) -> bytes:
        return _pem(_SECRET, _pkcs8(self.secret, _X25519))

    @property
    def public_pem(self) -> bytes:
        return _pem(_PUBLIC, _spki(self.public, _X25519))


def new_key(role: str, directory: PathText) -> tuple[str, str]:
    """Write ``ROLE.key`` (mode 0600) and ``ROLE.pub``; return both paths. Raises ``InputError`` rather than
    overwrite.
    """
    key = SecretKey(os.urandom(32))
    return _write_pair(role, directory, key.pem, key.public.pem)


def new_consumer_key(name: str, directory: PathText) -> tuple[str, str]:
    """Write an X25519 pair ``NAME.key`` (mode 0600) and ``NAME.pub``. Raises ``InputError`` rather than overwrite."""
    key = ConsumerKey(os.urandom(32))
    return _write_pair(name, directory, key.pem, key.public_pem)


def load_secret(path: PathText) -> SecretKey:
    """The Ed25519 secret key in a file. Raises ``InputError`` where others may read the file, or it is no such key."""
    return SecretKey(_unwrap(_read(path, secret=True), _SECRET, _pkcs8(b"", _ED25519), path))


def load_consumer(path: PathText) -> ConsumerKey:
    """The X25519 secret key in a file. Raises ``InputError`` where others may read the file, or it is no such key."""
    return ConsumerKey(_unwrap(_read(path, secret=True), _SECRET, _pkcs8(b"", _X25519), path))


def load_public(path: PathText) -> PublicKey:
    """The Ed25519 public key in a file; raises ``InputError``."""
    return PublicKey(_unwrap(_read(path, secret=False), _PUBLIC, _spki(b"", _ED25519), path))


def load_consumer_public(path: PathText) -> bytes:
    """The X25519 public key in a file, 32 bytes; raises ``InputError``."""
    return _unwrap(_read(path, secret=False), _PUBLIC, _spki(b"", _X25519), path)


def write_secret(path: PathText, body: bytes) -> None:
    """Create a file that only its owner may read, on disk when this returns. Raises ``InputError`` where it exists."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise InputError(
            f"cannot create {os.fspath(path)}: {error.strerror}; an existing key is never overwritten"
        ) from None
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, 0o600)
        file.write(body)
        file.flush()
        os.fsync(handle)


def read_secret(path: PathText) -> bytes:
    """A small secret file; raises ``InputError`` where group or others may read it."""
    return _read(path, secret=True)


def _write_pair(name: str, directory: PathText, secret: bytes, public: bytes) -> tuple[str, str]:
    os.makedirs(directory, exist_ok=True)
    stem = os.path.join(os.fspath(directory), name)
    if os.path.exists(f"{stem}.pub"):
        raise InputError(f"{stem}.pub exists; an existing key is never overwritten")
    write_secret(f"{stem}.key", secret)
    with open(f"{stem}.pub", "wb") as file:
        file.write(public)
    return f"{stem}.key", f"{stem}.pub"


def _read(path: PathText, *, secret: bool) -> bytes:
    try:
        with open(path, "rb") as file:
            # The mode is of the file that was opened, not of what the path names by then.
            if secret and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise InputError(
                    f"{os.fspath(path)} can be read by others than its owner; run  chmod 600 {os.fspath(path)}"
                )
            body = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise InputError(f"cannot read the key {os.fspath(path)}: {error.strerror}") from None
    if len(body) > _LARGEST_FILE:
        raise InputError(f"{os.fspath(path)} is too large for a key")
    return body


def _unwrap(body: bytes, label: str, prefix: bytes, path: PathText) -> bytes:
    lines = body.replace(b"\r\n", b"\n").strip().split(b"\n")
    kind = label.encode()
    if len(lines) < 3 or lines[0] != b"-----BEGIN %b-----" % kind or lines[-1] != b"-----END %b-----" % kind:
        raise InputError(f"{os.fspath(path)} is no PEM file with a {label}")
    try:
        der = base64.b64decode(b"".join(lines[1:-1]), validate=True)
    except (binascii.Error, ValueError):
        raise InputError(f"{os.fspath(path)} is no PEM file: its body is not base64") from None
    if len(der) != len(prefix) + 32 or not der.startswith(prefix):
        curve = "Ed25519" if bytes([_ED25519]) in prefix else "X25519"
        raise InputError(f"{os.fspath(path)} holds no {curve} key")
    return der[len(prefix) :]


def _spki(raw: bytes, curve: int) -> bytes:
    return bytes.fromhex("302a300506032b65") + bytes([curve]) + bytes.fromhex("032100") + raw


def _pkcs8(raw: bytes, curve: int) -> bytes:
    return bytes.fromhex("302e020100300506032b65") + bytes([curve]) + bytes.fromhex("04220420") + raw


def _pem(label: str, der: bytes) -> bytes:
    return f"-----BEGIN {label}-----\n{base64.b64encode(der).decode()}\n-----END {label}-----\n".encode()
