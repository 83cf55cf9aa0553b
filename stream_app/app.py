"""One worker: a Faust app with the stations its settings name, on a broker that is there or on the embedded one."""

import asyncio
import contextlib
import logging
import signal
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.errors import InputError, TransientError
from schemas.topics import TOPICS
from stream_app.adapters.cancellations import Cancellations, listen
from stream_app.adapters.jobs import Jobs
from stream_app.adapters.metrics import Metrics
from stream_app.adapters.prompt_transport import PromptTransport
from stream_app.adapters.publisher import Publisher
from stream_app.adapters.reader import missing_topics
from stream_app.adapters.tolerant_records import tolerate
from stream_app.adapters.workplace import Workplace
from stream_app.agents.context import Context
from stream_app.agents.deciding import register_ledger, register_planner, register_registry
from stream_app.agents.monitoring import MonitorStation
from stream_app.agents.watching import DriftStation
from stream_app.agents.working import register_privacy, register_trainer, register_utility
from stream_app.settings import Settings, Station
from stream_app.signing.deployment import load_trust
from stream_app.signing.keys import load_secret

if TYPE_CHECKING:
    from faust.types import AppT

log = logging.getLogger("perennial")
ASSIGNMENT_S = 90.0
WARM = (
    "pandas",
    "scipy.stats",
    "sklearn.ensemble",
    "pyarrow.parquet",
    "stream_app.agents.training",
    "stream_app.agents.judging",
    "stream_app.agents.profiling",
)

STATIONS: Mapping[Station, Callable[["AppT", Context], None]] = {
    "drift": lambda app, context: DriftStation(context).register(app),
    "planner": register_planner,
    "ledger": register_ledger,
    "trainer": register_trainer,
    "privacy": register_privacy,
    "utility": register_utility,
    "registry": register_registry,
    "monitor": lambda app, context: MonitorStation(context).register(app),
}


def build_app(context: Context) -> "AppT":
    """The Faust app of one worker; topics must exist already (``perennial topics apply``)."""
    import faust

    tolerate()
    settings = context.settings
    app: AppT = faust.App(
        settings.group,
        broker=f"kafka://{settings.bootstrap}",
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        datadir=tempfile.gettempdir(),
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=settings.session_timeout_seconds,
        broker_heartbeat_interval=max(0.5, settings.session_timeout_seconds / 5),
        broker_max_poll_interval=86_400.0,
        broker_request_timeout=90.0,
        broker_commit_interval=0.5,
        broker_commit_every=1,
        consumer_max_fetch_size=16 * 1_048_576,
        stream_wait_empty=False,
        stream_processing_timeout=86_400.0,
        # One full buffer stalls every topic of the worker. A buffer pauses its partition at four fifths, and what a
        # poll brings fits into the rest: so a station that waits for a long job never keeps a revocation waiting.
        stream_buffer_maxsize=160,
        broker_max_poll_records=16,
    )
    if settings.embedded:
        app.transport = PromptTransport(settings.bootstrap, app)
    for station in settings.stations:
        STATIONS[station](app, context)
    return app


@dataclass(slots=True)
class Worker:
    """A running worker. ``failed`` tells why it must end, once it must."""

    app: "AppT"
    context: Context
    failed: "asyncio.Future[str]"

    async def ended(self) -> str:
        """Wait for the reason to end: a crash, which the caller must turn into a non-zero exit code."""
        return await self.failed


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    """Start a worker, yield it once its stations have their partitions, stop it at the end.

    Raises ``InputError`` where home lacks its keys, ``TransientError`` where no broker answers.
    """
    failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    context = _context(settings, lambda reason: _fail(failed, reason))
    deaf = threading.Event()
    try:
        if settings.metrics_port is not None:
            context.metrics.serve(settings.metrics_port, settings.metrics_host)
        context.jobs.warm(WARM)
        app = build_app(context)
        await _require_topics(settings)
        await app.start()
        watch = asyncio.ensure_future(_watch(app, failed))
        if "trainer" in settings.stations:
            listen(settings.bootstrap, Cancellations(settings.home), deaf)
        try:
            await _assigned(app, failed)
            log.info("worker started", extra={"stations": list(settings.stations), "group": settings.group})
            yield Worker(app, context, failed)
        finally:
            deaf.set()
            watch.cancel()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(app.stop(), 20)
    finally:
        context.publisher.close()
        context.jobs.close()


async def run(settings: Settings) -> int:
    """Run a worker until it is asked to stop (0) or must end (70)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with worker(settings) as running:
        stopping, ending = asyncio.ensure_future(stop.wait()), asyncio.ensure_future(running.ended())
        await asyncio.wait({stopping, ending}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if ending.done():
            log.critical("worker ends", extra={"reason": ending.result()})
            return 70
        ending.cancel()
    return 0


def _context(settings: Settings, crash: Callable[[str], None]) -> Context:
    if not settings.trust_file.exists():
        raise InputError(
            f"{settings.trust_file} is missing: make keys with `perennial keys new --deployment --home {settings.home}`"
        )
    return Context(
        settings=settings,
        workplace=Workplace(settings.home, settings.store_uri),
        publisher=Publisher(settings.bootstrap, "/worker"),
        jobs=Jobs(settings.processes),
        metrics=Metrics(),
        trust=load_trust(settings.trust_file),
        service_key=load_secret(settings.service_key),
        crash=crash,
    )


def _fail(failed: "asyncio.Future[str]", reason: str) -> None:
    if not failed.done():
        failed.set_result(reason)


async def _require_topics(settings: Settings) -> None:
    """Raises ``InputError`` where a topic is missing, ``TransientError`` where no broker answers."""
    missing = await asyncio.to_thread(missing_topics, settings.bootstrap, [topic.name for topic in TOPICS])
    if missing:
        raise InputError(f"topics are missing: {', '.join(missing)}; make them with `perennial topics apply`")


async def _watch(app: "AppT", failed: "asyncio.Future[str]") -> None:
    """A Faust app that crashed would stay up and do nothing: then this worker must end, too."""
    while not app.should_stop:
        await asyncio.sleep(0.5)
    if app.crashed:
        _fail(failed, f"the consumer ended: {type(app.crash_reason).__name__}")


async def _assigned(app: "AppT", failed: "asyncio.Future[str]") -> None:
    """Wait until the group has given this worker its partitions; a member that comes late may wait for a rebalance.

    One worker more than there are partitions gets none and stands by for another's end.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + ASSIGNMENT_S
    while not app.consumer.assignment():
        if app.should_stop or failed.done():
            raise TransientError("the worker ended while it joined its group: is the broker well?")
        if loop.time() > until:
            log.warning("no partitions: standing by")
            return
        await asyncio.sleep(0.02)
