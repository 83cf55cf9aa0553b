"""What one entity adds to a window is bounded: its first rows count, further ones do not."""

import struct
from typing import Self

import numpy as np
import numpy.typing as npt

from schemas.errors import ContractError, InputError
from schemas.keyed_hash import Bools, Hashes, Path, Slots, fastest

Counts = npt.NDArray[np.unsignedinteger]

_HEADER = struct.Struct("<4sQQ")
_MAGIC = b"PEB1"
_BLOCK = 4096
_SMALLEST = 8192
_FULL, _AFTER_GROWTH = 0.6, 0.4
"""Load factors: a table is rebuilt when it would be fuller than the first, to the second."""
_MOST = 2**62
_ODD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


class EntityBound:
    """Admits at most ``max_rows`` rows of each entity in a window, in the order of the rows; exact.

    Entities are 64-bit keys, such as ``Splitter.units`` gives; two with one key are one. State: an open-addressing
    table with linear probing (Knuth, The Art of Computer Programming 3, 6.4) in two arrays, 15 to 23 bytes an entity
    where ``max_rows`` is below 256, 17 to 25 where it is below 65,536, and 72 KiB at least. What is admitted is a
    function of the rows and not of how they were cut into calls. Raises ``ContractError`` for a bound below 1 or beyond
    2^62.
    """

    def __init__(self, max_rows: int, path: Path | None = None) -> None:
        if not 1 <= max_rows <= _MOST:
            raise ContractError("the bound on rows of an entity is a whole number from 1 to 2^62")
        self.max_rows, self._path = max_rows, path or fastest()
        self._allocate(0)

    def reset(self) -> None:
        """A new window: every entity has its whole bound again, and there is room for as many as there were."""
        self._allocate(len(self))

    def __len__(self) -> int:
        """Entities with a row in the window."""
        return int(np.count_nonzero(self._counts))

    @property
    def nbytes(self) -> int:
        """Memory of the table."""
        return self._keys.nbytes + self._counts.nbytes

    def admit(self, keys: Hashes) -> Bools:
        """(rows,) which rows count; those are remembered."""
        admitted = np.zeros(len(keys), dtype=bool)
        for start in range(0, len(keys), _BLOCK):
            rows = slice(start, start + _BLOCK)
            self._make_room(len(keys[rows]))
            admitted[rows] = self._take(*self._inserted(keys[rows] * _ODD))
        return admitted

    def remove(self, keys: Hashes) -> Bools:
        """(rows,) which deleted rows take something away: as many of an entity as were admitted; their room is free
        again.

        Which rows were admitted is not remembered. Where an entity had more rows than its bound, a deleted row may be
        one that was never counted, and what then stays counted is another row of the same entity.
        """
        removed = np.zeros(len(keys), dtype=bool)
        for start in range(0, len(keys), _BLOCK):
            rows = slice(start, start + _BLOCK)
            slots = self._found(keys[rows] * _ODD)
            known = np.flatnonzero(slots >= 0)
            removed[rows][known] = self._give_back(slots[known])
        return removed

    def to_bytes(self) -> bytes:
        """The state as bytes: equal for equal windows, whatever calls led there."""
        slots = np.flatnonzero(self._counts)
        # The key of a mixed one: the inverse of an odd factor modulo 2^64.
        keys = self._keys[slots] * np.uint64(pow(int(_ODD), -1, 2**64))
        order = np.argsort(keys)
        counts = self._counts[slots][order]
        return b"".join(
            (
                _HEADER.pack(_MAGIC, self.max_rows, len(keys)),
                keys[order].astype("<u8").tobytes(),
                counts.astype(counts.dtype.newbyteorder("<")).tobytes(),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes, path: Path | None = None) -> Self:
        """The state that ``to_bytes`` wrote; raises ``InputError`` for anything else."""
        keys, counts, max_rows = _read(data)
        bound = cls(max_rows, path)
        bound._fill(keys * _ODD, counts)
        return bound

    def _allocate(self, entities: int) -> None:
        """An empty table; key 0, which marks a free slot, has the slot behind the last for its own."""
        self._size, self._used = max(_SMALLEST, int(entities / _AFTER_GROWTH)), 0
        self._keys = np.zeros(self._size + 1, dtype=np.uint64)
        self._counts = np.zeros(self._size + 1, dtype=np.min_scalar_type(self.max_rows))

    def _make_room(self, rows: int) -> None:
        if self._used + rows > _FULL * self._size:
            live = np.flatnonzero(self._counts)
            keys, counts = self._keys[live], self._counts[live]
            self._fill(keys, counts, rows)

    def _fill(self, mixed: Hashes, counts: Counts, room: int = 0) -> None:
        """Only these entities, in a table of the right size."""
        self._allocate(len(mixed) + room)
        self._used = len(mixed) - int((mixed == 0).any())
        if self._path == "numba":
            slots, _ = self._inserted(mixed)
            self._counts[slots] = counts
        else:
            self._fill_sorted(mixed, counts)

    def _fill_sorted(self, mixed: Hashes, counts: Counts) -> None:
        """In the order of their homes each takes its home or the slot after the one before it."""
        order = np.argsort(mixed)
        mixed, counts = mixed[order], counts[order]
        zero = int(len(mixed) and mixed[0] == 0)
        self._counts[-1] = counts[0] if zero else 0
        mixed, counts = mixed[zero:], counts[zero:]
        places = np.arange(len(mixed))
        slots = np.maximum.accumulate(self._homes(mixed) - places) + places
        inside = int(np.searchsorted(slots, self._size))
        self._keys[slots[:inside]] = mixed[:inside]
        slots[inside:], _ = self._inserted(mixed[inside:])
        self._counts[slots] = counts

    def _homes(self, mixed: Hashes) -> Slots:
        homes = (((mixed >> _HALF) * np.uint64(self._size)) >> _HALF).view(np.int64)
        homes[mixed == 0] = self._size
        return homes

    def _inserted(self, mixed: Hashes) -> tuple[Slots, Bools]:
        """The slot of each key, and whether it was put in just now; there must be room."""
        slots, fresh = self._homes(mixed), np.zeros(len(mixed), dtype=bool)
        if self._path == "numba":
            from stream_app.core.drift.sharing.compiled_contribution import insert

            insert(mixed, self._keys, slots, fresh)
            return slots, fresh
        pending = np.flatnonzero(self._keys[slots] != mixed)
        while len(pending):
            at, wanted = slots[pending], mixed[pending]
            free = self._keys[at] == 0
            # Of several keys that want one slot the last gets it, and the others go on.
            self._keys[at[free]] = wanted[free]
            settled = self._keys[at] == wanted
            fresh[pending[settled & free]] = True
            pending = pending[~settled]
            self._step(slots, pending)
        return slots, fresh

    def _found(self, mixed: Hashes) -> Slots:
        """The slot of each key, -1 where it is not there."""
        slots = self._homes(mixed)
        pending = np.flatnonzero(self._keys[slots] != mixed)
        while len(pending):
            held = self._keys[slots[pending]]
            slots[pending[held == 0]] = -1
            pending = pending[(held != 0) & (held != mixed[pending])]
            self._step(slots, pending)
        return slots

    def _step(self, slots: Slots, pending: Slots) -> None:
        following = slots[pending] + 1
        following[following == self._size] = 0
        slots[pending] = following

    def _take(self, slots: Slots, fresh: Bools) -> Bools:
        ordered, rows, starts, sizes, rank = _grouped(slots)
        self._used += int(np.count_nonzero(fresh[rows[starts]]))
        before = self._counts[ordered].astype(np.int64)
        admitted = np.empty(len(slots), dtype=bool)
        admitted[rows] = before + rank < self.max_rows
        self._counts[ordered[starts]] = np.minimum(before[starts] + sizes, self.max_rows)
        return admitted

    def _give_back(self, slots: Slots) -> Bools:
        ordered, rows, starts, sizes, rank = _grouped(slots)
        before = self._counts[ordered].astype(np.int64)
        removed = np.empty(len(slots), dtype=bool)
        removed[rows] = rank < before
        self._counts[ordered[starts]] = np.maximum(before[starts] - sizes, 0)
        return removed


def _grouped(slots: Slots) -> tuple[Slots, Slots, Slots, Slots, Slots]:
    """Slots sorted, their rows (in order within a slot), where each slot's run starts, how long it is, and each row's
    rank in its run.
    """
    rows = np.arange(len(slots), dtype=np.uint64)
    # Sorting numbers that hold both is several times faster than a stable argsort.
    joined = np.sort((slots.view(np.uint64) << _HALF) | rows)
    ordered = (joined >> _HALF).view(np.int64)
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    sizes = np.diff(starts, append=len(slots))
    rank = rows.view(np.int64) - np.repeat(starts, sizes)
    return ordered, (joined & _LOW).view(np.int64), starts, sizes, rank


def _read(data: bytes) -> tuple[Hashes, Counts, int]:
    """Keys, counts and bound of a state, all checked."""
    if len(data) < _HEADER.size:
        raise InputError("this is no state of an entity bound")
    magic, max_rows, entities = _HEADER.unpack_from(data)
    if magic != _MAGIC or not 1 <= max_rows <= _MOST:
        raise InputError("this is no state of an entity bound")
    kind = np.min_scalar_type(max_rows).newbyteorder("<")
    if len(data) != _HEADER.size + entities * (8 + kind.itemsize):
        raise InputError("the state of an entity bound is cut off or too long")
    keys = np.frombuffer(data, dtype="<u8", count=entities, offset=_HEADER.size).astype(np.uint64)
    counts = np.frombuffer(data, dtype=kind, count=entities, offset=_HEADER.size + 8 * entities)
    if (keys[1:] <= keys[:-1]).any() or (counts < 1).any() or (counts > max_rows).any():
        raise InputError("the state of an entity bound holds entities twice, or more rows than its bound")
    return keys, counts.astype(kind.newbyteorder("=")), max_rows
