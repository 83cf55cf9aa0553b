"""Nothing that SDV says is heard: its prints, progress bars, warnings and log lines would hold values of the data."""

import contextlib
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import TextIO


class _Muted:
    """A stream that drops what one thread writes and passes on everything else."""

    def __init__(self, real: TextIO, silenced: set[int]) -> None:
        self._real, self._silenced = real, silenced

    def write(self, text: str) -> int:
        return len(text) if threading.get_ident() in self._silenced else self._real.write(text)

    def flush(self) -> None:
        self._real.flush()

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


@contextlib.contextmanager
def quiet() -> Iterator[set[int]]:
    """The set of threads (by ident) that are not heard: add to it. Warnings and logging are off for the process
    meanwhile; what other threads write is passed on.
    """
    silenced: set[int] = set()
    before, streams = logging.root.manager.disable, (sys.stdout, sys.stderr)
    logging.disable(logging.CRITICAL)
    sys.stdout, sys.stderr = (_Muted(stream, silenced) for stream in streams)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield silenced
    finally:
        sys.stdout, sys.stderr = streams
        logging.disable(before)
