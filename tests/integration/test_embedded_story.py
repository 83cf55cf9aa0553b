"""The same path in one process on the embedded broker: nothing to install, nothing kept."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from schemas.draft import draft
from schemas.events.commands import read_command
from schemas.generation import Generation
from schemas.topics import TOPICS
from stream_app.adapters.announcing import batches_of, snapshot_of
from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.adapters.ledger_file import audit_broker
from stream_app.adapters.publisher import Publisher
from stream_app.adapters.workplace import Workplace
from stream_app.app import Worker, worker
from stream_app.catalogue.view import Catalogue
from stream_app.client import Client, LocalLeases, Notice
from stream_app.settings import Settings
from stream_app.signing.commands import sign_command
from stream_app.signing.deployment import load_trust, new_deployment
from stream_app.signing.keys import load_secret
from tests.integration.deployment import PATIENCE_S, customers
from tests.workplaces import keep_secret

T = TypeVar("T")
DATASET = "embedded"
LIMITS = {
    "marginal_fidelity": 0.7,
    "pair_fidelity": 0.6,
    "tstr_ratio": 0.5,
    "detection_auc": 0.97,
    "neighbour_risk": 0.3,
    "membership_accuracy": 0.7,
    "leak_detectable_share": 0.1,
    "trts_ratio": 0.5,
    "tstr_auc": 0.5,
    "worst_column": 0.3,
    "worst_pair": 0.9,
    "tail_coverage": 0.2,
    "boundary_adherence": 0.8,
    "outlier_share": 0.3,
    "label_flips": 0.5,
    "backdoor_rows": 0.5,
    "label_leakage": 0.5,
    "triple_fidelity": 0.3,
    "integrity_score": 10,
}


class Scene:
    """Settings, a sender, and a way to wait for what the topics say."""

    def __init__(self, settings: Settings, publisher: Publisher, running: Worker) -> None:
        self.settings, self.publisher, self._running = settings, publisher, running
        self.trust = load_trust(settings.trust_file)

    @classmethod
    @asynccontextmanager
    async def opened(cls, bootstrap: str, folder: Path, **named: Any) -> "AsyncIterator[Scene]":
        """A new deployment in ``folder`` and its worker, at work on the embedded broker."""
        settings = Settings(bootstrap=bootstrap, home=folder / "home", embedded=True, **named)
        new_deployment(settings.home, settings.deployment, int(time.time() * 1000))
        keep_secret(settings.home)
        async with worker(settings) as running:
            with Publisher(settings.bootstrap, "/test") as publisher:
                yield cls(settings, publisher, running)

    def order(self, role: str, **document: Any) -> None:
        now = int(time.time() * 1000)
        filled = {
            "dataset": DATASET,
            "audience": "perennial",
            "nonce": f"{now:032x}",
            "issued_at": now,
            "expires_at": now + 600_000,
        }
        command = read_command(filled | document)
        self.publisher.send("commands", sign_command(command, load_secret(self.settings.home / "keys" / f"{role}.key")))
        self.publisher.flush()

    async def until(self, look: Callable[[Catalogue], T], what: str, seconds: float = PATIENCE_S) -> T:
        limit = time.monotonic() + seconds
        while True:
            view = await asyncio.to_thread(Catalogue.read, self.settings.bootstrap)
            if found := look(view):
                return found
            assert not self._running.failed.done(), self._running.failed.result()
            refused = [reason for event in view.rejections.values() for reason in event.reasons]
            assert time.monotonic() < limit, f"{what} did not come; refused: {refused}"
            await asyncio.sleep(0.2)

    def client(self, name: str) -> Client:
        place = Workplace(self.settings.home, self.settings.store_uri)
        return Client(
            self.settings.bootstrap, DATASET, trust=self.trust, state_dir=self.settings.home / name,
            leases=LocalLeases(place.vault), store=place.store_uri, name=name,
        )  # fmt: skip


def test_the_short_path_on_the_embedded_broker(tmp_path: Path) -> None:
    asyncio.run(_tell(tmp_path))


async def _tell(folder: Path) -> None:
    with EmbeddedBroker({topic.name: topic.partitions for topic in TOPICS}) as broker:
        async with Scene.opened(broker.bootstrap, folder, window_rows=3000, tick_seconds=2.0) as scene:
            first = await _first_release(scene, folder)
            second = await _release_after_drift(scene, folder, first)
            await _revocation(scene, first, second)
        audit = await asyncio.to_thread(audit_broker, broker.bootstrap, scene.trust)
        assert audit.ok, audit.faults
        assert [scope.grants for scope in audit.scopes] == [2]
        dead = (await asyncio.to_thread(Catalogue.read, broker.bootstrap)).dead
        assert [letter.topic for letter in dead.values()] == ["source.records"]


async def _first_release(scene: Scene, folder: Path) -> str:
    frame = customers(6_000, 1)
    frame.to_csv(folder / "rows.csv", index=False)
    contract = draft(frame, DATASET, target="left", epsilon=2, public_domains=True).contract
    settings = {"limits": LIMITS, "generation": Generation(counts="public_bins")}
    contract = contract.model_copy(update={"policy": contract.policy.model_copy(update=settings)})
    scene.order("owner", command="apply_contract", contract=contract.document())
    scene.publisher.send("source.snapshots", snapshot_of(DATASET, str(folder / "rows.csv")))
    status = await scene.until(lambda view: _certified(view, set()), "the first release")
    release = await asyncio.to_thread(scene.client("first").current)
    assert release.release_id == status
    await asyncio.to_thread(release.verify)
    assert len(await asyncio.to_thread(release.open)) > 2_000
    return status


async def _release_after_drift(scene: Scene, folder: Path, first: str) -> str:
    customers(4_000, 2, shift=1.0).to_csv(folder / "shifted.csv", index=False)
    batches = list(batches_of(DATASET, str(folder / "shifted.csv"), 250))
    scene.publisher.send("source.records", batches[0].model_copy(update={"event_id": "0" * 32, "block": b"poison"}))
    for batch in batches:
        scene.publisher.send("source.records", batch)
    scene.publisher.flush()
    second = await scene.until(lambda view: _certified(view, {first}), "a release after the drift")
    await _made_of_counts(scene, first, second)
    return second


async def _made_of_counts(scene: Scene, first: str, second: str) -> None:
    """The trainer had the tracker's counts and the release before, and read no row; the certificate says so."""
    stated = (await asyncio.to_thread(scene.client("counted").current)).certificate.predicate
    assert (stated.release_id, stated.counts_sha256 is not None) == (second, True)
    view = await asyncio.to_thread(Catalogue.read, scene.settings.bootstrap)
    made = {dossier.request.release_id: dossier for _, dossier in view.dossiers.values()}
    before, after = made[first].training, made[second].training
    assert before is not None
    assert after is not None
    assert (before.basis, after.basis) == ("rows", "counts")
    assert stated.prior_sha256 == before.model.sha256
    assert after.mechanisms


