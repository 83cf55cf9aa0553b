"""Loops as machine code by numba, for modules that are imported only where it is installed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit
from numba.core.caching import FunctionCache

F = TypeVar("F", bound=Callable[..., object])


class _OneAtATime(FunctionCache):
    """numba's cache on disk, under a lock.

    numba numbers the files of a function's variants and writes index and code one after the other. Processes that start
    together, as workers and tests do, could otherwise write one variant's code under another's number: the next process
    would run it on arrays of another type.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        with self._alone():
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]

    def save_overload(self, sig: Any, data: Any) -> None:
        with self._alone():
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            import fcntl

            folder = Path(self.cache_path)
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / "compiling.lock").open("w")
        except (ImportError, OSError):
            # No locks on this system, or a folder that nobody may write to, and so nobody writes to.
            yield
            return
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def compiled(function: F) -> F:
    """The function as machine code that lets other threads run meanwhile, compiled once and kept on disk."""
    made: Any = njit(nogil=True)(function)
    # Where there is nowhere to keep it, as on a read-only disk, each process compiles it anew.
    with suppress(RuntimeError):
        made._cache = _OneAtATime(function)  # type: ignore[no-untyped-call]
    return cast(F, made)
