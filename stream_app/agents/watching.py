"""The drift station: takes profiles, watches live rows against them, and seals the window that a regeneration needs."""

import asyncio
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any

from schemas.errors import ContractError, InputError
from schemas.events import Event, derive_id
from schemas.events.plans import ContractApplied
from schemas.events.sources import DriftDetected, ProfileTaken, RecordsObserved, SnapshotAnnounced
from stream_app.adapters.arrow_blocks import decode_block
from stream_app.agents.context import Context
from stream_app.agents.desk import Desk
from stream_app.agents.profiling import Profiled, Watch, profile, rebase, typed
from stream_app.agents.shell import Received, events, serve
from stream_app.core.drift.tracker import Tracker

if TYPE_CHECKING:
    import pandas as pd
    from faust.types import AppT

STATION = "drift"
READ_AHEAD = 64
"""Batches that a desk reads at a time when it catches up."""


class DriftStation:
    """One desk a dataset. A desk that a rebalance brings here is rebuilt from the snapshot and the batches after it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._desks: dict[str, Desk] = {}
        self._assignments = 0

    def register(self, app: "AppT") -> None:
        for topic, handle in (
            ("contracts", self._on_contract),
            ("source.snapshots", self._on_snapshot),
            ("source.records", self._on_records),
        ):
            serve(app, self._context, STATION, topic, events(self._context, STATION, handle))
        app.on_partitions_assigned.connect(self._on_assigned)

    async def _on_assigned(self, *_: Any, **__: Any) -> None:
        """Another worker may have been told of contracts and snapshots meanwhile: desks read both anew before use."""
        self._assignments += 1

    async def _on_contract(self, event: Event, _: Received) -> None:
        if isinstance(event, ContractApplied):
            desk = self._desk(event.dataset)
            async with desk.lock:
                await self._recall(desk)
                desk.apply(event.contract)
                desk.failed = None
                await self._profiled(desk)

    async def _on_snapshot(self, event: Event, received: Received) -> None:
        if isinstance(event, SnapshotAnnounced):
            desk = self._desk(event.dataset)
            async with desk.lock:
                await self._recall(desk)
                desk.announce(event, received.at)
                desk.failed = None
                await self._profiled(desk)

    async def _on_records(self, event: Event, received: Received) -> None:
        if not isinstance(event, RecordsObserved):
            return
        desk = self._desk(event.dataset)
        async with desk.lock:
            await self._recall(desk)
            if received.at < desk.announced_at or not await self._profiled(desk):
                self._context.metrics.events.labels(STATION, "no_reference").inc()
                return
            await self._catch_up(desk, received)
            if received.offset >= desk.position[received.partition]:
                await self._take(desk, event)
                desk.position[received.partition] = received.offset + 1

    def _desk(self, dataset: str) -> Desk:
        return self._desks.setdefault(dataset, Desk(dataset))

    async def _recall(self, desk: Desk) -> None:
        current = self._assignments
        if desk.recalled != current:
            await asyncio.to_thread(desk.recall, self._context.settings.bootstrap)
            desk.recalled = current

    async def _profiled(self, desk: Desk) -> bool:
        """Whether live rows can be compared: profiles the newest snapshot where that was not done yet."""
        shape, contract, snapshot = desk.shape, desk.contract, desk.snapshot
        if shape is None or contract is None or snapshot is None or desk.failed == shape:
            return False
        if desk.watch is not None and desk.profiled == shape:
            desk.watch.contract = contract
            return True
        desk.forget()
        job = f"{desk.dataset}.profile.{shape[:16]}"
        try:
            found: Profiled = await self._context.work(
                STATION, job, profile, self._context.workplace, contract, snapshot.source
            )
        except (ContractError, InputError):
            desk.failed = shape
            raise
        taken = ProfileTaken(
            event_id=derive_id("profile", snapshot.event_id, shape),
            dataset=desk.dataset,
            source=snapshot.source,
            contract_digest=contract.digest(),
            rows=found.rows,
            train_rows=found.train_rows,
        )
        await self._context.publish(STATION, "source.drift", taken)
        rows = self._context.settings.window_rows
        desk.watch = Watch(contract, snapshot.source, Tracker(found.reference), rows, shape=shape)
        desk.profiled = shape
        return True

    async def _catch_up(self, desk: Desk, received: Received) -> None:
        """Take what came after the snapshot and before this batch, from where this desk stands."""
        if desk.position.get(received.partition) == received.offset:
            return
        with closing(desk.missed(self._context.settings, received)) as missed:
            while batches := await asyncio.to_thread(lambda: list(islice(missed, READ_AHEAD))):
                for offset, event in batches:
                    await self._take(desk, event, again=True)
                    desk.position[received.partition] = offset + 1
        desk.position[received.partition] = max(desk.position.get(received.partition, 0), received.offset)

    async def _take(self, desk: Desk, event: RecordsObserved, again: bool = False) -> None:
        """Compare one batch; after a failure half-way the desk starts again from the snapshot."""
        watch = desk.watch
        assert watch is not None
        try:
            frame = typed(decode_block(event.block), watch.contract)
        except (ContractError, InputError):
            if again:
                return  # a damaged batch went to dead letters when it first came
            raise
        self._context.metrics.rows.labels(event.dataset).inc(len(frame))
        try:
            await self._compare(watch, event, frame)
        except BaseException:
            desk.forget()
            raise

    async def _compare(self, watch: Watch, event: RecordsObserved, frame: "pd.DataFrame") -> None:
        if event.operation == "delete":
            watch.remove(frame)
            return
        sign = watch.observe(frame)
        if sign is not None:
            self._context.metrics.drift.labels(event.dataset, sign.kind).inc()
            await self._tell(watch.event(sign, None))
        figures = watch.summary.take(frame, watch.modelled, watch.tracker)
        if figures is not None:
            self._context.metrics.live(event.dataset, figures.missing_share, figures.drift_score)
        window = watch.window()
        if window is not None:
            await self._seal(watch, window)

    async def _seal(self, watch: Watch, window: "pd.DataFrame") -> None:
        """Store the new rows for the trainer, say so, and compare with them from here on."""
        assert watch.sign is not None
        name = f"window.{watch.contract.dataset}.{watch.source.sha256[:12]}.{watch.rows}"
        source = await asyncio.to_thread(self._context.workplace.seal_window, window, name)
        await self._tell(watch.event(watch.sign, source))
        watch.follow(await self._context.work(STATION, f"{name}.rebase", rebase, window, watch.contract))

    async def _tell(self, event: DriftDetected) -> None:
        await self._context.publish(STATION, "source.drift", event)
