"""The private tests of a worker: what the ledger granted is tested against its release, and answers once.

A window that fired is kept before anyone is told of it: were it lost, other rows would be counted under the same grant,
and that would be a second answer. So are checkpoints of tests apart from those of watches, which a new snapshot ends.
"""

import asyncio
import time

from schemas.contract import Contract
from schemas.errors import ContractError, PerennialError, TransientError
from schemas.events import derive_id
from schemas.events.budget import TriggerGrant
from schemas.events.counts import RowsCounted
from schemas.events.sources import SourceRef
from stream_app.adapters.checkpoints import Checkpoints
from stream_app.agents.context import Context
from stream_app.agents.desk import Desk
from stream_app.agents.profiling import profile_release
from stream_app.agents.windows import sealed_whole
from stream_app.core.drift.private.live_test import LiveTest
from stream_app.core.drift.private.private_trigger import PrivateTrigger, drift_event
from stream_app.core.drift.wire import Counted

LONGEST_S = 60.0
"""Between two looks at what the ledger granted, or a window where that is shorter."""


class PrivateTests:
    """Brings each desk's test up to date, gives it what was counted, and tells its answer."""

    def __init__(self, context: Context, station: str) -> None:
        self._context, self._station = context, station
        self._checkpoints = Checkpoints(context.workplace)

    async def recall(self, desk: Desk) -> None:
        """Another worker may have gone further with this test: of both states the later one holds."""
        desk.grants.looked = -float("inf")
        if not _wanted(desk):
            return
        text = await asyncio.to_thread(self._checkpoints.read, _place(desk.dataset))
        try:
            kept = None if text is None else LiveTest.from_json(text, self._secret())
        except ContractError:
            kept = None
        if kept is not None and (desk.test is None or _progress(kept) >= _progress(desk.test)):
            desk.test = kept

    async def ready(self, desk: Desk) -> None:
        """Look now and then whether a test was granted, renewed or answered. Raises ``TransientError``."""
        contract = desk.contract
        if contract is None or not _wanted(desk):
            desk.test = None
            return
        pause = min(LONGEST_S, contract.policy.drift.window_seconds)
        if time.monotonic() - desk.grants.looked < pause:
            return
        await asyncio.to_thread(desk.grants.look, self._context.settings.bootstrap, desk.dataset)
        await self._follow(desk, contract)
        desk.grants.looked = time.monotonic()

    async def _follow(self, desk: Desk, contract: Contract) -> None:
        grant, test = desk.grants.of(contract), desk.test
        own = grant is not None and test is not None and test.grant.grant_id == grant.grant_id
        if grant is None:
            desk.test = None
        elif own and test is not None and test.fired is not None:
            return  # it has answered, or is about to
        elif grant.grant_id in desk.grants.answered:
            desk.test = None
        elif grant.contract_digest != contract.digest():
            desk.test = None
            self._unserved(desk, grant, "it was granted under another contract than the one in force")
        elif not own or test is None or test.grant != grant:
            await self._begin(desk, contract, grant)

    async def _begin(self, desk: Desk, contract: Contract, grant: TriggerGrant) -> None:
        """Test against the release of this grant, or say why that cannot be done and try again at the next look."""
        job = f"{desk.dataset}.release.{grant.data.sha256[:16]}"
        place, test = self._context.workplace, desk.test
        try:
            release = await self._context.work(self._station, job, profile_release, place, contract, grant.data)
            if test is not None and test.grant.grant_id == grant.grant_id:
                test.rebase(grant, release)
            else:
                desk.test = LiveTest(PrivateTrigger(grant, release, contract.policy.drift, self._secret()))
        except PerennialError as error:
            desk.test = None
            self._unserved(desk, grant, str(error))

    def _unserved(self, desk: Desk, grant: TriggerGrant, reason: str) -> None:
        self._context.metrics.events.labels(self._station, "test_unserved").inc()
        told = {"dataset": desk.dataset, "grant": grant.grant_id, "release": grant.release_id, "reason": reason}
        self._context.log.warning("a private test that was granted cannot be served", extra=told)

    async def take(self, desk: Desk, event: RowsCounted, counted: Counted, at: int) -> None:
        """Stage 2: give the test one message's counts, and tell its answer. Raises what the sealing raises."""
        test = desk.test
        if test is None:
            return
        if event.rows and test.fired is None and not test.fits(counted.compared):
            self._context.metrics.events.labels(self._station, "not_compared").inc()
        test.take(event.origin, event.first_offset, event.last_offset, at, counted.compared)
        if test.due:
            await self._answer(desk, test)

    async def _answer(self, desk: Desk, test: LiveTest) -> None:
        assert desk.contract is not None
        assert test.fired is not None
        await self._write(desk.dataset, test)
        event = drift_event(desk.dataset, test.fired, desk.contract.policy.drift, await self._window(desk, test))
        self._context.metrics.drift.labels(desk.dataset, event.kind).inc()
        await self._context.publish(self._station, "source.drift", event)
        test.told = True
        await self._write(desk.dataset, test)

    async def _window(self, desk: Desk, test: LiveTest) -> SourceRef | None:
        """The sealed rows of the window; none, and that is told, where there are none any more."""
        name = f"private.{desk.dataset}.{derive_id('private-window', test.grant.grant_id)}"
        bootstrap, place = self._context.settings.bootstrap, self._context.workplace
        try:
            assert desk.contract is not None
            source, _ = await asyncio.to_thread(sealed_whole, bootstrap, place, desk.contract, test.stretches, name)
        except TransientError:
            raise
        except PerennialError as error:
            self._unserved(desk, test.grant, str(error))
            return None
        return source

    async def save(self, desk: Desk) -> None:
        """Write a checkpoint of a test that is under way; without one it begins anew, which costs nothing."""
        if desk.test is None:
            return
        try:
            await self._write(desk.dataset, desk.test)
        except TransientError as error:
            told = {"dataset": desk.dataset, "reason": str(error)}
            self._context.log.warning("no checkpoint of the private test", extra=told)

    async def _write(self, dataset: str, test: LiveTest) -> None:
        await asyncio.to_thread(self._checkpoints.write, _place(dataset), test.to_json())

    def _secret(self) -> bytes:
        return self._context.workplace.secret("private-trigger")


def _wanted(desk: Desk) -> bool:
    return desk.contract is not None and desk.contract.policy.privacy.timing == "private"


def _place(dataset: str) -> str:
    """No name of a dataset holds a space."""
    return f"private test of {dataset}"


def _progress(test: LiveTest) -> tuple[bool, bool, int]:
    return test.told, test.fired is not None, sum(test.positions.values())
