"""The client on the embedded broker: told, opening, refusing, remembering."""

import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from schemas.envelope import Envelope
from schemas.errors import ArtefactError, InputError, SignatureError
from schemas.events.base import derive_id
from schemas.events.releases import ReceiptIssued, ReleaseCertified, Status, StatusPublished
from schemas.topics import BY_NAME
from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.adapters.publisher import Publisher
from stream_app.adapters.reader import read_topic
from stream_app.adapters.store import ArtefactStore
from stream_app.adapters.vault import FileKeyVault
from stream_app.client import Client, LocalLeases, Notice
from stream_app.signing.trust import sign_root
from tests.unit.stream_app.signing.deployments import DAY, NOW, Deployment, key_of, state

DEPLOYMENT = Deployment()
TOPICS = {name: BY_NAME[name].partitions for name in ("release.certified", "release.status", "receipts")}
FRAME = pd.DataFrame({"late": [0, 1, 1], "distance": [100.5, 7.0, 3.0]})


class Registry:
    """What the registry would publish, and where the artefacts lie."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.bootstrap, self.folder = bootstrap, folder
        self.vault = FileKeyVault(folder / "vault")
        self.store = ArtefactStore(str(folder / "store"), self.vault)
        self.publisher = Publisher(bootstrap, "/stations/registry")
        (folder / "trust.json").write_bytes(sign_root(DEPLOYMENT.trust, DEPLOYMENT.keys["root"]))

    def certify(self, release: str, certified_at: int, body: bytes | None = None, **changes: Any) -> Envelope:
        data = body or _parquet()
        ref = self.store.put(f"{release}.data", "data.parquet", "application/vnd.apache.parquet", data)
        named = {"certified_at": certified_at, "artefacts": (ref,), **changes}
        certificate = DEPLOYMENT.certificate(release, data, **named)
        self.publish_certificate(release, certificate)
        return certificate

    def publish_certificate(self, release: str, certificate: Envelope) -> None:
        event_id = derive_id("certified", certificate.digest())
        self.publisher.send(
            "release.certified",
            ReleaseCertified(event_id=event_id, dataset="flights", release_id=release, envelope=certificate),
        )
        self.publisher.flush()

    def status(self, envelope: Envelope) -> None:
        status = Status.from_bytes(envelope.content)
        event_id = derive_id("status", envelope.digest())
        self.publisher.send(
            "release.status",
            StatusPublished(event_id=event_id, dataset="flights", version=status.version, envelope=envelope),
        )
        self.publisher.flush()

    def client(self, **changes: Any) -> Client:
        named: dict[str, Any] = {
            "trust": self.folder / "trust.json",
            "state_dir": self.folder / "state",
            "leases": LocalLeases(self.vault),
            "store": str(self.folder / "store"),
            "name": "team-a",
            "clock": lambda: NOW / 1000,
            **changes,
        }
        return Client(self.bootstrap, "flights", **named)


def _parquet(frame: pd.DataFrame = FRAME) -> bytes:
    sink = io.BytesIO()
    frame.to_parquet(sink)
    return sink.getvalue()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with EmbeddedBroker(TOPICS) as embedded:
        found = Registry(embedded.bootstrap, tmp_path)
        yield found
        found.publisher.close()


def _receipts(registry: Registry) -> list[ReceiptIssued]:
    events = [message.event() for message in read_topic(registry.bootstrap, "receipts")]
    return [event for event in events if isinstance(event, ReceiptIssued)]


def test_the_current_release_opens_and_a_receipt_is_left(registry: Registry) -> None:
    certificate = registry.certify("flights-1", NOW)
    registry.status(DEPLOYMENT.status(1, state(certificate), current="flights-1"))
    release = registry.client().current()
    release.verify()
    assert _receipts(registry) == []
    pd.testing.assert_frame_equal(release.open(), FRAME)
    assert release.certificate.predicate.tier == "internal"
    assert release.certificate_bytes == certificate.to_bytes()
    (receipt,) = _receipts(registry)
    assert (receipt.consumer, receipt.release_id, receipt.files) == (
        "team-a",
        "flights-1",
        (release.certificate.subject[0].digests.sha256,),
    )


def test_saved_files_pass_the_offline_check(registry: Registry) -> None:
    from stream_app import verify

    certificate = registry.certify("flights-1", NOW)
    registry.status(DEPLOYMENT.status(1, state(certificate), current="flights-1"))
    data, saved = registry.client().current().save(registry.folder / "out" / "flights.parquet")
    assert (
        verify.main([str(saved), str(data), "--trust", str(registry.folder / "trust.json"), "--at", "2026-06-01"]) == 0
    )


def test_revoked_while_held(registry: Registry) -> None:
    certificate = registry.certify("flights-1", NOW)
    registry.status(DEPLOYMENT.status(1, state(certificate), current="flights-1"))
    client = registry.client()
    release = client.current()
    registry.status(DEPLOYMENT.status(2, state(certificate, "revoked", reason="privacy")))
    for use in (release.open, release.verify, lambda: release.save(registry.folder / "x"), client.current):
        with pytest.raises(SignatureError):
            use()
    assert client.release("flights-1").certificate_bytes == certificate.to_bytes()
    assert _receipts(registry) == []


def test_destroyed_key_opens_nothing_even_under_an_old_status(registry: Registry) -> None:
    certificate = registry.certify("flights-1", NOW)
    registry.status(DEPLOYMENT.status(1, state(certificate), current="flights-1"))
    registry.vault.destroy("flights-1.data")
    with pytest.raises(ArtefactError, match="destroyed"):
        registry.client().current().open()


def test_stored_data_that_are_not_what_was_certified(registry: Registry) -> None:
    other = registry.store.put("flights-1.data", "data.parquet", "application/vnd.apache.parquet", _parquet(FRAME * 2))
    claimed = DEPLOYMENT.certificate("flights-1", _parquet(), artefacts=(other,))
    registry.publish_certificate("flights-1", claimed)
    registry.status(DEPLOYMENT.status(1, state(claimed), current="flights-1"))
    with pytest.raises(ArtefactError, match="no stored file"):
        registry.client().current().open()
    honest = registry.store.put("flights-2.data", "data.parquet", "application/vnd.apache.parquet", _parquet())
    swapped = honest.model_copy(update={"ciphertext_sha256": other.ciphertext_sha256, "artefact_id": other.artefact_id})
    certificate = DEPLOYMENT.certificate("flights-2", _parquet(), artefacts=(swapped,))
    registry.publish_certificate("flights-2", certificate)
    registry.status(DEPLOYMENT.status(2, state(certificate), current="flights-2"))
    with pytest.raises(ArtefactError, match="content"):
        registry.client().current().open()


def test_frozen_stale_and_expired(registry: Registry) -> None:
    certificate = registry.certify("flights-1", NOW)
    registry.status(DEPLOYMENT.status(1, state(certificate), current="flights-1"))
    with pytest.raises(SignatureError, match="out of date"):
        registry.client(clock=lambda: (NOW + 2 * DAY) / 1000).current()
    registry.status(DEPLOYMENT.status(2, state(certificate), current="flights-1", frozen=True))
    with pytest.raises(SignatureError, match="frozen"):
        registry.client().current()
    registry.status(DEPLOYMENT.status(3, state(certificate, expires_at=NOW - 1), current="flights-1"))
    with pytest.raises(SignatureError, match="expired"):
        registry.client().current()


def test_a_replayed_status_changes_nothing_across_restarts(registry: Registry) -> None:
    certificate = registry.certify("flights-1", NOW)
    good = DEPLOYMENT.status(1, state(certificate), current="flights-1")
    registry.status(good)
    registry.status(DEPLOYMENT.status(2, state(certificate, "revoked")))
    first = registry.client()
    first.refresh()
    registry.status(good)
    for client in (first, registry.client()):
        with pytest.raises(SignatureError, match=r"was revoked|no release"):
            client.release("flights-1").open()
    assert registry.client().view.mark == first.view.mark


def test_a_broker_that_serves_only_the_past_cannot_undo_what_was_seen(registry: Registry) -> None:
    certificate = registry.certify("flights-1", NOW)
    registry.status(DEPLOYMENT.status(5, state(certificate, "revoked")))
    registry.client().refresh()
    with EmbeddedBroker(TOPICS) as other:
        past = Registry(other.bootstrap, registry.folder)
        past.publish_certificate("flights-1", certificate)
        past.status(DEPLOYMENT.status(1, state(certificate), current="flights-1"))
        with pytest.raises(SignatureError, match="was revoked"):
            past.client().release("flights-1").open()
        past.publisher.close()


def test_unknown_release_and_missing_ports(registry: Registry) -> None:
    certificate = registry.certify("flights-1", NOW)
    registry.status(DEPLOYMENT.status(1, state(certificate), current="flights-1"))
    with pytest.raises(InputError, match="no certificate"):
        registry.client().release("flights-9")
    with pytest.raises(InputError, match="leases and a store"):
        registry.client(leases=None).current().open()


class Subscriber:
    """A subscription on a thread of its own, and what it was told."""

    def __init__(self, client: Client) -> None:
        self.notices: list[Notice] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(client,), daemon=True)
        self.thread.start()

    def _run(self, client: Client) -> None:
        for notice in client.subscribe(self.stop):
            self.notices.append(notice)

    def wait_for(self, kind: str, release: str | None, seconds: float = 60.0) -> Notice:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = [notice for notice in self.notices if (notice.kind, notice.release_id) == (kind, release)]
            if found:
                return found[0]
            time.sleep(0.01)
        raise AssertionError(f"never told {kind} {release}; told {self.notices}")

    def end(self) -> list[str]:
        self.stop.set()
        self.thread.join(60)
        assert not self.thread.is_alive()
        return [notice.kind for notice in self.notices]


def test_a_subscriber_is_told_the_story_once_and_in_order(registry: Registry) -> None:
    subscriber = Subscriber(registry.client())
    one = registry.certify("flights-1", NOW)
    registry.status(DEPLOYMENT.status(1, state(one), current="flights-1"))
    subscriber.wait_for("released", "flights-1")
    two = registry.certify("flights-2", NOW + 1)
    registry.status(DEPLOYMENT.status(2, state(one, "superseded"), state(two), current="flights-2"))
    subscriber.wait_for("released", "flights-2")
    registry.status(DEPLOYMENT.status(3, state(one), state(two, "revoked", reason="privacy"), current="flights-1"))
    assert subscriber.wait_for("revoked", "flights-2").reason == "privacy"
    subscriber.wait_for("restored", "flights-1")
    registry.status(DEPLOYMENT.status(3, state(one), state(two, "revoked", reason="privacy"), current="flights-1"))
    registry.status(DEPLOYMENT.status(1, state(one), current="flights-1"))
    registry.status(
        DEPLOYMENT.status(
            4, state(one), state(two, "revoked", reason="privacy"), current="flights-1", key=key_of("stranger")
        )
    )
    subscriber.wait_for("refused", None)
    registry.status(DEPLOYMENT.status(4, state(one), state(two, "revoked", reason="privacy"), current="flights-1"))
    subscriber.wait_for("heartbeat", "flights-1")
    told = [kind for kind in subscriber.end() if kind not in ("heartbeat", "refused")]
    assert told == ["released", "released", "revoked", "restored"]


def test_a_late_subscriber_is_told_how_things_stand_and_of_silence(registry: Registry) -> None:
    one, two = registry.certify("flights-1", NOW), registry.certify("flights-2", NOW + 1)
    registry.status(DEPLOYMENT.status(1, state(two), current="flights-2"))
    registry.status(DEPLOYMENT.status(2, state(one), state(two, "revoked"), current="flights-1"))
    subscriber = Subscriber(registry.client(clock=lambda: (NOW + 2 * DAY) / 1000))
    subscriber.wait_for("stale", None)
    assert subscriber.end() == ["revoked", "released", "stale"]


def test_a_subscriber_is_told_of_what_another_thread_read_first(registry: Registry) -> None:
    one = registry.certify("flights-1", NOW)
    registry.status(DEPLOYMENT.status(1, state(one), current="flights-1"))
    client = registry.client()
    client.current()
    subscriber = Subscriber(client)
    subscriber.wait_for("released", "flights-1")
    for version in range(2, 12):
        registry.status(DEPLOYMENT.status(version, state(one), current="flights-1"))
        client.refresh()
    registry.status(DEPLOYMENT.status(12, state(one, "revoked")))
    client.refresh()
    subscriber.wait_for("revoked", "flights-1")
    assert subscriber.end() == ["released", *["heartbeat"] * 10, "revoked"]


def test_a_poisoned_topic_is_refused_and_passed_over(registry: Registry) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": registry.bootstrap, "partitioner": "murmur2_random"})
    for value in (b"\xff", b"{}", b"[" * 100):
        producer.produce(
            "release.status",
            value,
            key=b"flights",
            headers=[("ce_specversion", b"1.0"), ("ce_type", b"io.perennial.status.published.v1")],
        )
    producer.produce("release.status", None, key=b"flights")
    producer.flush()
    certificate = registry.certify("flights-1", NOW)
    registry.status(DEPLOYMENT.status(1, state(certificate), current="flights-1"))
    subscriber = Subscriber(registry.client())
    subscriber.wait_for("released", "flights-1")
    assert "released" in subscriber.end()
