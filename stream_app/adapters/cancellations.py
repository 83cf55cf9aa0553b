"""Cancelled runs, so that a fit that is under way stops: heard from ``budget.log``, told to the pool by files.

A pool process shares nothing with its worker but this machine's disk, so a cancelled run is an empty file named after
it. Whoever can write the log can stop a fit, and nothing else: what is certified the registry alone decides.
"""

import contextlib
import threading
import time
from pathlib import Path

from schemas.errors import ContractError, TransientError
from schemas.events.budget import RunEnded
from stream_app.adapters.reader import StoredMessage, follow

LOG = "budget.log"
LOOK_AGAIN_S = 5.0
CHECK_S = 0.2
KEPT_DAYS = 30


class Cancellations:
    """The cancelled runs that this machine knows of."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "cancelled"
        self._checked: dict[str, float] = {}

    def note(self, run_id: str) -> None:
        """From now on the run counts as cancelled here."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / run_id).touch()

    def holds(self, run_id: str) -> bool:
        """True where the run was cancelled; the disk is asked five times a second at most."""
        now = time.monotonic()
        if now - self._checked.get(run_id, -CHECK_S) < CHECK_S:
            return False
        self._checked[run_id] = now
        return (self._folder / run_id).exists()

    def tidy(self) -> None:
        """Forget what was cancelled so long ago that no request of it can still wait."""
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                if time.time() - path.stat().st_mtime > KEPT_DAYS * 86_400:
                    path.unlink(missing_ok=True)


def listen(bootstrap: str, cancellations: Cancellations, stop: threading.Event) -> threading.Thread:
    """Follow the log on a thread, from its beginning: requests outlive workers, and so do cancellations."""
    cancellations.tidy()

    def run() -> None:
        while not stop.is_set():
            with contextlib.suppress(TransientError):
                for message in follow(bootstrap, (LOG,), stop):
                    if message is not None:
                        _take(message, cancellations)
            stop.wait(LOOK_AGAIN_S)

    thread = threading.Thread(target=run, name="cancellations", daemon=True)
    thread.start()
    return thread


def _take(message: StoredMessage, cancellations: Cancellations) -> None:
    with contextlib.suppress(ContractError):
        event = message.event()
        if isinstance(event, RunEnded) and event.outcome == "cancelled":
            cancellations.note(event.run_id)
