"""Counting by bits, compiled: rows become bits of lanes, and shared bits are counted 64 rows at a time.

The inner loops run over neighbouring lanes, of which a vector instruction takes several.
"""

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from schemas.compiling import compiled

EIGHT = 8
PIECE = 2_048
"""Rows whose bits are kept at once."""

_WORDS = PIECE // 64


def _bits_shared(_: Any, one: Any, other: Any) -> Any:
    """How many bits two words share: LLVM's ``ctpop``."""
    if one != types.uint64 or other != types.uint64:
        return None

    def generate(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        return builder.ctpop(builder.and_(given[0], given[1]))

    return types.uint64(types.uint64, types.uint64), generate


_shared: Any = intrinsic(_bits_shared)


@compiled
def count_lanes(
    counts: Any, apart: Any, limits: Any, codes: Any, classes: Any, groups: Any, numbers: Any,
    columns: Any, first: Any, levels: Any, lanes: int, lane_of: Any, pairs: Any, fine: Any, grouped: Any,
) -> None:  # fmt: skip
    """Add rows to the fine marginals, the pairs and, where they are given, the groups of (blocks, cells) ``counts``.

    ``apart`` (classes - 1, cells) counts over all blocks the rows of each class but the last; ``classes`` (rows,).
    ``groups`` (subgroups, rows), of each ``numbers``.
    """
    kinds = len(apart)
    bits, members = np.empty((_WORDS, lanes), np.uint64), np.empty((kinds + 1, _WORDS), np.uint64)
    members[kinds] = ~np.uint64(0)
    kept, alone = np.zeros((kinds, len(columns), levels.max(), lanes), np.uint64), np.zeros((kinds, lanes), np.uint64)
    masked, room = np.empty_like(bits), np.empty((3, lanes), np.uint64)
    seen = np.zeros((kinds + 1, 256), dtype=np.int64)
    for block in range(len(limits) - 1):
        for start in range(limits[block], limits[block + 1], PIECE):
            stop = min(limits[block + 1], start + PIECE)
            words = (stop - start + 63) // 64
            _tally(counts[block], apart, bits[:words], codes[:, start:stop], classes[start:stop], columns, lane_of,
                   fine, seen)  # fmt: skip
            for kind in range(kinds):
                _set_members(members[kind], classes[start:stop], kind)
                _keep(kept[kind], alone[kind], masked[:words], bits[:words], members[kind], first, levels)
            _cross(counts[block], bits[:words], first, levels, pairs, room)
            for place in range(len(groups)):
                _group(counts[block], apart, bits[:words], members, groups[place, start:stop], numbers[place],
                       grouped[place], first, levels, room[0])  # fmt: skip
    for kind in range(kinds):
        _flush(apart[kind], kept[kind], alone[kind], first, levels, pairs)


@compiled
def _tally(
    cells: Any, apart: Any, bits: Any, codes: Any, classes: Any, columns: Any, lane_of: Any, fine: Any, seen: Any
) -> None:
    """Count the codes of every column, and set the bits of those that are paired.

    ``seen`` (classes, 256) is room to count in, empty before and after.
    """
    bits[:] = 0
    flat, place = seen.ravel(), 0
    for column in range(len(codes)):
        own, first, size = codes[column], fine[column], fine[column + 1] - fine[column]
        paired = place < len(columns) and columns[place] == column
        lanes = lane_of[min(place, len(columns) - 1)]
        for row in range(len(own)):
            at, code = np.uint64(row), np.uint64(own[row])
            flat[(np.uint64(classes[row]) << np.uint64(8)) | code] += 1
            if paired:
                bits[at >> np.uint64(6), np.uint64(lanes[code])] |= np.uint64(1) << (at & np.uint64(63))
        place += paired
        for kind in range(len(apart)):
            for each in range(size):
                apart[kind, first + each] += seen[kind, each]
        for kind in range(len(seen)):
            for each in range(size):
                cells[first + each] += seen[kind, each]
                seen[kind, each] = 0


@compiled
def _set_members(members: Any, classes: Any, kind: int) -> None:
    """Bits of the rows whose class this is."""
    members[:] = 0
    for row in range(len(classes)):
        at = np.uint64(row)
        members[at >> np.uint64(6)] |= np.uint64(classes[row] == kind) << (at & np.uint64(63))


@compiled
def _cross(cells: Any, bits: Any, first: Any, levels: Any, pairs: Any, room: Any) -> None:
    """Add what the levels of all pairs share; of each column one level has what its others leave."""
    sums, rest, alone = room[0], room[1], room[2]
    alone[:] = 0
    _add_alone(alone, bits)
    for left in range(len(first) - 1):
        start, derived = first[left + 1], 0 if alone[first[left]] else levels[left] - 1
        rest[start:] = alone[start:]
        for level in range(levels[left]):
            if level != derived and alone[first[left] + level]:
                sums[start:] = 0
                _add_shared(sums, bits, bits, first[left] + level, start)
                for lane in range(start, len(sums)):
                    rest[lane] -= sums[lane]
                _move(cells, sums, left, level, first, levels, pairs)
        _move(cells, rest, left, derived, first, levels, pairs)


@compiled
def _keep(kept: Any, alone: Any, masked: Any, bits: Any, members: Any, first: Any, levels: Any) -> None:
    """Add what the levels of all columns, but their first ones, share among the members."""
    for word in range(len(bits)):
        for lane in range(bits.shape[1]):
            masked[word, lane] = bits[word, lane] & members[word]
    _add_alone(alone, masked)
    for left in range(len(first) - 1):
        for level in range(1, levels[left]):
            _add_shared(kept[left, level], bits, masked, first[left] + level, first[left + 1])


@compiled
def _add_shared(sums: Any, bits: Any, masked: Any, own: int, start: int) -> None:
    """Add to each lane from ``start`` on the bits that it shares with one of the masked."""
    for word in range(len(bits)):
        one = masked[word, own]
        for lane in range(np.uint64(start), np.uint64(bits.shape[1])):
            sums[lane] += _shared(one, bits[word, lane])


@compiled
def _add_alone(sums: Any, bits: Any) -> None:
    for word in range(len(bits)):
        for lane in range(bits.shape[1]):
            sums[lane] += _shared(bits[word, lane], bits[word, lane])


@compiled
def _flush(cells: Any, kept: Any, alone: Any, first: Any, levels: Any, pairs: Any) -> None:
    for left in range(len(first) - 1):
        rest = kept[left, 0]
        rest[:] = alone
        for level in range(1, levels[left]):
            for lane in range(len(rest)):
                rest[lane] -= kept[left, level, lane]
        for level in range(levels[left]):
            _move(cells, kept[left, level], left, level, first, levels, pairs)


@compiled
def _move(cells: Any, sums: Any, left: int, level: int, first: Any, levels: Any, pairs: Any) -> None:
    """Add sums of one level of a column to its pairs' cells.

    By eights, which are one short piece of code: lanes beyond a column's levels are empty.
    """
    for right in range(left + 1, len(first)):
        if pairs[left, right] < 0:
            continue
        size, lane = levels[right], np.uint64(first[right])
        at = np.uint64(pairs[left, right] + level * size)
        if size <= EIGHT and at + np.uint64(EIGHT) <= len(cells):
            for code in range(EIGHT):
                cells[at + np.uint64(code)] += np.int64(sums[lane + np.uint64(code)])
        else:
            for code in range(np.uint64(size)):
                cells[at + code] += np.int64(sums[lane + code])


@compiled
def _group(
    cells: Any, apart: Any, bits: Any, members: Any, groups: Any, number: int, at: int, first: Any, levels: Any,
    sums: Any,
) -> None:  # fmt: skip
    """Add the levels of all columns among the rows of each group."""
    kinds, words = len(apart), len(bits)
    within, masked = np.zeros((number, words), dtype=np.uint64), np.empty((words, 1), dtype=np.uint64)
    for row in range(len(groups)):
        place = np.uint64(row)
        within[np.uint64(groups[row]), place >> np.uint64(6)] |= np.uint64(1) << (place & np.uint64(63))
    for group in range(number):
        for kind in range(kinds + 1):
            for word in range(words):
                masked[word, 0] = within[group, word] & members[kind, word]
            sums[:] = 0
            _add_shared(sums, bits, masked, 0, 0)
            if kind < kinds:
                _spread(apart[kind], at, sums, first, levels)
            else:
                _spread(cells, at, sums, first, levels)
        at += levels.sum()


@compiled
def _spread(cells: Any, at: int, sums: Any, first: Any, levels: Any) -> None:
    """Add the levels of every column to cells that leave no room between columns."""
    for column in range(len(first)):
        for code in range(levels[column]):
            cells[at + code] += np.int64(sums[first[column] + code])
        at += levels[column]
