"""The people of the demo: who signs commands, who sends rows, who consumes releases. Each has only its own key."""

import secrets
import shutil
import time
from pathlib import Path
from typing import Any

from schemas.events import Event
from schemas.events.commands import read_command
from stream_app.adapters.publisher import Publisher
from stream_app.adapters.workplace import Workplace
from stream_app.client import Client, LocalLeases
from stream_app.demo.stage import DemoFailed
from stream_app.settings import Settings
from stream_app.signing.commands import sign_command
from stream_app.signing.deployment import load_trust
from stream_app.signing.keys import load_secret

LIFETIME_MS = 3_600_000


class Cast:
    """Everyone who acts on one dataset; ``out`` is where the demo leaves what they save."""

    def __init__(self, dataset: str, settings: Settings, out: Path) -> None:
        self._dataset, self._settings, self._out = dataset, settings, out
        self._publisher = Publisher(settings.bootstrap, "/demo")

    def order(self, role: str, **document: Any) -> None:
        """Sign a command with the role's key and send it."""
        now = int(time.time() * 1000)
        filled = {
            "dataset": self._dataset,
            "audience": self._settings.deployment,
            "nonce": secrets.token_hex(16),
            "issued_at": now,
            "expires_at": now + LIFETIME_MS,
            **document,
        }
        key = load_secret(self._settings.home / "keys" / f"{role}.key")
        self.send("commands", sign_command(read_command(filled), key))
        self.flush()

    def send(self, topic: str, event: Event) -> None:
        self._publisher.send(topic, event)

    def flush(self) -> None:
        self._publisher.flush()

    def client(self, name: str) -> Client:
        """A consumer with a trust state of its own."""
        workplace = Workplace(self._settings.home, self._settings.store_uri)
        return Client(
            self._settings.bootstrap,
            self._dataset,
            trust=load_trust(self._settings.trust_file),
            state_dir=self._settings.home / name,
            leases=LocalLeases(workplace.vault),
            store=self._settings.store_uri,
            name=name,
        )

    def save(self, release: str, name: str) -> Path:
        """Open a release as an auditor and save data, certificate and public key into a folder of their own."""
        folder = self._out / "releases" / name
        folder.mkdir(parents=True, exist_ok=True)
        opened = self.client("auditor").release(release)
        _, beside = opened.save(folder / "data.parquet")
        beside.replace(folder / "certificate.intoto.json")
        shutil.copy(self._settings.home / "keys" / "service.pub", folder / "service.pub")
        return folder

    def close(self) -> None:
        self._publisher.close()


def hear(client: Client, release_id: str) -> float:
    """When a subscribed consumer was told that the release is revoked (``time.monotonic``); blocking, for a thread."""
    for notice in client.subscribe():
        if notice.kind == "revoked" and notice.release_id == release_id:
            return time.monotonic()
    raise DemoFailed("the subscription ended without a notice")
