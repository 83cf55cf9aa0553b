"""What an Arrow IPC block may not hold, found before it is opened: compressed bodies, nested and odd types."""

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from schemas.errors import ContractError

if TYPE_CHECKING:
    import pyarrow as pa

_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3
_MARK, _PREFIX = b"\xff\xff\xff\xff", struct.Struct("<4si")
_SHORT = 4_096
"""Bytes of metadata up to which what they say is kept: block after block has dictionaries of the same sizes."""


def refuse_types(schema: "pa.Schema") -> None:
    """Raises ``ContractError`` on two columns of one name, and on all but plain numbers, text and times."""
    import pyarrow as pa

    if len(set(schema.names)) != len(schema.names):
        raise ContractError("a block names a column twice")
    for field in schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        simple = (
            pa.types.is_boolean,
            pa.types.is_integer,
            pa.types.is_floating,
            pa.types.is_string,
            pa.types.is_timestamp,
            pa.types.is_date,
        )
        if not any(check(kind) for check in simple):
            raise ContractError("a block has a column of a type that is not accepted")


def refuse_compression(body: bytes) -> bytes:
    """The first message's metadata, which in a block spell its schema.

    Raises ``ContractError`` on a compressed body: a few bytes could unfold to gigabytes; ``struct.error`` or as pyarrow
    does on what is no stream of messages.
    """
    spelt: bytes | None = None
    for metadata in _walked(body) if body.startswith(_MARK) else _read(body):
        spelt = metadata if spelt is None else spelt
        if (_said if len(metadata) > _SHORT else _known)(metadata).compressed:
            raise ContractError("a compressed block is not accepted: let the broker compress")
    return spelt or b""


def _walked(body: bytes) -> Iterator[bytes]:
    """The metadata of each message, by the lengths that messages tell (format/Columnar.rst of Arrow)."""
    at = 0
    while at < len(body):
        mark, size = _PREFIX.unpack_from(body, at)
        if size == 0:
            return
        metadata = body[at + _PREFIX.size : at + _PREFIX.size + size]
        length = (_said if size > _SHORT else _known)(metadata).body
        if mark != _MARK or size < 0 or length < 0:
            raise ContractError("not a block of rows: messages of no length")
        yield metadata
        at += _PREFIX.size + size + length


def _read(body: bytes) -> Iterator[bytes]:
    """The same by pyarrow, for streams as they were before messages began with a mark."""
    import pyarrow as pa

    for message in pa.ipc.MessageReader.open_stream(pa.py_buffer(body)):
        yield message.metadata.to_pybytes()


class _Said(NamedTuple):
    """Whether a message is a compressed batch, and how many bytes follow it."""

    compressed: bool
    body: int


def _said(metadata: bytes) -> _Said:
    message = struct.unpack_from("<I", metadata, 0)[0]
    length_at = _field(metadata, message, 3)
    return _Said(_is_compressed(metadata), struct.unpack_from("<q", metadata, length_at)[0] if length_at else 0)


_known = lru_cache(maxsize=256)(_said)


def _is_compressed(metadata: bytes) -> bool:
    """Whether the flatbuffer ``Message`` (format/Message.fbs of Arrow) is a batch with ``BodyCompression``."""
    message = struct.unpack_from("<I", metadata, 0)[0]
    kind_at = _field(metadata, message, 1)
    kind = metadata[kind_at] if kind_at else 0
    header_at = _field(metadata, message, 2)
    if kind not in (_DICTIONARY_BATCH, _RECORD_BATCH) or not header_at:
        return False
    header = _follow(metadata, header_at)
    if kind == _DICTIONARY_BATCH:
        data_at = _field(metadata, header, 1)
        if not data_at:
            return False
        header = _follow(metadata, data_at)
    return _field(metadata, header, 3) != 0


def _follow(metadata: bytes, at: int) -> int:
    return at + int(struct.unpack_from("<I", metadata, at)[0])


def _field(metadata: bytes, table: int, slot: int) -> int:
    """Where a flatbuffer table keeps a field, or 0 where it is absent."""
    vtable = table - int(struct.unpack_from("<i", metadata, table)[0])
    if vtable < 0 or 4 + 2 * slot >= struct.unpack_from("<H", metadata, vtable)[0]:
        return 0
    offset = int(struct.unpack_from("<H", metadata, vtable + 4 + 2 * slot)[0])
    return table + offset if offset else 0
