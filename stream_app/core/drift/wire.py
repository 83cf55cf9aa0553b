"""Counts as bytes: what stage 1 hands to stage 2 of one message.

A magic number, the length of a JSON header, the header, then vectors one after the other: each dense in the narrowest
of one, two, four or eight bytes, or as the cells that are not zero and their counts, whichever is shorter.
"""

import json
import struct
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from schemas.errors import ContractError
from stream_app.core.drift.blocks import Block
from stream_app.core.drift.concept.concept import Errors
from stream_app.core.drift.counts.layout import Integers

Narrow = npt.NDArray[np.integer[Any]]
Operation = Literal["insert", "delete", "label"]
_MAGIC = b"PRC1"
_HEAD = struct.Struct("<4sI")
_DTYPES: dict[str, npt.DTypeLike] = {"1": "<u1", "2": "<u2", "4": "<u4", "8": "<i8"}
_MOST_CELLS = 1 << 26
_MOST_BLOCKS = 100_000


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
    blocks: tuple[Block, ...]
    train: Integers
    held: Integers
    absent: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    retyped: tuple[str, ...] = ()
    compared: Compared | None = None

    @property
    def rows(self) -> int:
        return sum(block.rows for block in self.blocks)

    @property
    def misfit(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """What does not fit the contract; empty where all does."""
        return self.absent, self.unknown, self.retyped


@dataclass(slots=True)
class _Vectors:
    """Vectors in the order of their writing."""

    kinds: list[str] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)

    def add(self, counts: "np.ndarray[Any, Any]") -> None:
        width = _width(counts)
        seen = np.flatnonzero(counts) if _sparse(counts) else None
        if seen is not None and len(seen) * (4 + int(width)) < counts.size * int(width):
            self.kinds.append(f"s{width}.{len(seen)}")
            self.parts += [seen.astype("<u4").tobytes(), counts[seen].astype(_DTYPES[width]).tobytes()]
            return
        self.kinds.append(f"d{width}")
        self.parts.append(counts.astype(_DTYPES[width]).tobytes())


def _width(counts: "np.ndarray[Any, Any]") -> str:
    largest = int(counts.max(initial=0))
    return "1" if largest < 1 << 8 else "2" if largest < 1 << 16 else "4" if largest < 1 << 32 else "8"


def _sparse(counts: "np.ndarray[Any, Any]") -> bool:
    """A guess by a sample, so that dense counts are not looked through."""
    return bool(np.count_nonzero(counts[:: max(1, counts.size // 256)]) < 64)


def to_bytes(counted: Counted) -> bytes:
    """The message's body."""
    vectors = _Vectors()
    for block in counted.blocks:
        vectors.add(block.counts)
    vectors.add(counted.train)
    vectors.add(counted.held)
    header: dict[str, Any] = {
        "operation": counted.operation,
        "cells": int(counted.train.size),
        "blocks": [[block.period, block.rows, block.time, *block.errors] for block in counted.blocks],
        "misfit": counted.misfit,
        "vectors": vectors.kinds,
    }
    if counted.compared is not None:
        vectors.add(counted.compared.counts)
        header["compared"] = [counted.compared.release, int(counted.compared.counts.size)]
    head = json.dumps(header, separators=(",", ":")).encode()
    return b"".join([_HEAD.pack(_MAGIC, len(head)), head, *vectors.parts])


def from_bytes(body: bytes) -> Counted:
    """What ``to_bytes`` wrote; raises ``ContractError`` on anything else."""
    try:
        magic, length = _HEAD.unpack_from(body)
        header = json.loads(body[_HEAD.size : _HEAD.size + length])
        sizes = _sizes(header)
        if magic != _MAGIC or not len(sizes) == len(header["vectors"]) <= _MOST_BLOCKS:
            raise ValueError
        vectors = _read(memoryview(body)[_HEAD.size + length :], header["vectors"], sizes)
        if any(
            kind[1] == "8" and vector.min(initial=0) < 0
            for kind, vector in zip(header["vectors"], vectors, strict=True)
        ):
            raise ValueError
        return _counted(header, vectors)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, OverflowError, struct.error):
        raise ContractError("not counts of rows") from None


def _sizes(header: dict[str, Any]) -> list[int]:
    """The length of each vector that the header announces."""
    compared = header.get("compared")
    cells, others = header["cells"], [] if compared is None else [compared[1]]
    if any(type(size) is not int or not 0 <= size <= _MOST_CELLS for size in (cells, *others)):
        raise ValueError
    return [cells] * (len(header["blocks"]) + 2) + others


def _counted(header: dict[str, Any], vectors: list[Narrow]) -> Counted:
    compared = header.get("compared")
    if compared is not None and (len(compared) != 2 or type(compared[0]) is not str):
        raise ValueError
    found = None if compared is None else Compared(compared[0], vectors.pop().astype(np.int64))
    if header["operation"] not in ("insert", "delete", "label"):
        raise ValueError
    blocks = tuple(_block(entry, counts) for entry, counts in zip(header["blocks"], vectors, strict=False))
    absent, unknown, retyped = (tuple(str(name) for name in names) for names in header["misfit"])
    train, held = (vector.astype(np.int64) for vector in vectors[-2:])
    return Counted(header["operation"], blocks, train, held, absent, unknown, retyped, found)


def _block(entry: list[Any], counts: Narrow) -> Block:
    period, rows, time, labelled, wrong, expected = entry
    numbers = (period, rows, labelled, wrong, expected)
    if any(type(number) is not int or not 0 <= number < 1 << 53 for number in numbers):
        raise ValueError
    if time is not None and not np.isfinite(time):
        raise ValueError
    return Block(period, rows, counts, None if time is None else float(time), Errors(labelled, wrong, expected))


def _read(body: memoryview, kinds: list[str], sizes: list[int]) -> list[Narrow]:
    found, at = list[Narrow](), 0
    if sum(sizes) + len(sizes) > _MOST_CELLS * 4:
        raise ValueError
    for kind, cells in zip(kinds, sizes, strict=True):
        width, _, number = kind[1:].partition(".")
        dtype = np.dtype(_DTYPES[width])
        if kind[0] == "d":
            found.append(np.frombuffer(body, dtype, cells, at))
            at += cells * dtype.itemsize
            continue
        count = int(number)
        places = np.frombuffer(body, "<u4", count, at)
        values = np.frombuffer(body, dtype, count, at + 4 * count)
        if kind[0] != "s" or (count and int(places.max()) >= cells):
            raise ValueError
        dense = np.zeros(cells, dtype=dtype)
        dense[places] = values
        found.append(dense)
        at += count * (4 + dtype.itemsize)
    if at != len(body):
        raise ValueError
    return found
