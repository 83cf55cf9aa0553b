"""The drift station: counts live rows as they come, watches the counts, and seals the windows that others need.

Stage 1 turns a message of rows into a message of counts and keeps none of them; stage 2 takes the counts of a dataset
in the order of their log, so that a replay, a duplicate or another worker comes to the same signs.
"""

import asyncio
import time
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from schemas.errors import ContractError, InputError, InsufficientEvidence, TransientError
from schemas.events import Event, derive_id
from schemas.events.counts import RowsCounted
from schemas.events.plans import ContractApplied
from schemas.events.sources import ProfileTaken, RecordsObserved, SnapshotAnnounced, SourceRef
from stream_app.adapters.checkpoints import Checkpoints
from stream_app.adapters.row_batches import columns_of_rows
from stream_app.agents.bulk import serve_in_bulk
from stream_app.agents.context import Context
from stream_app.agents.desk import Desk
from stream_app.agents.private_tests import PrivateTests
from stream_app.agents.profiling import Profiled, profile
from stream_app.agents.resuming import resumed, written
from stream_app.agents.shell import Received, events, serve
from stream_app.agents.watch import Watch
from stream_app.agents.windows import sealed
from stream_app.core.drift.wire import from_bytes, to_bytes

if TYPE_CHECKING:
    from faust.types import AppT

STATION = "drift"
READ_AHEAD = 64
"""Messages that a desk reads at a time when it catches up."""

SAVED_EVERY = 64
"""Messages of counts between two checkpoints."""


