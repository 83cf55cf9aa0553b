"""The monitor: lets time pass, measures the current release on fresh rows, and has releases attacked again."""

import asyncio
import time
from typing import TYPE_CHECKING

from schemas.errors import InsufficientEvidence, PerennialError, TransientError
from schemas.events import Event, derive_id
from schemas.events.plans import Ticked
from schemas.events.releases import CheckFailed, IncidentOpened, ReleaseChecked
from schemas.events.sources import DriftDetected, WindowSealed
from schemas.finding import Finding, Verdict, verdict_of
from stream_app.adapters.logs import redact_text
from stream_app.adapters.reader import read_new
from stream_app.agents.checking import PARTS, Check, group_of, recheck, said_of
from stream_app.agents.context import Context
from stream_app.agents.judging import SourceGone, attack_again
from stream_app.agents.shell import Received, events, serve
from stream_app.agents.standing import CHECKS, VIEWED, Attack, Standing
from validators.suite import suite_digest

if TYPE_CHECKING:
    from faust.types import AppT

STATION = "monitor"
LOGS = ("plan.log", "release.log")
GONE = "cannot be attacked again: the source is gone"
WITHDRAWN = "access to it was withdrawn"
DAY_S = 86_400


class MonitorStation:
    """Ticks every dataset that has a contract; checks its current release whenever a window of fresh rows is sealed;
    attacks certified releases when their time or another suite has come.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._standing = Standing(context.trust)
        self._read: dict[tuple[str, int], int] = {}
        self._reading = asyncio.Lock()
        self._shown: set[str] = set()

    def register(self, app: "AppT") -> None:
        def assigned() -> set[int]:
            return {place.partition for place in app.consumer.assignment() if place.topic == "source.drift"}

        serve(app, self._context, STATION, "source.drift", events(self._context, STATION, self.check))
        # A dataset's key leads to the same partition of every topic: its tick comes from whoever watches its drift.
        seconds = self._context.settings.tick_seconds
        app.timer(seconds)(lambda: self.tick(assigned()))
        # A timer of its own: an attack takes minutes, and time must go on passing meanwhile.
        app.timer(seconds)(lambda: self.attack(assigned()))

    async def tick(self, partitions: set[int]) -> None:
        """Append a tick for every dataset of these partitions. Workers that tick together append the same one: its id
        is the slot.
        """
        try:
            await self._refresh()
            slot = int(time.time() / self._context.settings.tick_seconds)
            for dataset in self._datasets(partitions):
                ticked = Ticked(event_id=derive_id("tick", dataset, slot), target=dataset)
                for log in LOGS:
                    await self._context.publish(STATION, log, ticked, dataset)
        except TransientError as error:
            self._context.log.warning("no tick", extra={"reason": str(error)})

    async def attack(self, partitions: set[int]) -> None:
        """Attack what is due among the certified releases of these partitions, one after the other."""
        try:
            await self._refresh()
            suite = await asyncio.to_thread(suite_digest)
            for dataset in self._datasets(partitions):
                for due in tuple(self._standing.attacks(dataset, suite, int(time.time() * 1000))):
                    await self._attack_or_wait(due)
            await self._refresh()
            self._show(self._datasets(partitions))
        except TransientError as error:
            self._context.log.warning("no attack", extra={"reason": str(error)})

    async def _attack_or_wait(self, due: Attack) -> None:
        """What fails for now is tried at the next tick, and keeps no other release waiting."""
        try:
            await self._attack(due)
        except TransientError as error:
            self._context.log.warning("no attack", extra={"dataset": due.dataset, "reason": str(error)})

    async def check(self, event: Event, _: Received) -> None:
        """Compare the current release with a sealed window: subgroups first, and their failures told first."""
        if not isinstance(event, DriftDetected | WindowSealed) or event.window is None:
            return
        await self._refresh()
        release_id = self._standing.current(event.dataset)
        check = None if release_id is None else self._standing.utility_check(event.dataset, release_id, event.window)
        if release_id is None or check is None:
            return
        checked = ReleaseChecked(
            event_id=derive_id("checked", release_id, event.event_id),
            dataset=event.dataset,
            release_id=release_id,
            gate="utility",
            verdict="INVALID",
            cause="drift" if isinstance(event, DriftDetected) else "rows",
            source_sha256=event.window.sha256,
        )
        if checked.event_id in self._standing.checks.found:
            return
        if event.dataset in self._standing.withdrawn:
            await self._tell(_undecided(checked, SourceGone(WITHDRAWN)))
            return
        await self._tell(await self._compared(checked, check))

    async def _compared(self, checked: ReleaseChecked, check: Check) -> ReleaseChecked:
        found: tuple[Finding, ...] = ()
        try:
            for part in PARTS:
                job = f"{checked.event_id}.{part}"
                some = await self._context.work(STATION, job, recheck, self._context.workplace, check, part)
                await self._tell_failed(checked, some, check)
                found += some
        except TransientError:
            raise
        except PerennialError as error:
            return _undecided(checked, error, _failed(found))
        return _decided(checked, found)

    async def _attack(self, due: Attack) -> None:
        checked = ReleaseChecked(
            event_id=derive_id("attacked", due.release_id, due.look, due.suite),
            dataset=due.dataset,
            release_id=due.release_id,
            gate="privacy",
            verdict="INVALID",
            cause=due.cause,
            source_sha256=due.source_sha256,
            suite=due.suite,
            look=due.look,
        )
        checked = await self._attacked(checked, due)
        if checked.verdict == "UNREADABLE" and not due.told_already:
            await self._open_incident(checked)
        await self._tell(checked)

    async def _attacked(self, checked: ReleaseChecked, due: Attack) -> ReleaseChecked:
        if due.dossier is None or due.withdrawn:
            why = WITHDRAWN if due.withdrawn else "nobody wrote down what the release was made from"
            return _undecided(checked, SourceGone(why))
        gauge = self._context.metrics.jobs.labels(STATION)
        gauge.inc()
        try:
            report = await self._context.work(
                STATION,
                f"{checked.event_id}.attack",
                attack_again,
                self._context.workplace,
                due.dossier.without_reports(),
                due.look,
            )
        except TransientError:
            raise
        except PerennialError as error:
            return _undecided(checked, error)
        finally:
            gauge.dec()
        await self._tell_failed(checked, report.findings)
        return _decided(checked, report.findings)

    async def _tell_failed(
        self, checked: ReleaseChecked, findings: tuple[Finding, ...], check: Check | None = None
    ) -> None:
        """One event for each metric that failed, to the planner first: it must hear of a failure before the registry's
        freeze takes the release out of use.
        """
        for finding in findings:
            if finding.verdict != "FAIL":
                continue
            told = CheckFailed(
                event_id=derive_id("check", checked.event_id, finding.metric),
                dataset=checked.dataset,
                release_id=checked.release_id,
                metric=finding.metric,
                value=finding.value or 0.0,
                limit=finding.limit or 0.0,
                gate=checked.gate,
                group=group_of(finding),
                look=checked.look,
                window=None if check is None else check.window,
                said=said_of(finding, checked.gate, checked.look)[:500],
            )
            for log in LOGS:
                await self._context.publish(STATION, log, told)

    async def _open_incident(self, checked: ReleaseChecked) -> None:
        opened = IncidentOpened(
            event_id=derive_id("unreadable", checked.event_id),
            dataset=checked.dataset,
            incident_id=derive_id("unreadable incident", checked.event_id),
            severity="low",
            summary=f"{checked.release_id} {GONE} ({checked.reason})",
            release_id=checked.release_id,
        )
        for topic in ("incidents", "release.log"):
            await self._context.publish(STATION, topic, opened)

    async def _tell(self, checked: ReleaseChecked) -> None:
        """Last of all, so that a crash half-way means that the same check is made and told again."""
        if checked.verdict not in ("PASS", "FAIL"):
            self._context.log.warning(
                "a release could not be checked",
                extra={"dataset": checked.dataset, "gate": checked.gate, "reason": checked.reason},
            )
        await self._context.publish(STATION, CHECKS, checked)
        self._context.metrics.checks.labels(checked.dataset, checked.gate, checked.verdict).inc()

    def _datasets(self, partitions: set[int]) -> list[str]:
        return sorted(name for name, home in self._standing.homes.items() if home in partitions)

    def _show(self, datasets: list[str]) -> None:
        """The age of attacks is shown by whoever has a dataset's partition, and by nobody else."""
        shown = {name: at for name in datasets if (at := self._standing.attacked_at(name)) is not None}
        for name in self._shown - set(shown):
            self._context.metrics.not_attacked(name)
        for name, at in shown.items():
            days = self._standing.contract(name).policy.monitoring.attack_days
            self._context.metrics.attacked(name, at / 1000, days * DAY_S)
        self._shown = set(shown)

    async def _refresh(self) -> None:
        """Bring the view up to the topics' ends, by no consumer group: a restart or a rebalance leaves it nothing to
        miss.
        """
        async with self._reading:
            await asyncio.to_thread(self._take_new)

    def _take_new(self) -> None:
        for message in read_new(self._context.settings.bootstrap, self._read, *VIEWED):
            self._standing.take(message)
        self._standing.forget_ended()


