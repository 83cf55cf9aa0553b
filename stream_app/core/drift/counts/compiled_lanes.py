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

EIGHT, WORD = 8, 64
"""Lanes that are counted at a time, and rows of a word, a bit each."""

MOST_WORDS = 64
PIECE = MOST_WORDS * WORD
"""Rows whose bits are kept at once."""

ROOM = MOST_WORDS + 1
"""Words between an eight's first and the next one's: a power of two would have them meet in the cache."""

SPARE = EIGHT * EIGHT
"""Cells behind the last ones that eights of eights may reach into."""

USUAL = 7
"""Cells in a row of the usual pair: ``layout.LEVELS`` and missing ones."""

AT_ONCE = np.iinfo(np.uint16).max // np.iinfo(np.uint8).max
"""Blocks of counts of one byte whose sum is a number of two."""

FEW, MORE = 2, 8
"""Words of the usual block, and of the usual blocks whose pairs are counted together: code for these numbers alone has
no loop over words.
"""

DONE, WIDE, LONG = 0, 1, 2
"""What ``count_lanes`` says: a count of several blocks is larger than its cell, or they have too many words."""

cgutils: Any = untyped
_WORD, _PLACE, _CODE = ir.IntType(WORD), ir.IntType(32), ir.IntType(8)
_LANES, _CODES, _SHIFT = ir.VectorType(_WORD, EIGHT), ir.VectorType(_CODE, WORD), ir.Constant(_WORD, 3)


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
    popcount = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_LANES, [_LANES]), "llvm.ctpop.v8i64")
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


