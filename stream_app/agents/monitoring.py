"""The monitor: lets time pass, and measures the current release again on fresh rows."""

import asyncio
import io
import time
from typing import TYPE_CHECKING

from schemas.contract import Contract
from schemas.errors import ArtefactError, ContractError, PerennialError, TransientError
from schemas.events import Event, derive_id
from schemas.events.plans import Ticked
from schemas.events.releases import CheckFailed
from schemas.events.runs import ArtefactRef
from schemas.events.sources import DriftDetected, SourceRef
from schemas.finding import Finding
from schemas.table import conform
from stream_app.adapters.jobs import Progress
from stream_app.adapters.reader import read_new
from stream_app.adapters.workplace import Workplace
from stream_app.agents.context import Context
from stream_app.agents.inputs import HOLDOUT, REFERENCE, TRAIN, read_shares, seed_of
from stream_app.agents.shell import Received, events, serve
from stream_app.catalogue.view import Catalogue
from validators.gate import run_gate
from validators.protocol import Evidence

if TYPE_CHECKING:
    from faust.types import AppT

STATION = "monitor"
LOGS = ("plan.log", "release.log")
VIEWED = ("contracts", "release.certified", "release.status")


class MonitorStation:
    """Ticks every dataset that has a contract; checks a release whenever a window of fresh rows is sealed."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._view = Catalogue()
        self._read: dict[tuple[str, int], int] = {}
        self._homes: dict[str, int] = {}
        self._reading = asyncio.Lock()

    def register(self, app: "AppT") -> None:
        serve(app, self._context, STATION, "source.drift", events(self._context, STATION, self._check))
        # A dataset's key leads to the same partition of every topic: its tick comes from whoever watches its drift.
        app.timer(self._context.settings.tick_seconds)(
            lambda: self.tick({place.partition for place in app.consumer.assignment() if place.topic == "source.drift"})
        )

    async def tick(self, partitions: set[int]) -> None:
        """Append a tick for every dataset of these partitions. Workers that tick together append the same one: its id
        is the slot.
        """
        try:
            await self._refresh()
            slot = int(time.time() / self._context.settings.tick_seconds)
            for dataset in sorted(name for name, home in self._homes.items() if home in partitions):
                ticked = Ticked(event_id=derive_id("tick", dataset, slot), target=dataset)
                for log in LOGS:
                    await self._context.publish(STATION, log, ticked, dataset)
        except TransientError as error:
            self._context.log.warning("no tick", extra={"reason": str(error)})

    async def _refresh(self) -> None:
        """Bring the view up to the topics' ends, by no consumer group: a restart or a rebalance leaves it nothing to
        miss.
        """
        async with self._reading:
            await asyncio.to_thread(self._take_new)

    def _take_new(self) -> None:
        for message in read_new(self._context.settings.bootstrap, self._read, *VIEWED):
            self._view.take(message)
            self._homes |= {name: message.partition for name in self._view.contracts if name not in self._homes}

    async def _check(self, event: Event, _: Received) -> None:
        if not isinstance(event, DriftDetected) or event.window is None:
            return
        await self._refresh()
        status, applied = self._view.statuses.get(event.dataset), self._view.contracts.get(event.dataset)
        if status is None or applied is None or status.current is None or status.current not in self._view.certificates:
            return
        data = next(
            (ref for ref in self._view.statement(status.current).predicate.artefacts if ref.name == "data.parquet"),
            None,
        )
        if data is None:
            return
        try:
            failed = await self._context.work(
                STATION,
                f"{event.event_id}.check",
                recheck,
                self._context.workplace,
                applied.contract,
                data,
                event.window,
            )
        except TransientError:
            raise
        except PerennialError as error:
            self._context.log.warning(
                "a check could not be made", extra={"dataset": event.dataset, "reason": str(error)}
            )
            return
        for finding in failed:
            told = CheckFailed(
                event_id=derive_id("check", status.current, event.event_id, finding.metric),
                dataset=event.dataset,
                release_id=status.current,
                metric=finding.metric,
                value=finding.value or 0.0,
                limit=finding.limit or 0.0,
            )
            for log in LOGS:
                await self._context.publish(STATION, log, told)


def recheck(
    workplace: Workplace, contract: Contract, data: ArtefactRef, window: SourceRef, _: Progress
) -> tuple[Finding, ...]:
    """The utility findings of a release on fresh rows that no longer pass, on a pool process."""
    import pandas as pd

    try:
        raw = pd.read_parquet(io.BytesIO(workplace.store.open(data)))
    except ArtefactError:
        return ()  # revoked meanwhile: there is nothing left to check
    shares = read_shares(workplace, contract, window)
    modelled = [column.name for column in contract.modelled]
    parts = [shares.rows(share)[modelled] for share in (TRAIN, HOLDOUT, REFERENCE)]
    if any(part.empty for part in parts):
        raise ContractError("the window is too small to check a release on")
    evidence = Evidence(
        contract=contract,
        synthetic=conform(raw, contract).table,
        train=parts[0],
        holdout=parts[1],
        reference=parts[2],
        seed=seed_of(data.artefact_id, window.sha256),
    )
    return tuple(finding for finding in run_gate("utility", evidence).findings if finding.verdict == "FAIL")
