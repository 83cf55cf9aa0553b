"""The drift station: takes profiles, watches live rows against them, and seals the window that a regeneration needs."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.contract import Contract
from schemas.errors import ContractError
from schemas.events import Event, derive_id
from schemas.events.plans import ContractApplied
from schemas.events.sources import DriftDetected, ProfileTaken, RecordsObserved, SnapshotAnnounced
from stream_app.adapters.arrow_blocks import decode_block
from stream_app.adapters.reader import read_range, read_topic
from stream_app.agents.context import Context
from stream_app.agents.profiling import Profiled, Watch, profile, rebase, typed
from stream_app.agents.shell import Received, events, serve
from stream_app.core.drift.tracker import Tracker

if TYPE_CHECKING:
    import pandas as pd
    from faust.types import AppT

STATION = "drift"


@dataclass(slots=True)
class Desk:
    """What the station knows of one dataset on this worker; all of it can be rebuilt from the topics."""

    contract: Contract | None = None
    snapshot: SnapshotAnnounced | None = None
    announced_at: int = 0
    watch: Watch | None = None
    position: dict[int, int] = field(default_factory=dict)


class DriftStation:
    """One desk a dataset. A desk that a rebalance brings here is rebuilt from the snapshot and the batches after it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._desks: dict[str, Desk] = {}
        self._rebuilt: set[str] = set()

    def register(self, app: "AppT") -> None:
        for topic, handle in (
            ("contracts", self._on_contract),
            ("source.snapshots", self._on_snapshot),
            ("source.records", self._on_records),
        ):
            serve(app, self._context, STATION, topic, events(self._context, STATION, handle))

    async def _on_contract(self, event: Event, _: Received) -> None:
        if isinstance(event, ContractApplied):
            desk = await self._desk(event.dataset)
            before, desk.contract = desk.contract, event.contract
            if desk.watch is None or before is None or before.columns != event.contract.columns:
                await self._profile(event.dataset, desk)
            else:
                desk.watch.contract = event.contract

    async def _on_snapshot(self, event: Event, received: Received) -> None:
        if isinstance(event, SnapshotAnnounced):
            desk = await self._desk(event.dataset)
            if desk.snapshot is None or desk.announced_at <= received.at:
                desk.snapshot, desk.announced_at = event, received.at
                await self._profile(event.dataset, desk)

    async def _on_records(self, event: Event, received: Received) -> None:
        if not isinstance(event, RecordsObserved):
            return
        desk = await self._desk(event.dataset)
        if desk.watch is None and desk.contract is not None and desk.snapshot is not None:
            await self._profile(event.dataset, desk)
        if desk.watch is None:
            self._context.metrics.events.labels(STATION, "no_reference").inc()
            return
        expected = desk.position.get(received.partition)
        if expected != received.offset:
            await self._catch_up(event.dataset, desk, received, expected)
        if received.offset >= desk.position.get(received.partition, 0):
            await self._take(desk, event)
            desk.position[received.partition] = received.offset + 1

    async def _desk(self, dataset: str) -> Desk:
        """The dataset's desk; on first use with whatever contract and snapshot the topics already hold."""
        desk = self._desks.setdefault(dataset, Desk())
        if dataset not in self._rebuilt:
            self._rebuilt.add(dataset)
            await asyncio.to_thread(self._recall, dataset, desk)
        return desk

    def _recall(self, dataset: str, desk: Desk) -> None:
        for message in read_topic(self._context.settings.bootstrap, "contracts", "source.snapshots"):
            try:
                event = message.event()
            except ContractError:
                continue
            if isinstance(event, ContractApplied) and event.dataset == dataset:
                desk.contract = event.contract
            elif isinstance(event, SnapshotAnnounced) and event.dataset == dataset and desk.announced_at <= message.at:
                desk.snapshot, desk.announced_at = event, message.at

    async def _profile(self, dataset: str, desk: Desk) -> None:
        """Profile the newest snapshot under the contract in force, once both are known."""
        if desk.contract is None or desk.snapshot is None:
            return
        contract, snapshot = desk.contract, desk.snapshot
        found: Profiled = await self._context.jobs.run(
            f"{dataset}.profile", profile, self._context.workplace, contract, snapshot.source
        )
        desk.watch = Watch(contract, snapshot.source, Tracker(found.reference), self._context.settings.window_rows)
        desk.position.clear()
        taken = ProfileTaken(
            event_id=derive_id("profile", snapshot.event_id, contract.digest()),
            dataset=dataset,
            source=snapshot.source,
            contract_digest=contract.digest(),
            rows=found.rows,
            train_rows=found.train_rows,
        )
        await self._context.publish(STATION, "source.drift", taken)

    async def _catch_up(self, dataset: str, desk: Desk, received: Received, expected: int | None) -> None:
        """Read again what came after the snapshot and before this batch, from where this desk stands."""
        start = 0 if expected is None else expected
        between = await asyncio.to_thread(
            list,
            read_range(self._context.settings.bootstrap, received.topic, received.partition, start, received.offset),
        )
        for message in between:
            if message.at < desk.announced_at or message.key.decode("utf-8", "replace") != dataset:
                continue
            with contextlib.suppress(ContractError):  # a poison batch went to dead letters when it first came
                event = message.event()
                if isinstance(event, RecordsObserved):
                    await self._take(desk, event)
        desk.position[received.partition] = max(start, received.offset)

    async def _take(self, desk: Desk, event: RecordsObserved) -> None:
        watch = desk.watch
        if watch is None:
            return
        frame = typed(decode_block(event.block), watch.contract)
        self._context.metrics.rows.labels(event.dataset).inc(len(frame))
        if event.operation == "delete":
            watch.remove(frame)
            return
        sign = watch.observe(frame)
        if sign is not None:
            self._context.metrics.drift.labels(event.dataset, sign.kind).inc()
            await self._tell(watch.event(sign, None))
        window = watch.window()
        if window is not None:
            await self._seal(watch, window)

    async def _seal(self, watch: Watch, window: "pd.DataFrame") -> None:
        """Store the new rows for the trainer, say so, and compare with them from here on."""
        assert watch.sign is not None
        name = f"window.{watch.contract.dataset}.{watch.source.sha256[:12]}.{watch.rows}"
        source = await asyncio.to_thread(self._context.workplace.seal_window, window, name)
        await self._tell(watch.event(watch.sign, source))
        watch.follow(await self._context.jobs.run(f"{name}.rebase", rebase, window, watch.contract))

    async def _tell(self, event: DriftDetected) -> None:
        await self._context.publish(STATION, "source.drift", event)
