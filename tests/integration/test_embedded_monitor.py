"""A real worker on the embedded broker, after release: fresh rows that it no longer fits, attacks that changed."""

import asyncio
import time
from pathlib import Path

import pytest

from schemas.draft import draft
from schemas.events.releases import ReleaseChecked
from schemas.events.sources import WindowSealed
from schemas.table import conform
from schemas.topics import TOPICS
from stream_app.adapters.announcing import snapshot_of
from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.adapters.workplace import Workplace
from stream_app.agents import monitoring
from stream_app.agents.profiling import WATCHED
from stream_app.catalogue.checks import Checks
from tests.events import sha
from tests.integration.deployment import PATIENCE_S, customers
from tests.integration.test_embedded_story import DATASET, LIMITS, Scene, _certified


def test_a_release_in_use_is_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(_tell(tmp_path, monkeypatch))


async def _tell(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedBroker({topic.name: topic.partitions for topic in TOPICS}) as broker:
        async with Scene.opened(broker.bootstrap, folder, tick_seconds=1.0) as scene:
            first = await _release(scene, folder)
            await _degraded(scene, first)
            await _attacked(scene, monkeypatch)


async def _release(scene: Scene, folder: Path) -> str:
    frame = customers(6_000, 1)
    frame.to_csv(folder / "rows.csv", index=False)
    contract = draft(frame, DATASET, target="left", epsilon=2, public_domains=True).contract
    contract = contract.model_copy(update={"policy": contract.policy.model_copy(update={"limits": LIMITS})})
    scene.order("owner", command="apply_contract", contract=contract.document())
    scene.publisher.send("source.snapshots", snapshot_of(DATASET, str(folder / "rows.csv")))
    return await scene.until(lambda view: _certified(view, set()), "the first release")


async def _degraded(scene: Scene, first: str) -> None:
    """Rows far from the release, sealed without any drift: told, and made anew from them."""
    place = Workplace(scene.settings.home, scene.settings.store_uri)
    view = await scene.until(lambda view: view if DATASET in view.contracts else None, "the contract")
    table = conform(customers(6_000, 3, shift=1.0).assign(visits=25), view.contracts[DATASET].contract, roles=WATCHED)
    window = place.seal_window(table.table, "window.check")
    scene.publisher.send(
        "source.drift",
        WindowSealed(event_id=sha("w")[:32], dataset=DATASET, window=window, rows=6_000, first_row=0, last_row=5_999),
    )
    scene.publisher.flush()
    checked = (await _checks(scene, "utility", 1))[0]
    assert (checked.release_id, checked.verdict, checked.cause) == (first, "FAIL", "rows")
    run = await scene.until(
        lambda view: next(
            (each for _, each in view.dossiers.values() if each.request.trigger.startswith("check")), None
        ),
        "a run for the failed check",
    )
    assert run.request.source == window


async def _attacked(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks that changed are met at once, by rows that are read from their source again."""
    assert await _checks(scene, "privacy", 0) == []
    monkeypatch.setattr(monitoring, "suite_digest", lambda: sha("another suite"))
    checked = (await _checks(scene, "privacy", 1))[0]
    assert (checked.cause, checked.look, checked.suite) == ("suite", 2, sha("another suite"))
    assert checked.verdict in ("PASS", "INSUFFICIENT"), checked


async def _checks(scene: Scene, gate: str, count: int) -> list[ReleaseChecked]:
    limit = time.monotonic() + PATIENCE_S
    while True:
        found = (await asyncio.to_thread(Checks.read, scene.settings.bootstrap)).found.values()
        events = [check.event for check in found if check.event.gate == gate]
        if len(events) >= count:
            return events
        assert not scene._running.failed.done(), scene._running.failed.result()
        assert time.monotonic() < limit, f"no check by the {gate} gate"
        await asyncio.sleep(0.2)
