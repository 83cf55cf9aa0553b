"""Checkpoints of the drift station, so that a worker that takes a dataset over goes on in well under a second.

They hold counts of real rows, so they are encrypted and authenticated under a key of the deployment. One that is
damaged, of another dataset or under another key is no checkpoint: the state is then built from the topics again.
"""

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
    """The newest checkpoint of each dataset, beside the artefacts."""

    workplace: Workplace

    def write(self, dataset: str, text: str) -> None:
        """Replace the dataset's checkpoint at once; blocking. Raises ``TransientError`` where it cannot be stored."""
        import fsspec
        from nacl.secret import SecretBox

        body = _MAGIC + dataset.encode() + b"\n" + zlib.compress(text.encode(), 1)
        sealed = bytes(SecretBox(self.workplace.secret("checkpoint")).encrypt(body))
        try:
            files, path = fsspec.core.url_to_fs(self._uri(dataset))
            files.makedirs(posixpath.dirname(path), exist_ok=True)
            fresh = f"{path}.{os.getpid()}"
            files.pipe_file(fresh, sealed)
            files.mv(fresh, path)
        except OSError as error:
            raise TransientError(f"a checkpoint cannot be stored: {type(error).__name__}") from None

    def read(self, dataset: str) -> str | None:
        """The text that was written last, or none; blocking."""
        import fsspec
        from nacl.exceptions import CryptoError
        from nacl.secret import SecretBox

        try:
            files, path = fsspec.core.url_to_fs(self._uri(dataset))
            body = SecretBox(self.workplace.secret("checkpoint")).decrypt(files.cat_file(path))
            head = _MAGIC + dataset.encode() + b"\n"
            return zlib.decompress(body.removeprefix(head)).decode() if body.startswith(head) else None
        except (OSError, CryptoError, ValueError, zlib.error):
            return None

    def _uri(self, dataset: str) -> str:
        # A dataset's name may not say where a file lies.
        return f"{self.workplace.store_uri}/checkpoints/{hashlib.sha256(dataset.encode()).hexdigest()[:32]}.sealed"
