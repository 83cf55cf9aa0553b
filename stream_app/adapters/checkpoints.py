"""Checkpoints of long work, so that whoever takes it over goes on: the drift station's state, a fit half done.

They are made from real rows, so they are encrypted and authenticated under a key of the deployment. One that is
damaged, of another name or under another key is no checkpoint: the work is then done from its beginning.
"""

import contextlib
import hashlib
import os
import posixpath
import zlib
from dataclasses import dataclass

from schemas.errors import TransientError
from stream_app.adapters.workplace import Workplace

_MAGIC = b"perennial-checkpoint-1\n"


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The newest checkpoint of each name (a dataset's, or a fit's), beside the artefacts."""

    workplace: Workplace

    def write(self, name: str, text: str) -> None:
        """Replace the checkpoint at once; blocking. Raises ``TransientError`` where it cannot be stored."""
        self.write_bytes(name, text.encode())

    def read(self, name: str) -> str | None:
        """The text that was written last, or none; blocking."""
        body = self.read_bytes(name)
        try:
            return None if body is None else body.decode()
        except ValueError:
            return None

    def write_bytes(self, name: str, content: bytes) -> None:
        """``write`` for bytes."""
        import fsspec
        from nacl.secret import SecretBox

        body = _MAGIC + name.encode() + b"\n" + zlib.compress(content, 1)
        sealed = bytes(SecretBox(self.workplace.secret("checkpoint")).encrypt(body))
        try:
            files, path = fsspec.core.url_to_fs(self._uri(name))
            files.makedirs(posixpath.dirname(path), exist_ok=True)
            fresh = f"{path}.{os.getpid()}"
            files.pipe_file(fresh, sealed)
            files.mv(fresh, path)
        except OSError as error:
            raise TransientError(f"a checkpoint cannot be stored: {type(error).__name__}") from None

    def read_bytes(self, name: str) -> bytes | None:
        """``read`` for bytes."""
        import fsspec
        from nacl.exceptions import CryptoError
        from nacl.secret import SecretBox

        try:
            files, path = fsspec.core.url_to_fs(self._uri(name))
            body = SecretBox(self.workplace.secret("checkpoint")).decrypt(files.cat_file(path))
            head = _MAGIC + name.encode() + b"\n"
            return zlib.decompress(body.removeprefix(head)) if body.startswith(head) else None
        except (OSError, CryptoError, ValueError, zlib.error):
            return None

    def forget(self, name: str) -> None:
        """Remove the checkpoint, where there is one; a store that does not answer keeps it."""
        import fsspec

        with contextlib.suppress(OSError):
            files, path = fsspec.core.url_to_fs(self._uri(name))
            files.rm(path)

    def _uri(self, name: str) -> str:
        # A dataset's name may not say where a file lies.
        return f"{self.workplace.store_uri}/checkpoints/{hashlib.sha256(name.encode()).hexdigest()[:32]}.sealed"


@dataclass(frozen=True, slots=True)
class FitCheckpoints:
    """Where one fit keeps its state (``generators.protocol.Checkpoints``). ``fit`` names the request, its pinned input
    and its mechanisms: another fit never goes on from it.
    """

    checkpoints: Checkpoints
    fit: str

    def load(self) -> bytes | None:
        """What was saved last, or none."""
        return self.checkpoints.read_bytes(self._name)

    def save(self, state: bytes) -> None:
        """Replace it; a store that does not answer costs the checkpoint, not the fit."""
        with contextlib.suppress(TransientError):
            self.checkpoints.write_bytes(self._name, state)

    def forget(self) -> None:
        """The fit is over."""
        self.checkpoints.forget(self._name)

    @property
    def _name(self) -> str:
        return f"fit:{self.fit}"  # no dataset's name holds a colon
