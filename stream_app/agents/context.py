"""What every station is given, built once at the edge."""

import logging
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from schemas.errors import InputError, PerennialError
from schemas.events import Event
from stream_app.adapters.jobs import Jobs, Listener
from stream_app.adapters.metrics import Metrics
from stream_app.adapters.publisher import Publisher
from stream_app.adapters.workplace import Workplace
from stream_app.settings import Settings
from stream_app.signing.keys import SecretKey
from stream_app.signing.trust import Trust

if TYPE_CHECKING:
    from faust.types import AppT

T = TypeVar("T")


class JobFailed(InputError):
    """A job met an error that nobody foresaw, so what it was given is of no use; the worker's log says where."""


@dataclass(frozen=True, slots=True)
class Context:
    """The ports of one worker. ``crash`` ends the worker loudly: its unacknowledged events are handled elsewhere."""

    settings: Settings
    workplace: Workplace
    publisher: Publisher
    jobs: Jobs
    metrics: Metrics
    trust: Trust
    service_key: SecretKey
    crash: Callable[[str], None]
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("perennial"))

    async def publish(self, station: str, topic: str, event: Event, key: str | None = None) -> None:
        """Send one event in a station's name."""
        await self.publisher.publish(topic, event, key, f"/stations/{station}")

    async def work(
        self,
        station: str,
        job: str,
        function: Callable[..., T],
        *arguments: object,
        on_progress: Listener | None = None,
    ) -> T:
        """Run a job on the pool; raises what it raises on purpose, and ``JobFailed`` for anything else.

        A job works on what a message names, such as a snapshot's file: if that could end the worker, it would end it
        again after every restart.
        """
        try:
            return await self.jobs.run(job, function, *arguments, on_progress=on_progress)
        except PerennialError:
            raise
        except Exception as error:
            kind = type(error).__name__
            told = {"station": station, "job": job, "error": kind, "frames": frames_of(error)}
            self.log.error("a job failed", extra=told)
            raise JobFailed(f"an unforeseen {kind} in the {station}; the worker's log says where") from None


Register = Callable[["AppT", Context], None]
"""A station's own way to put its agents on the app."""

Handle = Callable[..., Awaitable[None]]


def frames_of(error: BaseException) -> list[str]:
    """Where an error arose, without its message: messages of libraries may quote cell values."""
    return [
        f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-8:]
    ]
