"""Counts as bytes: what stage 1 hands to stage 2 of one message.

A magic number, the length of a JSON header, the header, six numbers a block, then vectors one after the other: the
counts of all blocks, the train share's, those held out. Each is dense in the narrowest of one, two, four or eight
bytes, or as the cells that are not zero and their counts, whichever is shorter.
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from schemas.errors import ContractError
from stream_app.core.drift.blocks import Block, Blocks, Narrow
from stream_app.core.drift.counts.layout import Integers

Operation = Literal["insert", "delete", "label"]
_MAGIC = b"PRC2"
_HEAD, _BLOCK = struct.Struct("<4sI"), struct.Struct("<5qd")
_ENCODER = json.JSONEncoder(separators=(",", ":"))
_DTYPES: dict[str, npt.DTypeLike] = {"1": "<u1", "2": "<u2", "4": "<u4", "8": "<i8"}
_MOST_CELLS = 1 << 26


@dataclass(frozen=True, slots=True)
class Compared:
    """A message's inserted rows on the bins of a released table: what a private test is given.

    ``release`` is the digest of the reference that the released table gives; ``counts`` (its cells,).
    """

    release: str
    counts: Integers


@dataclass(frozen=True, slots=True)
class Counted:
    """The rows of one message: counts of consecutive ``blocks``, and of all of them those of the train share.

    ``train`` and ``held`` (cells,) are the rows that a generator may learn from and those held out, each entity's rows
    bounded. ``absent``, ``unknown`` and ``retyped`` name columns that do not fit the contract. ``compared`` is there
    only while a private test is under way.
    """

    operation: Operation
    blocks: Sequence[Block]
    train: Integers
    held: Integers
    absent: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    retyped: tuple[str, ...] = ()
    compared: Compared | None = None

    @property
    def rows(self) -> int:
        return sum(Blocks.of(self.blocks).rows.tolist())

    @property
    def misfit(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """What does not fit the contract; empty where all does."""
        return self.absent, self.unknown, self.retyped


@dataclass(slots=True)
class _Vectors:
    """Vectors in the order of their writing."""

    kinds: list[str] = field(default_factory=list)
    parts: list[memoryview] = field(default_factory=list)

    def add(self, counts: "np.ndarray[Any, Any]") -> None:
        """Write (cells,) counts."""
        width = _width(counts)
        seen = np.flatnonzero(counts) if _sparse(counts) else None
        if seen is not None and len(seen) * (4 + int(width)) < counts.size * int(width):
            self.kinds.append(f"s{width}.{len(seen)}")
            self.parts += [seen.astype("<u4").data, counts[seen].astype(_DTYPES[width]).data]
            return
        self.kinds.append(f"d{width}")
        self.parts.append(np.ascontiguousarray(counts, dtype=_DTYPES[width]).data)


def _width(counts: "np.ndarray[Any, Any]") -> str:
    if counts.dtype == np.uint8:
        return "1"
    largest = int(counts.max(initial=0))
    return "1" if largest < 1 << 8 else "2" if largest < 1 << 16 else "4" if largest < 1 << 32 else "8"


def _sparse(counts: "np.ndarray[Any, Any]") -> bool:
    """A guess by a sample, so that dense counts are not looked through."""
    return bool(np.count_nonzero(counts[:: max(1, counts.size // 256)]) < 64)


def to_bytes(counted: Counted) -> bytes:
    """The message's body."""
    vectors, blocks = _Vectors(), Blocks.of(counted.blocks)
    vectors.add(blocks.counts.ravel())
    vectors.add(counted.train)
    vectors.add(counted.held)
    header: dict[str, Any] = {
        "operation": counted.operation,
        "cells": int(counted.train.size),
        "blocks": len(blocks),
        "misfit": counted.misfit,
        "vectors": vectors.kinds,
    }
    if counted.compared is not None:
        vectors.add(counted.compared.counts)
        header["compared"] = [counted.compared.release, int(counted.compared.counts.size)]
    head = _ENCODER.encode(header).encode()
    heads = blocks.heads.astype("<i8").tobytes(), blocks.times.astype("<f8").tobytes()
    return b"".join([_HEAD.pack(_MAGIC, len(head)), head, *heads, *vectors.parts])


