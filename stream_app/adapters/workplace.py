"""What a worker and its pool processes share on this machine: the store, the vault, secrets. Small enough to be
pickled.
"""

import hashlib
import io
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import InputError
from schemas.events.runs import ArtefactRef
from schemas.events.sources import CountsRef, SourceRef
from stream_app.adapters.store import ArtefactStore
from stream_app.adapters.vault import FileKeyVault

if TYPE_CHECKING:
    import pandas as pd

    from schemas.counts import TableCounts

SEALED = "artefact:"


@dataclass(frozen=True, slots=True)
class Workplace:
    """``home`` on this machine and the store's URI; every secret is derived from one file that stays in ``home``."""

    home: Path
    store_uri: str

    @property
    def vault(self) -> FileKeyVault:
        return FileKeyVault(self.home / "vault")

    @property
    def store(self) -> ArtefactStore:
        return ArtefactStore(self.store_uri, self.vault)

    def secret(self, purpose: str) -> bytes:
        """32 bytes for one purpose. The same on every worker that shares ``home``; made on first use, mode 0600."""
        return hashlib.blake2b(purpose.encode(), key=self._root_secret(), digest_size=32).digest()

    def _root_secret(self) -> bytes:
        path = self.home / "keys" / "worker.secret"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            fresh.touch(mode=0o600)
            fresh.write_bytes(secrets.token_bytes(32))
            try:
                os.link(fresh, path)  # fails where another worker was first: then its secret is the one
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        found = path.read_bytes()
        if len(found) != 32:
            raise InputError(
                f"{path} does not hold 32 bytes: restore it from a backup, or splits and noise will differ"
            )
        return found

    def seal_window(self, window: "pd.DataFrame", artefact_id: str) -> SourceRef:
        """Store conformed live rows encrypted; only workers with this vault can open them."""
        from schemas.table import encode_parquet

        body = encode_parquet(window)
        ref = self.store.put(artefact_id, f"{artefact_id}.parquet", "application/vnd.apache.parquet", body)
        return SourceRef(uri=SEALED + ref.to_bytes().decode(), sha256=ref.sha256, format="sealed", rows=len(window))

    def seal_counts(self, counts: "TableCounts", artefact_id: str) -> CountsRef:
        """Store exact counts encrypted, as a window's rows are."""
        body = counts.to_bytes()
        ref = self.store.put(artefact_id, f"{artefact_id}.json", "application/json", body)
        return CountsRef(uri=SEALED + ref.to_bytes().decode(), sha256=ref.sha256, rows=counts.rows)

    def read_counts(self, source: CountsRef) -> "TableCounts":
        """The counts that ``seal_counts`` stored; raises ``ArtefactError``, ``ContractError``."""
        from schemas.counts import TableCounts

        return TableCounts.from_bytes(self._opened(source))

    def read_window(self, source: SourceRef) -> "pd.DataFrame":
        """The rows of a sealed window; raises ``ArtefactError``, ``ContractError``."""
        import pandas as pd

        return pd.read_parquet(io.BytesIO(self._opened(source)))

    def _opened(self, source: SourceRef | CountsRef) -> bytes:
        return self.store.open(ArtefactRef.from_bytes(source.uri.removeprefix(SEALED)))
