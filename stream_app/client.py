"""For consumers: subscribe to a dataset's releases, verify them, open them, be told of revocations.

    client = Client("broker:9092", "flights", trust=Path("trust.json"), state_dir=Path("state"),
                    leases=LocalLeases(FileKeyVault(Path("vault"))), store="s3://bucket/store")
    frame = client.current().open()
    for notice in client.subscribe():
        ...

What may be believed and opened is decided in ``stream_app/signing/consumer.py``; this reads, remembers and hands over.
"""

import hashlib
import io
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from schemas.errors import ArtefactError, ContractError, InputError, SignatureError
from schemas.events.base import derive_id
from schemas.events.releases import ReceiptIssued, ReleaseCertified, StatusPublished
from schemas.events.runs import ArtefactRef
from stream_app.adapters.leases import Leases, LocalLeases
from stream_app.adapters.store import ArtefactStore
from stream_app.adapters.trust_state import recall, remember
from stream_app.signing import consumer
from stream_app.signing.consumer import Change, View
from stream_app.signing.keys import ConsumerKey
from stream_app.signing.statement import Certified
from stream_app.signing.trust import Trust

if TYPE_CHECKING:
    import pandas as pd

    from schemas.certificate import Statement
    from stream_app.adapters.reader import StoredMessage

__all__ = ["Client", "Leases", "LocalLeases", "Notice", "Release"]

TOPICS: Final = ("release.certified", "release.status")
_PARQUET: Final = "application/vnd.apache.parquet"


@dataclass(frozen=True, slots=True)
class Notice:
    """What a subscriber is told. ``at`` is the broker's time of the status, milliseconds since 1970.

    ``released``, ``restored``: the release may be used now. ``revoked``: never again. ``frozen``, ``unfrozen``: the
    release, or without one the whole dataset. ``heartbeat``: nothing changed. ``stale``: the registry is silent
    beyond what it promised. ``refused``: someone sent what does not verify."""

    kind: consumer.Kind | Literal["stale", "refused"]
    dataset: str
    release_id: str | None
    at: int
    reason: str | None = None


