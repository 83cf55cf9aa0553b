"""The container of a fitted model: a JSON header and plain arrays, no pickles, no archive, a digest at the end.

Layout: 8 magic bytes; the header's length (8 bytes, little-endian); the header as canonical JSON, which names
each array with dtype and shape; the arrays' bytes in that order; SHA-256 over everything before it. The same
model gives the same bytes. The digest finds damage, not malice: authenticity is the artefact store's business.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.canonical import canonical, parse
from schemas.errors import ArtefactError, PerennialError

MAGIC = b"PRNLMDL1"
DTYPES = frozenset({"|i1", "|u1", "<i2", "<i4", "<i8", "<f4", "<f8"})
PREFIX = len(MAGIC) + 8
DIGEST = 32


@dataclass(frozen=True, slots=True)
class Artefact:
    """What a model is stored as: facts about it in JSON, its numbers as arrays by name (read-only)."""

    header: dict[str, Any]
    arrays: dict[str, npt.NDArray[Any]]


def pack(header: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """One container; arrays are stored little-endian and C-contiguous, their dtypes must be among ``DTYPES``."""
    stored = {name: np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")) for name, array in arrays.items()}
    listing = [
        {"name": name, "dtype": array.dtype.str, "shape": list(arrays[name].shape)} for name, array in stored.items()
    ]
    if any(entry["dtype"] not in DTYPES for entry in listing):
        raise ArtefactError("an array of a model has a dtype that its container does not take")
    text = canonical({"header": dict(header), "arrays": listing})
    body = MAGIC + len(text).to_bytes(8, "little") + text + b"".join(array.tobytes() for array in stored.values())
    return body + hashlib.sha256(body).digest()


def unpack(body: bytes) -> Artefact:
    """The header and arrays that ``pack`` wrote; raises ``ArtefactError`` on any damage, before any content is used."""
    if len(body) < PREFIX + DIGEST or body[: len(MAGIC)] != MAGIC:
        raise ArtefactError("not a model of Perennial")
    if hashlib.sha256(body[:-DIGEST]).digest() != body[-DIGEST:]:
        raise ArtefactError("the model's bytes are damaged")
    length = int.from_bytes(body[len(MAGIC) : PREFIX], "little")
    if length > len(body) - PREFIX - DIGEST:
        raise ArtefactError("the model's header does not fit its bytes")
    header, listing = _header(body[PREFIX : PREFIX + length])
    return Artefact(header, _arrays(body[PREFIX + length : -DIGEST], listing))


def _header(text: bytes) -> tuple[dict[str, Any], list[Any]]:
    try:
        document = parse(text)
    except PerennialError:
        raise ArtefactError("the model's header is no strict JSON") from None
    if not isinstance(document, dict) or set(document) != {"header", "arrays"}:
        raise ArtefactError("the model's header has the wrong fields")
    if not isinstance(document["header"], dict) or not isinstance(document["arrays"], list):
        raise ArtefactError("the model's header has the wrong form")
    return document["header"], document["arrays"]


def _arrays(body: bytes, listing: list[Any]) -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = {}
    offset = 0
    for entry in listing:
        name, dtype, shape = _entry(entry)
        size = np.dtype(dtype).itemsize * math.prod(shape)
        if name in arrays or offset + size > len(body):
            raise ArtefactError("the model's arrays do not fit its bytes")
        arrays[name] = np.frombuffer(body, dtype=dtype, count=math.prod(shape), offset=offset).reshape(shape)
        offset += size
    if offset != len(body):
        raise ArtefactError("the model has bytes that belong to no array")
    return arrays


def _entry(entry: object) -> tuple[str, str, list[int]]:
    if not isinstance(entry, dict) or set(entry) != {"name", "dtype", "shape"}:
        raise ArtefactError("an array of the model is described wrongly")
    name, dtype, shape = entry["name"], entry["dtype"], entry["shape"]
    if not isinstance(name, str) or dtype not in DTYPES or not isinstance(shape, list) or len(shape) > 4:
        raise ArtefactError("an array of the model is described wrongly")
    if not all(type(length) is int and 0 <= length < 2**40 for length in shape):
        raise ArtefactError("an array of the model has an impossible shape")
    return name, dtype, shape
