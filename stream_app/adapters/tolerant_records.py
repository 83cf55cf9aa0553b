"""Lets Faust's consumer get past a record whose header has a name that is no UTF-8.

Kafka's brokers take such a record, and aiokafka raises ``UnicodeDecodeError`` at it for ever: one message would stop
its partition, and every worker that is given it. There is no setting for this, so the fetcher's parser is replaced by
one that falls back, for such a batch alone, to aiokafka's own Python parser with a forgiving decoder. The name then
holds lone surrogates, which no proper name can.
"""

from typing import Any, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


def tolerate() -> None:
    """Replace the parser of every consumer of this process."""
    fetcher.MemoryRecords = TolerantRecords


def names_are_text(names: tuple[str, ...]) -> bool:
    """False where one of the names came out of a forgiving decoder."""
    return not any("\ud800" <= letter <= "\udfff" for name in names for letter in name)


class TolerantRecords:
    """The part of aiokafka's ``MemoryRecords`` that its fetcher uses."""

    def __init__(self, body: bytes) -> None:
        self._records = _MemoryRecordsPy(body)

    def size_in_bytes(self) -> int:
        return int(self._records.size_in_bytes())

    def has_next(self) -> bool:
        return bool(self._records.has_next())

    def next_batch(self) -> Any:
        body = self._records._next_slice
        batch = self._records.next_batch()
        if not isinstance(batch, DefaultRecordBatch) or batch.is_control_batch or _is_legible(bytes(body)):
            return batch
        return _TolerantBatch(body)


def _is_legible(body: bytes) -> bool:
    """Reads a batch through; broken ones are left to the fetcher, which checks the sum first."""
    try:
        for _ in DefaultRecordBatch(body):
            pass
    except UnicodeDecodeError:
        return False
    except Exception:
        return True
    return True


class _TolerantBatch(_DefaultRecordBatchPy):  # type: ignore[misc] # aiokafka is not typed
    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Forgiving(self._buffer)


class _Forgiving(bytearray):
    """Bytes whose slices decode whatever they hold."""

    def __getitem__(self, place: SupportsIndex | slice) -> Any:
        found = super().__getitem__(place)
        return _Forgiving(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return super().decode(encoding, "surrogateescape")
