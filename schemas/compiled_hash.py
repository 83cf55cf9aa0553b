"""The loops of the rows' hash, compiled by numba; the same whole-number arithmetic as in ``keyed_hash``, in one pass.

Imported only where numba is installed, compiled once and kept on disk.
"""

import numpy as np
import numpy.typing as npt

from schemas.compiling import compiled

Hashes = npt.NDArray[np.uint64]


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
    """The last of the table is that of index -1; false where an index was outside the table."""
    within, missing = True, np.uint64(len(table) - 1)
    for i in range(len(indices)):
        # As an unsigned number every negative index is beyond the table, and no look-up asks for its sign.
        place = np.uint64(np.uint32(indices[i]))
        within &= (place < missing) | (indices[i] == -1)
        content[i] += table[place if place < missing else missing]
    return within


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
