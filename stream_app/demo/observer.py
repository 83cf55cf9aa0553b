"""A consumer of every topic that waits for what the story needs to see: the demo knows nothing that a subscriber could
not.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from schemas.errors import ContractError
from schemas.events import Event
from schemas.events.runs import RunProgressed
from schemas.topics import TOPICS
from stream_app.adapters.reader import StoredMessage, follow
from stream_app.catalogue.view import Catalogue
from stream_app.demo.stage import DemoFailed, Stage

T = TypeVar("T")
WATCHED = tuple(
    topic.name for topic in TOPICS if topic.name not in ("source.records", "plan.log", "budget.log", "release.log")
)


@dataclass(frozen=True, slots=True)
class Seen:
    """An event, when it was seen here (``time.monotonic``) and the message it came in."""

    event: Event
    at: float
    message: StoredMessage


class Observer:
    """Follows the topics on a thread; ``until`` waits for an event and tells its progress meanwhile."""

    def __init__(self, bootstrap: str, stage: Stage, dead: Callable[[], str | None]) -> None:
        self._bootstrap, self._stage, self._dead = bootstrap, stage, dead
        self._stop = threading.Event()
        self.seen: list[Seen] = []
        self.catalogue = Catalogue()
        self._told = 0
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        known: set[str] = set()
        for message in follow(self._bootstrap, WATCHED, self._stop):
            if message is None:
                continue
            try:
                event = message.event()
            except ContractError:
                continue
            if event.event_id in known:
                continue  # at least once: a redelivery repeats facts under the same id
            known.add(event.event_id)
            self.catalogue.add(event)
            self.seen.append(Seen(event, time.monotonic(), message))

    async def until(self, wanted: Callable[[Event], T | None], what: str, seconds: float, after: int = 0) -> T:
        """The first event from place ``after`` on of which ``wanted`` makes something, and what it made.

        Raises ``DemoFailed`` after ``seconds``, or once the worker has ended.
        """
        limit, at = time.monotonic() + seconds, after
        while True:
            while at < len(self.seen):
                found = wanted(self.seen[at].event)
                if found is not None:
                    return found
                if at >= self._told:
                    self._tell(self.seen[at].event)
                    self._told = at + 1
                at += 1
            if (reason := self._dead()) is not None:
                raise DemoFailed(f"the worker ended while the demo waited for {what}: {reason}")
            if time.monotonic() > limit:
                raise DemoFailed(f"{what} did not come within {seconds:.0f} s")
            await asyncio.sleep(0.02)

    def now(self) -> int:
        """The place of the next event: what comes after this moment."""
        return len(self.seen)

    def _tell(self, event: Event) -> None:
        if isinstance(event, RunProgressed):
            self._stage.progress(f"{event.station}: {event.message} ({event.fraction:.0%})")

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=2)
