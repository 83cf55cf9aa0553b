"""Loops as machine code by numba, for modules that are imported only where it is installed."""

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """The function as machine code that lets other threads run meanwhile, compiled once and kept on disk."""
    try:
        return cast(F, njit(cache=True, nogil=True)(function))
    except RuntimeError:
        # Nowhere to keep it, as on a read-only disk: compiled anew by each process.
        return cast(F, njit(nogil=True)(function))
