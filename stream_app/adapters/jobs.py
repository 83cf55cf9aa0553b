"""A pool of processes for work that takes seconds or minutes, so that the event loop never waits for it.

Processes are spawned, not forked: librdkafka's threads do not survive a fork. A pool process ends itself when its
worker is gone, even by kill -9, so that no orphan keeps training.
"""

import asyncio
import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.queues import Queue
from typing import Any, TypeVar

from schemas.errors import InputError, TransientError

T = TypeVar("T")
DEATHS = 3
"""How often a job may take its process along before it is refused: memory for it will not be there the next time."""
LAST_WORDS_S = 1.0
"""How long a listener stays after its job: what the job said last may still be under way."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a job said of itself: the fraction done, what it does, at which step of how many (0: no steps), the epsilon
    it has spent so far, and the processor seconds that it has used.
    """

    fraction: float
    phase: str
    step: int = 0
    of: int = 0
    epsilon: float | None = None
    cpu_seconds: float = 0.0


Listener = Callable[[Heard], None]
_progress: "Queue[tuple[str, Heard] | None] | None" = None


class JobDied(InputError):
    """A job whose process died every time that it was tried: what it was given cannot be worked on here."""


class Jobs:
    """Runs ``function(*arguments, progress)`` on the pool; ``on_progress`` hears of it.

    ``function`` and its arguments must be picklable: module-level functions and frozen models are. A process that died
    raises ``TransientError`` and the pool is made anew; a job that this happens to again and again raises ``JobDied``.
    """

    def __init__(self, processes: int = 1) -> None:
        self._processes = processes
        self._context = multiprocessing.get_context("spawn")
        self._queue: Queue[tuple[str, Heard] | None] = self._context.Queue()
        self._listeners: dict[str, Listener] = {}
        self._running: dict[str, asyncio.Future[Any]] = {}
        self._deaths: dict[str, int] = {}
        self._pool = self._new_pool()
        self._drainer = threading.Thread(target=self._drain, name="job progress", daemon=True)
        self._drainer.start()

    def warm(self, modules: tuple[str, ...]) -> None:
        """Start the processes now and import these modules in them."""
        for _ in range(self._processes):
            self._pool.submit(_import_all, modules)

    async def run(
        self, job: str, function: Callable[..., T], *arguments: Any, on_progress: Listener | None = None
    ) -> T:
        """Await the function's result; its exceptions are raised here. A job of the same name that runs already is
        joined: a rebalance hands an event in flight to the same worker again.
        """
        if on_progress is not None:
            self._listeners[job] = on_progress
        if job not in self._running:
            self._running[job] = asyncio.ensure_future(self._submit(job, function, arguments))
        found: T = await asyncio.shield(self._running[job])
        return found

    async def _submit(self, job: str, function: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        pool = self._pool
        try:
            found = await asyncio.get_running_loop().run_in_executor(pool, _call, job, function, arguments)
            self._deaths.pop(job, None)
            return found
        except BrokenProcessPool:
            if pool is self._pool:  # every job of the pool comes here; the first of them makes the new one
                self._pool = self._new_pool()
            self._deaths[job] = self._deaths.get(job, 0) + 1
            if self._deaths[job] >= DEATHS:
                raise JobDied(f"its process died {self._deaths.pop(job)} times: out of memory?") from None
            raise TransientError("a pool process died; the job is tried again") from None
        finally:
            self._running.pop(job, None)
            asyncio.get_running_loop().call_later(LAST_WORDS_S, self._listeners.pop, job, None)

    def close(self) -> None:
        """End the processes, whatever they do."""
        running = list((self._pool._processes or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in running:
            process.kill()
        self._queue.put(None)

    def _new_pool(self) -> ProcessPoolExecutor:
        pool = ProcessPoolExecutor(
            self._processes,
            mp_context=self._context,
            initializer=_initialise,
            initargs=(self._queue, os.getpid()),
        )
        # All processes start now, and answer once: the executor does not watch over one that starts later until the
        # next answer comes, and its death would go unseen for as long as the other jobs take.
        for _ in range(self._processes):
            pool.submit(_import_all, ())
        return pool

    def _drain(self) -> None:
        while True:
            with contextlib.suppress(EOFError, OSError):
                item = self._queue.get()
                if item is None:
                    return
                listener = self._listeners.get(item[0])
                if listener is not None:
                    listener(item[1])


def _initialise(queue: "Queue[tuple[str, Heard] | None]", parent: int) -> None:
    global _progress  # noqa: PLW0603 (a pool process has no other place for what its initialiser is given)
    _progress = queue
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _import_all(modules: tuple[str, ...]) -> None:
    for module in modules:
        __import__(module)


def _call(job: str, function: Callable[..., T], arguments: tuple[Any, ...]) -> T:
    queue = _progress

    before = time.process_time()

    def progress(fraction: float, phase: str, /, *, step: int = 0, of: int = 0, epsilon: float | None = None) -> None:
        if queue is not None:
            queue.put((job, Heard(fraction, phase, step, of, epsilon, time.process_time() - before)))

    return function(*arguments, progress)