async def _revocation(scene: Scene, first: str, second: str) -> None:
    listener, stop, heard = scene.client("listener"), threading.Event(), list[Notice]()
    release = await asyncio.to_thread(listener.current)
    assert release.release_id == second
    listening = asyncio.create_task(asyncio.to_thread(lambda: heard.extend(_up_to_the_revocation(listener, stop))))
    await asyncio.sleep(0.3)
    scene.order("responder", command="revoke", release_id=second, reason="privacy")
    await asyncio.wait_for(listening, 60)
    stop.set()
    assert (heard[-1].kind, heard[-1].release_id) == ("revoked", second)
    assert (await asyncio.to_thread(listener.current)).release_id == first
    status = await scene.until(lambda view: view.statuses.get(DATASET), "the status")
    assert {each.release_id: each.state for each in status.releases} == {first: "certified", second: "revoked"}


def _certified(view: Catalogue, known: set[str]) -> str | None:
    status = view.statuses.get(DATASET)
    releases = status.releases if status is not None else ()
    return next(
        (each.release_id for each in releases if each.state == "certified" and each.release_id not in known), None
    )


def _up_to_the_revocation(listener: Client, stop: threading.Event) -> Iterator[Notice]:
    for notice in listener.subscribe(stop):
        yield notice
        if notice.kind == "revoked":
            return