class DriftStation:
    """One desk a dataset. A desk that a rebalance brings here goes on from its checkpoint, or from the snapshot."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._checkpoints = Checkpoints(context.workplace)
        self._tests = PrivateTests(context, STATION)
        self._desks: dict[str, Desk] = {}
        self._assignments = 0

    def register(self, app: "AppT") -> None:
        for topic, handle in (
            ("contracts", self._on_contract),
            ("source.snapshots", self._on_snapshot),
        ):
            serve(app, self._context, STATION, topic, events(self._context, STATION, handle))
        for topic, handle in (("source.records", self._on_records), ("source.counts", self._on_counts)):
            attend = events(self._context, STATION, handle)
            serve_in_bulk(app, self._context, STATION, topic, attend, self._read_anew)
        app.on_partitions_assigned.connect(self._on_assigned)

    async def _on_assigned(self, *_: Any, **__: Any) -> None:
        self._read_anew()

    def _read_anew(self) -> None:
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
        """Stage 1. A message that comes again gives the same counts under the same id, which stage 2 knows."""
        if not isinstance(event, RecordsObserved):
            return
        desk = self._desk(event.dataset)
        async with desk.lock:
            await self._recall(desk)
            if received.at < desk.announced_at or not await self._profiled(desk):
                self._context.metrics.events.labels(STATION, "no_reference").inc()
                return
            await self._tests.ready(desk)
            assert desk.watch is not None
            counter, metrics, began = desk.watch.counter, self._context.metrics, time.thread_time()
            columns = columns_of_rows(event)
            counter.pass_time(received.at)
            counted = counter.count(columns, event.operation)
            if desk.test is not None:
                counted = replace(counted, compared=desk.test.count(columns, event.operation))
            metrics.drift_cpu.labels(event.dataset, "count").inc(time.thread_time() - began)
            metrics.counted.labels(event.dataset).inc(counted.rows)
        origin = f"{received.topic}/{received.partition}"
        reference = counter.reference.digest
        told = RowsCounted(
            event_id=derive_id("counted", origin, received.offset, reference),
            dataset=event.dataset,
            reference=reference,
            origin=origin,
            first_offset=received.offset,
            last_offset=received.offset,
            rows=counted.rows if event.operation == "insert" else 0,
            counts=to_bytes(counted),
        )
        await self._context.publish(STATION, "source.counts", told)
        metrics.counts_published.labels(event.dataset).set(time.time())

    async def _on_counts(self, event: Event, received: Received) -> None:
        """Stage 2."""
        if not isinstance(event, RowsCounted):
            return
        desk = self._desk(event.dataset)
        async with desk.lock:
            await self._recall(desk)
            if received.at < desk.announced_at or not await self._profiled(desk):
                self._context.metrics.events.labels(STATION, "no_reference").inc()
                return
            await self._tests.ready(desk)
            await self._catch_up(desk, received)
            if received.offset >= desk.position[received.partition]:
                await self._take(desk, event, received.at)
                desk.position[received.partition] = received.offset + 1
                await self._save(desk)
            self._context.metrics.counts_taken.labels(event.dataset).set(received.at / 1000)

    def _desk(self, dataset: str) -> Desk:
        return self._desks.setdefault(dataset, Desk(dataset))

    async def _recall(self, desk: Desk) -> None:
        current = self._assignments
        if desk.recalled != current:
            await asyncio.to_thread(desk.recall, self._context.settings.bootstrap)
            await self._tests.recall(desk)
            desk.recalled = current

    async def _profiled(self, desk: Desk) -> bool:
        """Whether live rows can be compared: goes on from a checkpoint, else profiles the newest snapshot."""
        shape, contract, snapshot = desk.shape, desk.contract, desk.snapshot
        if shape is None or contract is None or snapshot is None or desk.failed == shape:
            return False
        if desk.watch is not None and desk.profiled == shape:
            desk.watch.contract = contract
            return True
        desk.forget()
        if await self._resumed(desk, shape):
            return True
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
        secret, rows = self._context.workplace.secret("split"), self._context.settings.window_rows
        desk.watch = Watch.of(contract, snapshot.source, found, secret, rows, shape)
        desk.profiled = shape
        return True

    async def _resumed(self, desk: Desk, shape: str) -> bool:
        """Go on from the dataset's checkpoint, if it is of this contract and snapshot."""
        text = await asyncio.to_thread(self._checkpoints.read, desk.dataset)
        assert desk.contract is not None
        secret, rows = self._context.workplace.secret("split"), self._context.settings.window_rows
        found = None if text is None else resumed(text, shape, desk.contract, secret, rows)
        if found is None:
            return False
        desk.watch, desk.position = found
        desk.profiled = shape
        return True

    async def _save(self, desk: Desk, at_once: bool = False) -> None:
        """Write a checkpoint now and then; without one, the topics are read again from the snapshot on."""
        desk.unsaved += 1
        if desk.watch is None or (desk.unsaved < SAVED_EVERY and not at_once):
            return
        desk.unsaved = 0
        await self._tests.save(desk)
        text = written(desk.watch, desk.position)
        self._context.metrics.drift_state.labels(desk.dataset).set(len(text))
        try:
            await asyncio.to_thread(self._checkpoints.write, desk.dataset, text)
        except TransientError as error:
            self._context.log.warning("no checkpoint", extra={"dataset": desk.dataset, "reason": str(error)})

    async def _catch_up(self, desk: Desk, received: Received) -> None:
        """Take what came after the snapshot and before these counts, from where this desk stands."""
        if desk.position.get(received.partition) == received.offset:
            return
        with closing(desk.missed(self._context.settings, received)) as missed:
            while some := await asyncio.to_thread(lambda: list(islice(missed, READ_AHEAD))):
                for offset, at, event in some:
                    await self._take(desk, event, at, again=True)
                    desk.position[received.partition] = offset + 1
        desk.position[received.partition] = max(desk.position.get(received.partition, 0), received.offset)

    async def _take(self, desk: Desk, event: RowsCounted, at: int, again: bool = False) -> None:
        """Take one message of counts; after a failure half-way the desk starts again from the snapshot."""
        watch = desk.watch
        assert watch is not None
        try:
            counted = from_bytes(event.counts)
            await self._tests.take(desk, event, counted, at)
            if event.reference != watch.profiled.reference.digest:
                self._context.metrics.events.labels(STATION, "other_reference").inc()
                return
            began = time.thread_time()
            signs = watch.take(event.origin, event.first_offset, event.last_offset, counted)
        except ContractError:
            if again:
                return  # damaged counts went to dead letters when they first came
            raise
        self._context.metrics.drift_cpu.labels(event.dataset, "watch").inc(time.thread_time() - began)
        self._context.metrics.rows.labels(event.dataset).inc(event.rows)
        try:
            for sign in signs:
                self._context.metrics.drift.labels(event.dataset, sign.kind).inc()
                found = watch.event(sign, None)
                self._context.metrics.drift_severity.labels(event.dataset).set(found.severity)
                await self._tell(found)
            figures = watch.summary.take(counted, watch.profiled.reference, watch.aggregator.tracker.score)
            if figures is not None:
                self._context.metrics.live(event.dataset, figures.missing_share, figures.drift_score)
            if watch.due or watch.check_due:
                await self._seal(desk, watch)
        except BaseException:
            desk.forget()
            raise

    async def _seal(self, desk: Desk, watch: Watch) -> None:
        """Store the rows that the trainer or the monitor needs, and say so."""
        name, settings = watch.window_name(), self._context.settings
        first, spans = watch.spans()
        try:
            source, rows = await asyncio.to_thread(
                sealed, settings.bootstrap, self._context.workplace, watch.contract, spans, first, name
            )
        except InsufficientEvidence as error:
            self._context.log.warning("no window", extra={"dataset": desk.dataset, "reason": str(error)})
        else:
            source = await self._counted(watch, source, name)
            event = watch.check(source, rows) if watch.sign is None else watch.event(watch.sign, source)
            await self._context.publish(STATION, "source.drift", event)
        watch.followed()

    async def _counted(self, watch: Watch, window: SourceRef, name: str) -> SourceRef:
        """The window with the counts of its train share, for those who need no row of it; as it was without counts."""
        counts = watch.counts
        if counts is None:
            return window
        sealed_counts = await asyncio.to_thread(self._context.workplace.seal_counts, counts, f"{name}.counts")
        return window.model_copy(update={"counts": sealed_counts})

    async def _tell(self, event: Event) -> None:
        await self._context.publish(STATION, "source.drift", event)
