"""SDV's work beside a supervisor that tells progress and stops it.

SDV has no hook to tell how far it is, so it works on a thread of its own: the caller's thread tells progress twice a
second, by optimizer steps where there are some and else by time against an estimate. Where ``progress`` raises, the
worker is stopped at its next line of Python, which is after the library call that it is in.
"""

import contextlib
import ctypes
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from generators.protocol import Progress
from generators.sdv.quiet import quiet
from generators.sdv.seeds import seeded
from schemas.errors import InputError, PerennialError

T = TypeVar("T")
EVERY = 0.5
"""Seconds between two tellings."""
BEFORE = 0.1


@dataclass(slots=True)
class Stage:
    """What the worker does now: written by it, read by the supervisor.

    ``begin`` and ``end`` are fractions of the whole, ``seconds`` an estimate for stages that count no steps.
    """

    phase: str = "starting"
    begin: float = 0.0
    end: float = 0.05
    seconds: float = 5.0
    step: int = 0
    of: int = 0
    since: float = field(default_factory=time.monotonic)

    def enter(self, phase: str, begin: float, end: float, seconds: float = 5.0, of: int = 0) -> None:
        """The next stage begins."""
        self.phase, self.begin, self.end, self.seconds = phase, begin, end, max(0.1, seconds)
        self.step, self.of, self.since = 0, of, time.monotonic()

    @property
    def fraction(self) -> float:
        """How far the whole is; where steps are counted, what comes before the first of them takes a tenth."""
        waited = 1 - math.exp(-(time.monotonic() - self.since) / self.seconds)
        if self.of:
            done = BEFORE + (1 - BEFORE) * min(1.0, self.step / self.of) if self.step else BEFORE * waited
        else:
            done = waited
        return self.begin + (self.end - self.begin) * done


class _Stopped(BaseException):
    """Raised inside the worker to stop it; a ``BaseException``, because SDV catches ``Exception`` in places."""


@dataclass(slots=True)
class _Job(Generic[T]):
    work: Callable[[], T]
    silenced: set[int]
    result: list[T] = field(default_factory=list)
    error: BaseException | None = None

    def run(self) -> None:
        self.silenced.add(threading.get_ident())
        try:
            self.result.append(self.work())
        except BaseException as error:
            self.error = error


def supervised(work: Callable[[Stage], T], seed: int, progress: Progress, family: str) -> T:
    """What ``work`` returns, quietly, with the global random states at ``seed``.

    Raises what ``progress`` raises once the worker has stopped, errors of Perennial as they are, and ``InputError``
    without SDV's own words (they may quote cells) for its errors.
    """
    stage = Stage()
    with seeded(seed), quiet() as silenced:
        job = _Job(lambda: work(stage), silenced)
        thread = threading.Thread(target=job.run, name="sdv", daemon=True)
        thread.start()
        try:
            _watch(thread, stage, progress)
        finally:
            _stop(thread)
    if isinstance(job.error, PerennialError | MemoryError):
        raise job.error
    if job.error is not None:
        raise InputError(
            f"SDV cannot fit {family} to this table ({type(job.error).__name__}): try another family"
        ) from None
    return job.result[0]


@contextlib.contextmanager
def steps_told(stage: Stage) -> Iterator[None]:
    """Every step of an optimizer on this thread counts as one of the stage."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    own = threading.get_ident()

    def count(*_: Any) -> None:
        stage.step += threading.get_ident() == own

    hook = register_optimizer_step_post_hook(count)
    try:
        yield
    finally:
        hook.remove()


def _watch(thread: threading.Thread, stage: Stage, progress: Progress) -> None:
    furthest = 0.0
    while True:
        furthest = max(furthest, min(0.94, stage.fraction))
        progress(furthest, stage.phase, step=min(stage.step, stage.of), of=stage.of)
        thread.join(EVERY)
        if not thread.is_alive():
            return


def _stop(thread: threading.Thread) -> None:
    while thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_Stopped))
        thread.join(EVERY)
