"""The loops of the rows' hash, compiled by numba; the same whole-number arithmetic as in ``keyed_hash``, in one pass.

Imported only where numba is installed, compiled once and kept on disk.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba.np.numpy_support import carray

from schemas.compiled_addresses import floats_at, indices_at, words_at
from schemas.compiling import compiled

Hashes = npt.NDArray[np.uint64]

CHUNK = 1_024
"""Rows whose hashes stay in the nearest cache while all columns are added."""

NUMBERS, WORDS = 1, 2
"""What a source is; any other is left alone."""


@compiled
def add_numbers(
    values: npt.NDArray[np.float64], bits: Hashes, first: np.uint64, second: np.uint64, content: Hashes
) -> None:
    """``bits`` are those of ``values``; -0.0 as 0.0, and what is not finite as one NaN."""
    zero, nan = np.uint64(0), np.uint64(0x7FF8000000000000)
    factor, other = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
    for i in range(len(values)):
        word = bits[i] if values[i] != 0.0 else zero
        word = word if abs(values[i]) < np.inf else nan
        word ^= first
        word ^= word >> np.uint64(30)
        word *= factor
        word ^= second
        word ^= word >> np.uint64(27)
        word *= other
        word ^= word >> np.uint64(31)
        content[i] += word


@compiled
def add_words(indices: npt.NDArray[np.int32], table: Hashes, content: Hashes) -> bool:
    """The last of the table is that of index -1; false, and nothing added, where an index was outside the table."""
    least, most, missing = np.int32(-1), np.int32(-1), np.uint64(len(table) - 1)
    for i in range(len(indices)):
        least, most = min(least, indices[i]), max(most, indices[i])
    if least < -1 or most >= len(table) - 1:
        return False
    for i in range(len(indices)):
        # As an unsigned number index -1 is beyond the table, and no look-up asks for its sign.
        place = np.uint64(np.uint32(indices[i]))
        content[i] += table[place if place < missing else missing]
    return True


@compiled
def add_columns(sources: Any, rounds: Any, content: Hashes) -> bool:
    """Add a column for each of ``sources``; false where an index of one was outside its table.

    ``sources`` (columns, 4) say what a column is, where its cells begin, one for each row, and for words
    where their table begins and its length; ``rounds`` (columns, 2) are keys.
    """
    rows = len(content)
    for start in range(0, rows, CHUNK):
        stop = min(rows, start + CHUNK)
        some = content[start:stop]
        for column in range(len(sources)):
            kind, cells = sources[column, 0], sources[column, 1]
            if kind == NUMBERS:
                values, bits = carray(floats_at(cells), rows)[start:stop], carray(words_at(cells), rows)[start:stop]
                add_numbers(values, bits, rounds[column, 0], rounds[column, 1], some)
            elif kind == WORDS:
                table = carray(words_at(sources[column, 2]), sources[column, 3])
                if not add_words(carray(indices_at(cells), rows)[start:stop], table, some):
                    return False
    return True


@compiled
def mixed(content: Hashes, first: np.uint64, second: np.uint64) -> Hashes:
    """Each mixed by the two rounds of a row's own."""
    factor, other = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
    found = np.empty_like(content)
    for i in range(len(content)):
        word = content[i] ^ first
        word ^= word >> np.uint64(30)
        word *= factor
        word ^= second
        word ^= word >> np.uint64(27)
        word *= other
        found[i] = word ^ (word >> np.uint64(31))
    return found