def from_bytes(body: bytes) -> Counted:
    """What ``to_bytes`` wrote; raises ``ContractError`` on anything else."""
    try:
        magic, length = _HEAD.unpack_from(body)
        header = json.loads(body[_HEAD.size : _HEAD.size + length])
        sizes = _sizes(header)
        if magic != _MAGIC or len(sizes) != len(header["vectors"]):
            raise ValueError
        blocks, rest = _BLOCK.size * header["blocks"], memoryview(body)[_HEAD.size + length :]
        vectors = _read(rest[blocks:], header["vectors"], sizes)
        if any(
            kind[1] == "8" and vector.min(initial=0) < 0
            for kind, vector in zip(header["vectors"], vectors, strict=True)
        ):
            raise ValueError
        return _counted(header, rest[:blocks], vectors)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, OverflowError, struct.error):
        raise ContractError("not counts of rows") from None


def _sizes(header: dict[str, Any]) -> list[int]:
    """The length of each vector that the header announces."""
    compared = header.get("compared")
    cells, others = header["cells"], [] if compared is None else [compared[1]]
    blocks = header["blocks"]
    if any(type(size) is not int or not 0 <= size <= _MOST_CELLS for size in (blocks, cells, *others)):
        raise ValueError
    return [cells * blocks, cells, cells, *others]


def _counted(header: dict[str, Any], heads: memoryview, vectors: list[Narrow]) -> Counted:
    compared = header.get("compared")
    if compared is not None and (len(compared) != 2 or type(compared[0]) is not str):
        raise ValueError
    found = None if compared is None else Compared(compared[0], vectors.pop().astype(np.int64))
    if header["operation"] not in ("insert", "delete", "label"):
        raise ValueError
    counts = np.require(vectors[0], requirements="A").reshape(header["blocks"], header["cells"])
    blocks = _blocks(heads, counts)
    absent, unknown, retyped = (tuple(str(name) for name in names) for names in header["misfit"])
    train, held = (vector.astype(np.int64) for vector in vectors[-2:])
    return Counted(header["operation"], blocks, train, held, absent, unknown, retyped, found)


def _blocks(heads: memoryview, counts: Narrow) -> Blocks:
    """The blocks of (blocks, cells) counts, which stay where they are."""
    numbers = np.frombuffer(heads, "<i8", 5 * len(counts)).astype(np.int64).reshape(-1, 5)
    times = np.frombuffer(heads, "<f8", len(counts), numbers.nbytes).astype(np.float64)
    # Numbers below 0 are the largest without a sign.
    if numbers.view(np.uint64).max(initial=0) >= 1 << 53 or np.isinf(times).any():
        raise ValueError
    return Blocks(counts, numbers, times)


def _read(body: memoryview, kinds: list[str], sizes: list[int]) -> list[Narrow]:
    found, at = list[Narrow](), 0
    if sum(sizes) + len(sizes) > _MOST_CELLS * 4:
        raise ValueError
    for kind, cells in zip(kinds, sizes, strict=True):
        width, _, number = kind[1:].partition(".")
        if number and not number.isdecimal():
            raise ValueError
        dtype = np.dtype(_DTYPES[width])
        if kind[0] == "d":
            found.append(np.frombuffer(body, dtype, cells, at))
            at += cells * dtype.itemsize
            continue
        seen = int(number)
        places = np.frombuffer(body, "<u4", seen, at)
        values = np.frombuffer(body, dtype, seen, at + 4 * seen)
        if kind[0] != "s" or (seen and int(places.max()) >= cells):
            raise ValueError
        dense = np.zeros(cells, dtype=dtype)
        dense[places] = values
        found.append(dense)
        at += seen * (4 + dtype.itemsize)
    if at != len(body):
        raise ValueError
    return found
