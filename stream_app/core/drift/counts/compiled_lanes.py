"""Counting by bits, compiled: rows become bits of lanes, and shared bits are counted eight lanes at a time.

Eight lanes are one vector in LLVM's own words, which loops would hide from it; it makes of vectors what a processor
has. What is compiled is kept by this file's date, so all of it is here.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils as untyped
from numba.extending import intrinsic

from schemas.compiling import compiled

EIGHT = 8
WORD = 64
"""Rows of a word, a bit each."""

MOST_WORDS = 64
PIECE = MOST_WORDS * WORD
"""Rows whose bits are kept at once."""

ROOM = MOST_WORDS + 1
"""Words between an eight's first and the next one's: a power of two would have them meet in the cache."""

SPARE = EIGHT
"""Cells behind the last ones that eights may reach into."""

FEW = 2
"""Words of the usual block: code for that number alone has no loop over words."""

_NO_LANE = np.uint8(255)

cgutils: Any = untyped
_WORD, _PLACE, _CODE = ir.IntType(WORD), ir.IntType(32), ir.IntType(8)
_LANES = ir.VectorType(_WORD, EIGHT)
_SHIFT = ir.Constant(_WORD, 3)


def _start(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    """The address of an item of a contiguous array."""
    data = cgutils.create_struct_proxy(kind)(context, builder, value=array).data
    return builder.gep(data, [at])


def _all(builder: Any, value: Any, number: int) -> Any:
    """A vector of one value."""
    empty = ir.Constant(ir.VectorType(value.type, number), ir.Undefined)
    first = builder.insert_element(empty, value, ir.Constant(_PLACE, 0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(_PLACE, number), [0] * number))


def _shared(builder: Any, lane: Any, lanes: Any, words: Any) -> Any:
    """How many bits one lane, eight words apart, shares with each of eight."""
    total = cgutils.alloca_once_value(builder, ir.Constant(_LANES, [0] * EIGHT))
    kind = ir.FunctionType(_LANES, [_LANES])
    popcount = cgutils.get_or_insert_function(builder.module, kind, "llvm.ctpop.v8i64")
    with cgutils.for_range(builder, words) as loop:
        offset = builder.shl(loop.index, _SHIFT)
        one = _all(builder, builder.load(builder.gep(lane, [offset])), EIGHT)
        others = builder.bitcast(builder.gep(lanes, [offset]), _LANES.as_pointer())
        both = builder.and_(one, builder.load(others, align=8))
        builder.store(builder.add(builder.load(total), builder.call(popcount, [both])), total)
    return builder.load(total)


def _cells_of_shared(add: bool) -> Any:
    def typed(_: Any, cells: Any, at: Any, one: Any, lane: Any, others: Any, lanes: Any, words: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            starts = [_start(context, builder, signature.args[n], given[n], given[n + 1]) for n in (0, 2, 4)]
            sums, item = _shared(builder, starts[1], starts[2], given[6]), context.get_data_type(cells.dtype)
            vector, align = ir.VectorType(item, EIGHT), item.width // 8
            sums = builder.trunc(sums, vector) if item.width < WORD else sums
            place = builder.bitcast(starts[0], vector.as_pointer())
            builder.store(builder.add(builder.load(place, align=align), sums) if add else sums, place, align=align)
            return context.get_dummy_value()

        place = types.uint64
        return types.void(cells, place, one, place, others, place, place), generate

    return intrinsic(typed)


put_shared: Any = _cells_of_shared(add=False)
"""``(cells, at, one, lane, others, lanes, words)``: put into eight cells how many bits a lane shares with each of them.