def _failed(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    return tuple(finding.metric for finding in findings if finding.verdict == "FAIL")


def _decided(checked: ReleaseChecked, findings: tuple[Finding, ...]) -> ReleaseChecked:
    """Any failure is one; else what could not be measured leaves the check undecided."""
    failed = _failed(findings)
    undecided = tuple(finding.metric for finding in findings if finding.verdict in ("INSUFFICIENT", "INVALID"))
    reasons = [finding.reason for finding in findings if finding.metric in undecided and finding.reason]
    verdict: Verdict = "FAIL" if failed else verdict_of(findings)
    found = {"verdict": verdict, "failed": failed, "undecided": undecided, "reason": "; ".join(reasons)[:500] or None}
    return checked.model_copy(update=found)


def _undecided(checked: ReleaseChecked, error: PerennialError, failed: tuple[str, ...] = ()) -> ReleaseChecked:
    """What stopped a check, in its own words; a failure that was told before stays one."""
    kind = (
        "FAIL"
        if failed
        else "UNREADABLE"
        if isinstance(error, SourceGone)
        else "INSUFFICIENT"
        if isinstance(error, InsufficientEvidence)
        else "INVALID"
    )
    # What was announced may hold a password in its address.
    return checked.model_copy(update={"verdict": kind, "failed": failed, "reason": redact_text(str(error))[:500]})