def _table_of_shared(words: int) -> Any:
    def typed(_: Any, cells: Any, at: Any, bits: Any, one: Any, other: Any) -> Any:
        return types.void(cells, types.uint64, bits, types.uint64, types.uint64), generate

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        lane, lanes = (_start(context, builder, signature.args[2], given[2], given[n]) for n in (3, 4))
        none = sums = ir.Constant(_LANES, [0] * EIGHT)
        for number in range(1, EIGHT - 1):
            own = builder.gep(lane, [ir.Constant(_WORD, number)])
            shared = _shared(builder, own, lanes, ir.Constant(_WORD, words))
            sums = builder.or_(sums, builder.shl(shared, ir.Constant(_LANES, [EIGHT * number] * EIGHT)))
        # Byte n of a lane's sum is what it shares with lane n: columns become rows, and those stand side by side.
        order = [EIGHT * (n % USUAL) + n // USUAL if n < EIGHT * USUAL else WORD for n in range(WORD)]
        columns, empty = builder.bitcast(sums, _CODES), builder.bitcast(none, _CODES)
        rows = builder.shuffle_vector(columns, empty, ir.Constant(ir.VectorType(_PLACE, WORD), order))
        place = _start(context, builder, signature.args[0], given[0], given[1])
        builder.store(rows, builder.bitcast(place, _CODES.as_pointer()), align=1)
        return context.get_dummy_value()

    return intrinsic(typed)


put_table: Any = _table_of_shared(FEW)
"""``(cells, at, bits, one, other)``: put into ``USUAL`` cells for each lane of one eight, row behind row, how many bits
of ``FEW`` words it shares with each of the other eight; nothing for the first lane and the last.

Cells are of one byte, and what is more than that is in the next cell. All 64 are written.
"""

put_large_table: Any = _table_of_shared(MORE)
"""As ``put_table``, of ``MORE`` words."""


def _bits_of_codes(_: Any, codes: Any, first: Any, low: Any, number: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        some = _start(context, builder, signature.args[0], given[0], given[1])
        held = builder.load(builder.bitcast(some, _CODES.as_pointer()), align=1)
        above = builder.sub(held, _all(builder, given[2], WORD))
        return builder.bitcast(builder.icmp_unsigned("<", above, _all(builder, given[3], WORD)), _WORD)

    return types.uint64(codes, types.uint64, types.uint8, types.uint8), generate


bits_of: Any = intrinsic(_bits_of_codes)
"""``(codes, first, low, number)``: a word that says which of 64 codes are among so many from ``low`` on."""


@compiled
def count_lanes(
    often: Any, seldom: Any, apart: Any, total: Any, limits: Any, paired: Any, codes: Any, classes: Any, eights: int,
    ranges: Any, of_pairs: Any, of_groups: Any, fine: Any, section: Any,
) -> int:  # fmt: skip
    """Count rows into ``often`` (blocks * cells + spare,), fine marginals and groups, and of pairs into ``seldom``
    (paired blocks * cells + spare,), whatever they hold; ``DONE``, or else nothing is right.

    Over all blocks the rows of each class but the last are added to ``apart`` (classes - 1, cells + spare), and all
    rows to ``total`` (cells,) where it has cells; both are zeros. ``classes`` (rows,). ``paired`` (blocks,) as in
    ``count_tables``. ``eights``, ``ranges`` and steps are those of ``Lanes``; ``section`` is the pairs' first cell,
    their last but one, and how many tables they are.
    """
    begin, end, tables = section
    kinds, width, most = len(apart), apart.shape[1] - SPARE - (end - begin), end - begin
    bits, masked = np.empty((2, eights * ROOM * EIGHT), dtype=np.uint64)
    members, gathered = np.zeros((kinds, MOST_WORDS), np.uint64), np.zeros((kinds, fine[-1]), np.uint16)
    seen, narrow = np.zeros((kinds + 1, fine[-1]), np.uint16), np.zeros(len(total), np.uint16)
    offsets, last, used, began = np.empty(PIECE, np.int64), np.empty(WORD, np.uint8), 0, 0
    since, group = 0, 0
    for block in range(len(limits) - 1):
        own, pairs = often[block * width : (block + 1) * width], seldom[group * most : (group + 1) * most]
        own[: fine[-1] if limits[block] < limits[block + 1] else width] = 0
        if block == 0 or paired[block - 1]:
            since = block
            if not paired[block]:
                words = _words_from(limits, paired, block)
                if words > MOST_WORDS:
                    return LONG
                if used + words > MOST_WORDS:
                    _count_members(apart, gathered, bits, masked, members, used, eights, of_pairs, of_groups)
                    used = 0
            began = used
        for start in range(limits[block], limits[block + 1], PIECE):
            stop = min(limits[block + 1], start + PIECE)
            words = (stop - start + WORD - 1) // WORD
            if used + words > MOST_WORDS:
                _count_members(apart, gathered, bits, masked, members, used, eights, of_pairs, of_groups)
                used, began = 0, 0
            _tally(own, gathered, codes[:, start:stop], classes[start:stop], fine, seen, offsets)
            _set_bits(bits, used, eights, codes, start, stop, ranges, last)
            _set_members(members, used, classes, start, stop)
            if start == limits[block]:
                _put(often, block * width - most, bits, used, words, of_groups)
                if paired[block]:
                    _put(seldom, group * most - begin, bits, began, used + words - began, of_pairs)
            else:
                _add(often, block * width - most, bits, bits, used, words, of_groups)
                _add(seldom, group * most - begin, bits, bits, used, words, of_pairs)
            used += words
        if paired[block]:
            if limits[block] == limits[block + 1]:
                _put(seldom, group * most - begin, bits, began, used - began, of_pairs)
            rows = limits[block + 1] - limits[since]
            if since < block and seldom.itemsize == 1 and not _is_whole(pairs, tables * rows):
                return WIDE
            group += 1
        if often.itemsize > 1 or seldom.itemsize > 1:
            _sum(own, pairs, total, begin, paired[block])
        else:
            _sum(own, pairs, narrow, begin, paired[block])
            if (block + 1) % AT_ONCE == 0:
                _widen(narrow, total)
    _widen(narrow, total)
    _count_members(apart, gathered, bits, masked, members, used, eights, of_pairs, of_groups)
    return DONE


@compiled
def _words_from(limits: Any, paired: Any, block: int) -> int:
    """Words of the blocks from this one on that are counted together."""
    words, stop = 0, block
    while stop == block or not paired[stop - 1]:
        words += int(limits[stop + 1] - limits[stop] + WORD - 1) // WORD
        stop += 1
    return words


@compiled
def _is_whole(cells: Any, rows: int) -> bool:
    """Whether the counts add up to so many: a count that one byte does not hold is 255 or 256 short."""
    total: Any = 0
    for cell in range(len(cells)):
        total += np.int64(cells[cell])
    return bool(total == rows)


@compiled
def _tally(cells: Any, gathered: Any, codes: Any, classes: Any, fine: Any, seen: Any, offsets: Any) -> None:
    """Count the codes of every column into ``cells``, and of each class but the last into ``gathered``.

    ``seen`` is room to count in by class, empty before and after.

    Four columns at a time: a cell that is counted again and again has to wait for itself, and others go on meanwhile.
    """
    flat, size, columns = seen.ravel(), seen.shape[1], len(codes)
    for row in range(len(classes)):
        offsets[row] = size * classes[row]
    for column in range(0, columns - 3, 4):
        one, two, three, four = codes[column], codes[column + 1], codes[column + 2], codes[column + 3]
        first, second, third, fourth = fine[column], fine[column + 1], fine[column + 2], fine[column + 3]
        for row in range(len(one)):
            offset = offsets[row]
            flat[np.uint64(offset + first) + np.uint64(one[row])] += 1
            flat[np.uint64(offset + second) + np.uint64(two[row])] += 1
            flat[np.uint64(offset + third) + np.uint64(three[row])] += 1
            flat[np.uint64(offset + fourth) + np.uint64(four[row])] += 1
    for column in range(columns // 4 * 4, columns):
        own, first = codes[column], fine[column]
        for row in range(len(own)):
            flat[np.uint64(offsets[row] + first) + np.uint64(own[row])] += 1
    for kind in range(len(seen)):
        for cell in range(size):
            cells[cell] += seen[kind, cell]
    for kind in range(len(gathered)):
        for cell in range(size):
            gathered[kind, cell] += seen[kind, cell]
    flat[:] = 0


@compiled
def _set_bits(bits: Any, used: int, eights: int, codes: Any, begin: int, end: int, ranges: Any, last: Any) -> None:
    """Bits of every eight from word ``used`` on, of rows from ``begin`` to ``end``; ``last`` is room for 64 codes."""
    words, rows = (end - begin + WORD - 1) // WORD, codes.shape[1]
    flat, there = codes.ravel(), np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(words * WORD - end + begin)
    for eight in range(eights):
        for place in range((eight * ROOM + used) * EIGHT, (eight * ROOM + used + words) * EIGHT):
            bits[np.uint64(place)] = 0
    for number in range(len(ranges)):
        at = np.uint64((ranges[number, 1] * ROOM + used) * EIGHT + ranges[number, 2])
        first = np.uint64(ranges[number, 0] * rows + begin)
        code, often = np.uint8(ranges[number, 3]), np.uint8(ranges[number, 4])
        for _ in range(words - 1):
            bits[at] |= bits_of(flat, first, code, often)
            at += np.uint64(EIGHT)
            first += np.uint64(WORD)
        if first + np.uint64(WORD) <= np.uint64(len(flat)):
            bits[at] |= bits_of(flat, first, code, often) & there
        else:
            # Beyond the last code there may be no memory.
            for row in range(np.uint64(len(flat)) - first):
                last[row] = flat[first + row]
            bits[at] |= bits_of(last, np.uint64(0), code, often) & there


@compiled
def _set_members(members: Any, used: int, classes: Any, begin: int, end: int) -> None:
    """Bits of the rows of each class but the last, from word ``used`` on."""
    for kind in range(len(members)):
        for start in range(begin, end, WORD):
            word = np.uint64(0)
            if start + WORD <= len(classes):
                word = bits_of(classes, np.uint64(start), np.uint8(kind), np.uint8(1))
            else:
                for row in range(len(classes) - start):
                    word |= np.uint64(classes[start + row] == kind) << np.uint64(row)
            members[kind, used + (start - begin) // WORD] = word


@compiled
def _count_members(
    apart: Any, gathered: Any, bits: Any, masked: Any, members: Any, words: int, eights: int, of_pairs: Any,
    of_groups: Any,
) -> None:  # fmt: skip
    """Add the codes gathered of each class, and what lanes share among its members."""
    for kind in range(len(apart)):
        for cell in range(gathered.shape[1]):
            apart[kind, cell] += gathered[kind, cell]
        for eight in range(eights):
            first = eight * ROOM * EIGHT
            for word in range(words):
                for place in range(first + word * EIGHT, first + word * EIGHT + EIGHT):
                    masked[place] = bits[place] & members[kind, word]
        _add(apart[kind], 0, masked, bits, 0, words, of_pairs)
        _add(apart[kind], 0, masked, bits, 0, words, of_groups)
    gathered[:] = 0


@compiled
def _places(steps: Any, step: int, used: int) -> Any:
    """The first words of a step's lane and of the eight that it goes with. Taking a row of steps apart would count
    references to it.
    """
    first = np.uint64((steps[step, 0] * ROOM + used) * EIGHT + steps[step, 1])
    return first, np.uint64((steps[step, 2] * ROOM + used) * EIGHT)


@compiled
def _put(cells: Any, base: int, bits: Any, used: int, words: int, steps: Any) -> None:
    """Fill cells by steps, whose cells rise: what an eight has beyond its levels is zero, and overwritten.

    To add up what a step before has just written would take several times as long.
    """
    for step in range(len(steps)):
        first, others = _places(steps, step, used)
        place, width, many = np.uint64(base + steps[step, 3]), steps[step, 4], steps[step, 5]
        if words in (FEW, MORE) and width == USUAL and many > 1 and cells.itemsize == 1:
            missing = np.uint64(0)
            if words == FEW:
                put_table(cells, place, bits, first, others)
            else:
                put_large_table(cells, place, bits, first, others)
            for word in range(np.uint64(words)):
                missing |= bits[first + np.uint64(EIGHT) * word]
            # Few columns lack cells, and few have as many levels.
            if missing:
                add_shared(cells, place, bits, first, bits, others, np.uint64(words))
            if many == EIGHT:
                lane, place = first + np.uint64(EIGHT - 1), place + np.uint64(USUAL * (EIGHT - 1))
                add_shared(cells, place, bits, lane, bits, others, np.uint64(words))
        else:
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
        first, others = _places(steps, step, used)
        place, width, many = np.uint64(base + steps[step, 3]), steps[step, 4], steps[step, 5]
        for number in range(np.uint64(many)):
            add_shared(cells, place, masked, first + np.uint64(number), bits, others, np.uint64(words))
            place += np.uint64(width)


@compiled
def _sum(often: Any, seldom: Any, total: Any, begin: int, is_paired: bool) -> None:
    """Add a block's cells; numbers of two bytes a processor adds many at once."""
    if len(total):
        _added(total[:begin], often)
        _added(total[begin + len(seldom) :], often[begin:])
        if is_paired:
            _added(total[begin : begin + len(seldom)], seldom)


@compiled
def _added(total: Any, cells: Any) -> None:
    for cell in range(len(total)):
        total[cell] += cells[cell]


@compiled
def _widen(narrow: Any, total: Any) -> None:
    """Hand sums on, and begin anew."""
    for cell in range(len(total)):
        total[cell] += narrow[cell]
        narrow[cell] = 0