Arrays are contiguous; a lane's next word is eight words on. All eight cells are written, whatever lies there.
"""

add_shared: Any = _cells_of_shared(add=True)
"""As ``put_shared``, added to what the cells hold."""


def _bits_of_codes(_: Any, bits: Any, at: Any, codes: Any, first: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        words = _start(context, builder, signature.args[0], given[0], given[1])
        some = _start(context, builder, signature.args[2], given[2], given[3])
        rows = ir.VectorType(_CODE, WORD)
        held = builder.load(builder.bitcast(some, rows.as_pointer()), align=1)
        for code in range(EIGHT):
            same = builder.icmp_unsigned("==", held, ir.Constant(rows, [code] * WORD))
            builder.store(builder.bitcast(same, _WORD), builder.gep(words, [ir.Constant(_WORD, code)]))
        return context.get_dummy_value()

    return types.void(bits, types.uint64, codes, types.uint64), generate


set_bits: Any = intrinsic(_bits_of_codes)
"""``(bits, at, codes, first)``: the next eight words of bits say which of 64 codes are 0, 1 and so on to 7."""


@compiled
def count_lanes(
    counts: Any, apart: Any, cells: int, limits: Any, codes: Any, classes: Any, columns: Any, lane_of: Any, pairs: Any,
    groups: Any, fine: Any,
) -> None:  # fmt: skip
    """Count rows into ``counts`` (blocks * cells + spare,), which are zeros: fine marginals, pairs and groups.

    ``apart`` (classes - 1, cells + spare) counts over all blocks the rows of each class but the last; ``classes``
    (rows,). ``columns``, ``lane_of``, ``pairs`` and ``groups`` are those of ``Lanes``.
    """
    kinds, eights = len(apart), len(columns)
    bits, masked = np.empty((2, eights * ROOM * EIGHT), dtype=np.uint64)
    members, seen = np.zeros((kinds, MOST_WORDS), np.uint64), np.zeros((kinds + 1, fine[-1]), np.uint16)
    lanes, offsets, used = np.empty(WORD, np.uint8), np.empty(PIECE, np.int64), 0
    for block in range(len(limits) - 1):
        for start in range(limits[block], limits[block + 1], PIECE):
            some = codes[:, start : min(limits[block + 1], start + PIECE)]
            own, words = classes[start : start + some.shape[1]], (some.shape[1] + WORD - 1) // WORD
            if used + words > MOST_WORDS:
                _count_members(apart, bits, masked, members, used, eights, pairs, groups)
                used = 0
            _tally(counts[block * cells :], apart, some, own, fine, seen, offsets)
            _set_bits(bits, used, some, columns, lane_of, lanes)
            _set_members(members, used, own)
            if start == limits[block]:
                _put(counts, block * cells, bits, used, words, pairs)
            else:
                _add(counts, block * cells, bits, bits, used, words, pairs)
            _add(counts, block * cells, bits, bits, used, words, groups)
            used += words
    _count_members(apart, bits, masked, members, used, eights, pairs, groups)


@compiled
def _tally(cells: Any, apart: Any, codes: Any, classes: Any, fine: Any, seen: Any, offsets: Any) -> None:
    """Count the codes of every column; ``seen`` is room to count in by class, empty before and after."""
    flat, size = seen.ravel(), seen.shape[1]
    for row in range(len(classes)):
        offsets[row] = size * classes[row]
    for column in range(len(codes)):
        own, first = codes[column], fine[column]
        for row in range(len(own)):
            flat[np.uint64(offsets[row] + first) + np.uint64(own[row])] += 1
    for kind in range(len(seen)):
        for cell in range(size):
            cells[cell] += seen[kind, cell]
    for kind in range(len(apart)):
        for cell in range(size):
            apart[kind, cell] += seen[kind, cell]
    flat[:] = 0


@compiled
def _set_bits(bits: Any, used: int, codes: Any, columns: Any, lane_of: Any, lanes: Any) -> None:
    """Bits of every eight from word ``used`` on; rows beyond the last have none."""
    rows = codes.shape[1]
    for eight in range(len(columns)):
        own, table = codes[columns[eight]], lane_of[eight]
        at = np.uint64((eight * ROOM + used) * EIGHT)
        for start in range(0, rows, WORD):
            number = min(WORD, rows - start)
            some = own[start : start + number]
            for row in range(number):
                lanes[row] = table[np.uint64(some[row])]
            lanes[number:] = _NO_LANE
            set_bits(bits, at, lanes, np.uint64(0))
            at += np.uint64(EIGHT)


@compiled
def _set_members(members: Any, used: int, classes: Any) -> None:
    """Bits of the rows of each class but the last, from word ``used`` on."""
    for kind in range(len(members)):
        own = members[kind, used:]
        for start in range(0, len(classes), WORD):
            word = np.uint64(0)
            for row in range(min(WORD, len(classes) - start)):
                word |= np.uint64(classes[start + row] == kind) << np.uint64(row)
            own[start // WORD] = word


@compiled
def _count_members(
    apart: Any, bits: Any, masked: Any, members: Any, words: int, eights: int, pairs: Any, groups: Any
) -> None:
    """Add what lanes share among the members of each class."""
    for kind in range(len(apart)):
        for eight in range(eights):
            first = eight * ROOM * EIGHT
            for word in range(words):
                for place in range(first + word * EIGHT, first + word * EIGHT + EIGHT):
                    masked[place] = bits[place] & members[kind, word]
        _add(apart[kind], 0, masked, bits, 0, words, pairs)
        _add(apart[kind], 0, masked, bits, 0, words, groups)


@compiled
def _put(cells: Any, base: int, bits: Any, used: int, words: int, steps: Any) -> None:
    """Fill cells by steps, whose cells rise: what an eight has beyond its levels is zero, and overwritten."""
    for step in range(len(steps)):
        one, lane, other, at, width, many = steps[step]
        first, others = np.uint64((one * ROOM + used) * EIGHT + lane), np.uint64((other * ROOM + used) * EIGHT)
        place = np.uint64(base + at)
        for number in range(np.uint64(many)):
            if words == FEW:
                put_shared(cells, place, bits, first + np.uint64(number), bits, others, np.uint64(FEW))
            else:
                put_shared(cells, place, bits, first + np.uint64(number), bits, others, np.uint64(words))
            place += np.uint64(width)


@compiled
def _add(cells: Any, base: int, masked: Any, bits: Any, used: int, words: int, steps: Any) -> None:
    """Add to cells by steps."""
    for step in range(len(steps)):
        one, lane, other, at, width, many = steps[step]
        first, others = np.uint64((one * ROOM + used) * EIGHT + lane), np.uint64((other * ROOM + used) * EIGHT)
        place = np.uint64(base + at)
        for number in range(np.uint64(many)):
            add_shared(cells, place, masked, first + np.uint64(number), bits, others, np.uint64(words))
            place += np.uint64(width)


@compiled
def summed(counts: Any, total: Any) -> None:
    """Add (blocks, cells) counts to ``total`` (cells,).

    Those that are bytes are first added up as numbers of two bytes, of which a processor adds many at once.
    """
    some, at_once = np.zeros(len(total), dtype=np.uint16), np.iinfo(np.uint16).max // np.iinfo(np.uint8).max
    for start in range(0, len(counts), at_once):
        if counts.itemsize == 1:
            for block in range(start, min(len(counts), start + at_once)):
                own = counts[block]
                for cell in range(len(some)):
                    some[cell] += own[cell]
            for cell in range(len(total)):
                total[cell] += some[cell]
            some[:] = 0
        else:
            for block in range(start, min(len(counts), start + at_once)):
                own = counts[block]
                for cell in range(len(total)):
                    total[cell] += own[cell]
