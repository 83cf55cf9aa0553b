"""A real worker on the embedded broker whose labels come late: a rule that turns is told, and nothing else is."""

import asyncio
from pathlib import Path

import pandas as pd

from schemas.draft import draft
from schemas.drift import DriftPolicy
from schemas.events.runs import GenerationRequest
from schemas.topics import TOPICS
from stream_app.adapters.announcing import batches_of, snapshot_of
from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.adapters.workplace import Workplace
from stream_app.catalogue.drifts import drifts
from stream_app.catalogue.view import Catalogue
from tests.integration.deployment import customers
from tests.integration.test_embedded_story import DATASET, LIMITS, Scene, _certified

ROWS, TURN = 9_000, 2_500


def test_a_rule_that_turns_is_told_by_late_labels_and_learnt_from_labelled_rows(tmp_path: Path) -> None:
    asyncio.run(_tell(tmp_path))


async def _tell(folder: Path) -> None:
    with EmbeddedBroker({topic.name: topic.partitions for topic in TOPICS}) as broker:
        async with Scene.opened(broker.bootstrap, folder, window_rows=3000, tick_seconds=2.0) as scene:
            first = await _first_release(scene, folder)
            _stream(scene, folder)
            second = await scene.until(lambda view: _certified(view, {first}), "a release after the drift")
            await _learnt_from_labels(scene, second)


async def _first_release(scene: Scene, folder: Path) -> str:
    frame = customers(6_000, 1)
    frame.to_csv(folder / "rows.csv", index=False)
    contract = draft(frame, DATASET, target="left", epsilon=2, public_domains=True).contract
    changes = {"limits": LIMITS, "drift": DriftPolicy(late_labels=True)}
    contract = contract.model_copy(update={"policy": contract.policy.model_copy(update=changes)})
    scene.order("owner", command="apply_contract", contract=contract.document())
    scene.publisher.send("source.snapshots", snapshot_of(DATASET, str(folder / "rows.csv")))
    return await scene.until(lambda view: _certified(view, set()), "the first release")


def _stream(scene: Scene, folder: Path) -> None:
    """All rows without their label, then all of them as labels; after some the label is the opposite."""
    frame = customers(ROWS, 2)
    frame.loc[TURN:, "left"] = 1 - frame.loc[TURN:, "left"]
    for operation, rows in (("insert", frame.assign(left=pd.NA)), ("label", frame)):
        path = folder / f"{operation}.csv"
        rows.to_csv(path, index=False)
        target = "left" if operation == "label" else None
        for batch in batches_of(DATASET, str(path), 250, 0, "label" if target else "insert", target):
            scene.publisher.send("source.records", batch)
    scene.publisher.flush()


async def _learnt_from_labels(scene: Scene, second: str) -> None:
    view = await asyncio.to_thread(Catalogue.read, scene.settings.bootstrap)
    assert [(each.latest.kind, each.latest.columns) for each in drifts(view, DATASET)] == [("concept", ("left",))]
    assert not view.dead
    request = _request(view, second)
    assert request.origin == "drift"
    window = Workplace(scene.settings.home, scene.settings.store_uri).read_window(request.source)
    assert len(window) >= 3_000
    assert window["left"].notna().all()
    labelled = customers(ROWS, 2)[TURN:]
    # Every row of it was labelled after the turn.
    assert set(window["bill"]) <= set(labelled["bill"])
    assert abs(window["left"].mean() - (1 - labelled["left"].mean())) < 0.05


def _request(view: Catalogue, release_id: str) -> GenerationRequest:
    return next(each.request for _, each in view.dossiers.values() if each.request.release_id == release_id)
