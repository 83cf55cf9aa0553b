"""A real worker on the embedded broker under timing private: a granted test sees the rows leave, and a run begins."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any, TypeVar

from schemas.contract import Contract
from schemas.draft import draft
from schemas.events import Event
from schemas.events.budget import SpendReserved, TriggerReserved
from schemas.events.counts import RowsCounted
from schemas.events.runs import GenerationRequested
from schemas.events.sources import DriftDetected
from schemas.topics import TOPICS
from stream_app.adapters.announcing import batches_of, snapshot_of
from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.adapters.ledger_file import audit_broker
from stream_app.adapters.reader import read_topic
from stream_app.adapters.workplace import Workplace
from stream_app.core.drift.wire import from_bytes
from tests.integration.deployment import PATIENCE_S, customers
from tests.integration.test_embedded_story import DATASET, LIMITS, Scene, _certified

E = TypeVar("E", bound=Event)
WINDOW_MS = 2_000
RAW = {"marginal", "correlation", "missingness", "new_category", "subgroup"}


def test_a_private_test_fires_once_and_its_window_makes_the_next_release(tmp_path: Path) -> None:
    asyncio.run(_tell(tmp_path))


async def _tell(folder: Path) -> None:
    with EmbeddedBroker({topic.name: topic.partitions for topic in TOPICS}) as broker:
        async with Scene.opened(broker.bootstrap, folder, window_rows=3000, tick_seconds=2.0) as scene:
            first = await _first_release(scene, folder)
            await _nothing_new(scene, folder)
            await _shifted(scene, folder, first)
        audit = await asyncio.to_thread(audit_broker, broker.bootstrap, scene.trust)
        assert audit.ok, audit.faults
        assert await asyncio.to_thread(lambda: list(read_topic(broker.bootstrap, "dead.letters"))) == []


def _contract(frame: Any) -> Contract:
    document = draft(frame, DATASET, target="left", epsilon=2, public_domains=True).contract.document()
    document["policy"] |= {
        "limits": LIMITS,
        "drift": {"window_seconds": WINDOW_MS // 1000, "window_rows": 500, "tolerance": 0.1},
    }
    document["policy"]["privacy"] |= {"timing": "private", "trigger_epsilon": "0.5", "cap_epsilon": "9"}
    return Contract.from_document(document)


async def _first_release(scene: Scene, folder: Path) -> str:
    """Certified, and tested from then on: the ledger charges the test."""
    frame = customers(6_000, 1)
    frame.to_csv(folder / "rows.csv", index=False)
    scene.order("owner", command="apply_contract", contract=_contract(frame).document())
    scene.publisher.send("source.snapshots", snapshot_of(DATASET, str(folder / "rows.csv")))
    first = await scene.until(lambda view: _certified(view, set()), "the first release")
    granted = (await _told(scene, "budget.ledger", TriggerReserved, 1))[0]
    assert (granted.grant.release_id, granted.grant.epsilon) == (first, "0.5")
    assert float(granted.epsilon_before) < float(granted.epsilon_after) <= float(granted.epsilon_before) + 0.5
    return first


async def _nothing_new(scene: Scene, folder: Path) -> None:
    """Rows like those of the snapshot, over four windows at least: the test counts them and says nothing."""
    await _send(scene, folder, 16_000, 2, 0.0)
    windows = Counter[int]()
    for at, event in await _logged(scene, "source.counts", RowsCounted):
        if from_bytes(event.counts).compared is not None:
            windows[at // WINDOW_MS] += event.rows
    assert len(windows) >= 3, windows
    assert await _answers(scene) == []


async def _shifted(scene: Scene, folder: Path, first: str) -> None:
    await _send(scene, folder, 16_000, 3, 1.0)
    answer = (await _until_answers(scene))[0]
    assert (answer.kind, answer.columns, answer.effect_unit[:17]) == ("withheld", (), "share of a window")
    second = await scene.until(lambda view: _certified(view, {first}), "a release after the test fired")
    requests = [event for _, event in await _logged(scene, "regeneration.requests", GenerationRequested)]
    by_drift = [each.dossier.request for each in requests if each.dossier.request.origin == "drift"]
    assert {each.source for each in by_drift} == {answer.window}
    granted = await _told(scene, "budget.ledger", TriggerReserved, 2)
    assert [each.grant.release_id for each in granted] == [first, second]
    assert len({each.grant.grant_id for each in granted}) == 2
    # The raw tracker saw it as well and told the operators, and that decided nothing.
    raw = [event for _, event in await _logged(scene, "source.drift", DriftDetected) if event.kind in RAW]
    assert raw
    assert len(await _answers(scene)) == 1
    await _charged(scene)
    await _sealed_whole(scene, answer)


async def _charged(scene: Scene) -> None:
    """Two runs of epsilon 2 and two tests of 0.5, composed."""
    spent = [event for _, event in await _logged(scene, "budget.ledger", SpendReserved)]
    tests = [event for _, event in await _logged(scene, "budget.ledger", TriggerReserved)]
    assert len([each for each in spent if each.mechanisms]) == len(tests) == 2
    runs = float(spent[0].epsilon_after)
    assert max(float(each.epsilon_after) for each in tests) > runs + 0.5


async def _sealed_whole(scene: Scene, answer: DriftDetected) -> None:
    """The window holds every row whose counts the broker took in one span of time, and no other."""
    assert answer.window is not None
    rows = Counter[int]()
    for at, event in await _logged(scene, "source.counts", RowsCounted):
        rows[at // WINDOW_MS] += event.rows
    window = Workplace(scene.settings.home, scene.settings.store_uri).read_window(answer.window)
    assert len(window) == answer.window.rows
    assert len(window) in rows.values()


async def _send(scene: Scene, folder: Path, rows: int, seed: int, shift: float) -> None:
    """At a pace of some thousand rows a window."""
    place = folder / f"stream{seed}.csv"
    customers(rows, seed, shift=shift).to_csv(place, index=False)
    for batch in batches_of(DATASET, str(place), 1_000):
        scene.publisher.send("source.records", batch)
        scene.publisher.flush()
        await asyncio.sleep(WINDOW_MS / 1000 / 6)


async def _logged(scene: Scene, topic: str, kind: type[E]) -> list[tuple[int, E]]:
    def read() -> list[tuple[int, E]]:
        found = []
        for message in read_topic(scene.settings.bootstrap, topic):
            event = message.event()
            if isinstance(event, kind):
                found.append((message.at, event))
        return found

    return await asyncio.to_thread(read)


async def _told(scene: Scene, topic: str, kind: type[E], number: int) -> list[E]:
    limit = time.monotonic() + PATIENCE_S
    while len(found := [event for _, event in await _logged(scene, topic, kind)]) < number:
        assert time.monotonic() < limit, f"no {kind.__name__}"
        await asyncio.sleep(0.2)
    return found


async def _answers(scene: Scene) -> list[DriftDetected]:
    return [event for _, event in await _logged(scene, "source.drift", DriftDetected) if event.grant is not None]


async def _until_answers(scene: Scene) -> list[DriftDetected]:
    limit = time.monotonic() + PATIENCE_S
    while not (found := await _answers(scene)):
        assert time.monotonic() < limit, "the test did not fire"
        await asyncio.sleep(0.2)
    return found
