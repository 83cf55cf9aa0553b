"""Counts as bytes: what stage 1 hands to stage 2 of one message.

A magic number, the length of a JSON header, the header, seven numbers a block, then vectors one after the other: the
counts of all blocks, but for those of pairs; those of pairs of the blocks that have any; the train share's, those held
out. Each is dense in the narrowest of one, two, four or eight bytes, or as the cells that are not zero and their
counts, whichever is shorter.
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from schemas.errors import ContractError
from stream_app.core.drift.blocks import HEAD, Block, Blocks, Narrow
from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.counts.tables import Tables

Operation = Literal["insert", "delete", "label"]
_MAGIC = b"PRC3"
_HEAD, _BLOCK = struct.Struct("<4sI"), struct.Struct(f"<{HEAD}qd")
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
    only while a private test is under way. ``pairs`` are the first cell, and the last but one, in which blocks without
    rows of pairs have no counts.
    """

    operation: Operation
    blocks: Sequence[Block]
    train: Integers
    held: Integers
    absent: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    retyped: tuple[str, ...] = ()
    compared: Compared | None = None
    pairs: tuple[int, int] = (0, 0)

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
    vectors, blocks = _Vectors(), Blocks.of(counted.blocks, counted.pairs)
    tables = blocks.tables
    vectors.add(tables.often.ravel())
    vectors.add(tables.seldom.ravel())
    vectors.add(counted.train)
    vectors.add(counted.held)
    header: dict[str, Any] = {
        "operation": counted.operation,
        "cells": int(counted.train.size),
        "blocks": len(blocks),
        "pairs": [tables.first, tables.stop, len(tables.seldom)],
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
    blocks, (first, stop, paired) = header["blocks"], header["pairs"]
    sizes = (blocks, cells, first, stop, paired, *others)
    if any(type(size) is not int or not 0 <= size <= _MOST_CELLS for size in sizes):
        raise ValueError
    if not first <= stop <= cells or paired > blocks or cells * blocks > _MOST_CELLS * 4:
        raise ValueError
    return [(cells - stop + first) * blocks, (stop - first) * paired, cells, cells, *others]


def _counted(header: dict[str, Any], heads: memoryview, vectors: list[Narrow]) -> Counted:
    compared = header.get("compared")
    if compared is not None and (len(compared) != 2 or type(compared[0]) is not str):
        raise ValueError
    found = None if compared is None else Compared(compared[0], vectors.pop().astype(np.int64))
    if header["operation"] not in ("insert", "delete", "label"):
        raise ValueError
    (first, stop, number), (numbers, times) = header["pairs"], _heads(heads, header["blocks"])
    paired = numbers[:, -1] > 0
    if np.count_nonzero(paired) != number:
        raise ValueError
    often = np.require(vectors[0], requirements="A").reshape(header["blocks"], header["cells"] - (stop - first))
    seldom = np.require(vectors[1], requirements="A").reshape(number, stop - first)
    blocks = Blocks(Tables(often, seldom, paired, first), numbers, times)
    absent, unknown, retyped = (tuple(str(name) for name in names) for names in header["misfit"])
    train, held = (vector.astype(np.int64) for vector in vectors[-2:])
    return Counted(header["operation"], blocks, train, held, absent, unknown, retyped, found, (first, stop))


def _heads(heads: memoryview, blocks: int) -> tuple[Integers, Floats]:
    """(blocks, 6) numbers and (blocks,) times."""
    numbers = np.frombuffer(heads, "<i8", HEAD * blocks).astype(np.int64).reshape(-1, HEAD)
    times = np.frombuffer(heads, "<f8", blocks, numbers.nbytes).astype(np.float64)
    # Numbers below 0 are the largest without a sign.
    if numbers.view(np.uint64).max(initial=0) >= 1 << 53 or np.isinf(times).any():
        raise ValueError
    return numbers, times


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
