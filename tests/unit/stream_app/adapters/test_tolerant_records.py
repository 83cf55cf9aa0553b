"""A header name that is no UTF-8 does not stop a consumer, and every other record is read as aiokafka reads it."""

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.memory_records import MemoryRecords

from stream_app.adapters.tolerant_records import TolerantRecords, names_are_text, tolerate

LZ4 = 3


class Illegible(str):
    """Encodes to what no decoder takes."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfename"


def batch(names: list[str], compression: int = 0) -> bytes:
    builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, -1, 1_000_000)
    for offset, name in enumerate(names):
        builder.append(offset, 1_000 + offset, b"key", b"value %d" % offset, [("ce_id", b"1"), (name, None)])
    return bytes(builder.build())


def read(records: TolerantRecords | MemoryRecords) -> list[tuple[object, ...]]:
    found = []
    while records.has_next():
        made = records.next_batch()
        assert made.validate_crc()
        found += [(each.offset, each.timestamp, each.key, each.value, tuple(each.headers)) for each in made]
    return found


@pytest.mark.parametrize("compression", [0, LZ4])
def test_legible_batches_are_read_as_aiokafka_reads_them(compression: int) -> None:
    body = batch(["a", "ä", ""], compression) + batch(["b"], compression)
    assert read(TolerantRecords(body)) == read(MemoryRecords(body))


@pytest.mark.parametrize("compression", [0, LZ4])
def test_an_illegible_name_spoils_neither_its_batch_nor_the_next(compression: int) -> None:
    body = batch(["a", Illegible("x"), "c"], compression) + batch(["d"], compression)
    with pytest.raises(UnicodeDecodeError):
        read(MemoryRecords(body))
    found = read(TolerantRecords(body))
    assert [value for _, _, _, value, _ in found] == [b"value 0", b"value 1", b"value 2", b"value 0"]
    names = [tuple(name for name, _ in headers) for *_, headers in found]
    assert [names_are_text(each) for each in names] == [True, False, True, True]


def test_consumers_use_it_once_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)
    tolerate()
    assert fetcher.MemoryRecords is TolerantRecords