class Client:
    """One consumer of one dataset.

    ``trust`` is a root file, or a chain of them, each signed by the one before; its successors are followed by the
    same rule and older ones refused. A ``Trust`` is taken as pinned by the caller. ``state_dir`` keeps what must
    outlive the process. A status may be ``grace_ms`` older than it promised. Raises ``SignatureError`` for whatever
    may not be believed."""

    def __init__(
        self,
        bootstrap: str,
        dataset: str,
        *,
        trust: Trust | Path | Sequence[Path],
        state_dir: Path,
        leases: Leases | None = None,
        store: ArtefactStore | str | None = None,
        consumer_key: ConsumerKey | None = None,
        name: str = "client",
        grace_ms: int = 60_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.dataset, self.name = dataset, name
        self._bootstrap, self._state_dir = bootstrap, state_dir
        self._leases, self._consumer_key = leases, consumer_key or ConsumerKey(os.urandom(32))
        self._store = ArtefactStore(store) if isinstance(store, str) else store
        self._grace_ms, self._clock = grace_ms, clock
        self._lock = threading.Lock()
        self._root_file, self._view = recall(state_dir, dataset, trust)
        self._remembered = self._view
        self._subscribers: list[deque[Notice]] = []
        remember(state_dir, self._view, self._root_file)

    @property
    def view(self) -> View:
        """What is believed now, of what was read so far."""
        return self._view

    def subscribe(self, stop: threading.Event | None = None) -> Iterator[Notice]:
        """Notices, as they come, until ``stop`` is set: first how things stand, then every change, whoever read of it.

        How things stand is told against what the client remembered when it was made. Blocking, for a thread of its own.
        """
        from stream_app.adapters.reader import follow

        stop = stop or threading.Event()
        self.refresh()
        with self._lock:
            waiting = deque(self._notice(change) for change in consumer.changes_since(self._remembered, self._view))
            self._subscribers.append(waiting)
        stale = False
        try:
            self._wait_for_topics(stop)
            for message in follow(self._bootstrap, TOPICS, stop):
                if message is not None:
                    self._take(message)
                while waiting:
                    yield waiting.popleft()
                was_stale, stale = stale, self._is_stale()
                if stale and not was_stale:
                    yield Notice("stale", self.dataset, None, self._now(), "the newest status is out of date")
        finally:
            self._subscribers.remove(waiting)

    def refresh(self) -> None:
        """Read everything that the topics hold now. Raises ``TransientError`` where no broker answers."""
        from stream_app.adapters.reader import read_topic

        for message in read_topic(self._bootstrap, *TOPICS):
            self._take(message)

    def current(self) -> "Release":
        """The release that may be used now; raises ``SignatureError`` where there is none."""
        self.refresh()
        return Release(self, consumer.current(self._view, self._now(), self._grace_ms))

    def release(self, release_id: str) -> "Release":
        """A release by its id, usable or not; whoever opens it is told. Raises ``InputError`` where no certificate is
        known.
        """
        self.refresh()
        known = [
            found for found in self._view.certificates.values() if found.statement.predicate.release_id == release_id
        ]
        if not known:
            raise InputError(f"no certificate of {release_id} is known")
        state = self._view.state_of(release_id)
        named = self._view.certificate_of(state) if state is not None else None
        return Release(self, named or known[-1])

    def _openable(self, release_id: str) -> Certified:
        self.refresh()
        return consumer.openable(self._view, release_id, self._now(), self._grace_ms)

    def _fetch(self, ref: ArtefactRef) -> bytes:
        if self._leases is None or self._store is None:
            raise InputError("to open a release the client needs leases and a store")
        lease = self._leases.lease(ref.artefact_id, self._consumer_key.public)
        return self._store.open_with_lease(ref, lease, self._consumer_key)

    def _send_receipt(self, certified: Certified, files: tuple[str, ...]) -> None:
        from stream_app.adapters.publisher import Publisher

        release_id, at = certified.statement.predicate.release_id, self._now()
        event_id = derive_id("receipt", self.dataset, release_id, self.name, at)
        receipt = ReceiptIssued(
            event_id=event_id, dataset=self.dataset, release_id=release_id, consumer=self.name, files=files
        )
        with Publisher(self._bootstrap, f"/clients/{self.name}") as publisher:
            publisher.send("receipts", receipt)
            publisher.flush()

    def _take(self, message: "StoredMessage") -> None:
        """Feed one message to the trust machine and tell every subscriber; what does not verify changes nothing."""
        if message.key != self.dataset.encode():
            return
        with self._lock:
            before = self._view
            try:
                self._view, changes = self._step(message)
                notices = [self._notice(change) for change in changes]
            except (SignatureError, ContractError) as error:
                notices = [Notice("refused", self.dataset, None, message.at, str(error))]
            if (self._view.mark, self._view.revoked) != (before.mark, before.revoked):
                remember(self._state_dir, self._view, self._root_file)
            for waiting in self._subscribers:
                waiting.extend(notices)

    def _step(self, message: "StoredMessage") -> tuple[View, tuple[Change, ...]]:
        match message.event():
            # A topic that is read from its beginning holds older statuses; that is history, and nobody's attack.
            case StatusPublished(version=version) if self._view.mark is not None and version < self._view.mark.version:
                return self._view, ()
            case StatusPublished(envelope=envelope):
                return consumer.take_status(self._view, envelope)
            case ReleaseCertified(release_id=release_id, envelope=envelope):
                return consumer.take_certificate(self._view, release_id, envelope)
            case _:
                return self._view, ()

    def _wait_for_topics(self, stop: threading.Event) -> None:
        from stream_app.adapters.reader import partitions_of

        while not all(partitions_of(self._bootstrap, topic) for topic in TOPICS) and not stop.wait(0.5):
            pass

    def _is_stale(self) -> bool:
        status = self._view.status
        return status is not None and self._now() > status.fresh_until + self._grace_ms

    def _notice(self, change: Change) -> Notice:
        return Notice(change.kind, self.dataset, change.release_id, change.at, change.reason)

    def _now(self) -> int:
        return int(self._clock() * 1000)


@dataclass(frozen=True, slots=True)
class Release:
    """A release whose certificate was verified. Every use asks the newest status again first."""

    client: Client
    certified: Certified

    @property
    def release_id(self) -> str:
        return self.certified.statement.predicate.release_id

    @property
    def certificate(self) -> "Statement":
        """What the certificate says."""
        return self.certified.statement

    @property
    def certificate_bytes(self) -> bytes:
        """The certificate's file, for ``perennial verify`` and for anyone's DSSE verifier."""
        return self.certified.file

    def verify(self) -> None:
        """Return where the release may be used and its stored data are what was certified; raises why not."""
        self._data(self.client._openable(self.release_id))

    def open(self) -> "pd.DataFrame":
        """The data. A receipt is sent first. Raises ``SignatureError`` where it may not be used, ``ArtefactError``
        where it was changed.
        """
        import pandas as pd

        ref, body = self._opened()
        return pd.read_parquet(io.BytesIO(body)) if ref.media_type == _PARQUET else pd.read_csv(io.BytesIO(body))

    def save(self, path: Path) -> tuple[Path, Path]:
        """Write the data to ``path`` and the certificate beside it (``PATH.intoto.json``), as ``open`` would; return
        both.
        """
        _, body = self._opened()
        certificate = path.with_name(f"{path.name}.intoto.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        certificate.write_bytes(self.certificate_bytes)
        return path, certificate

    def _opened(self) -> tuple[ArtefactRef, bytes]:
        certified = self.client._openable(self.release_id)
        ref, body = self._data(certified)
        self.client._send_receipt(certified, (ref.sha256,))
        return ref, body

    def _data(self, certified: Certified) -> tuple[ArtefactRef, bytes]:
        """The first stored file that is a subject, its plaintext digest checked against the subject."""
        subjects = {subject.digests.sha256 for subject in certified.statement.subject}
        ref = next((ref for ref in certified.statement.predicate.artefacts if ref.sha256 in subjects), None)
        if ref is None:
            raise ArtefactError(f"the certificate of {self.release_id} names no stored file")
        body = self.client._fetch(ref)
        if hashlib.sha256(body).hexdigest() not in subjects:
            raise ArtefactError(f"the data of {self.release_id} are not what was certified")
        return ref, body
