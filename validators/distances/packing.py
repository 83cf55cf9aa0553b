"""Rows of codes as a few 64-bit words, so that mismatches of two rows are counted by bit operations."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from validators.distances.points import Codes

Words = npt.NDArray[np.uint64]
WORD = 64


@dataclass(frozen=True, slots=True)
class Packing:
    """One field of bits a column, as wide as its codes; (q,) ``limit`` is a code that no target has.

    ``high`` marks the top bit of each field of a word and ``low`` the others: ``((x & low) + low | x) & high`` has one
    bit for each field of x that is not zero, as no sum can carry into the next field.
    """

    limit: npt.NDArray[np.int64]
    places: tuple[tuple[int, int], ...]
    low: Words
    high: Words

    def words(self, codes: Codes) -> Words:
        """(n_words, n_rows); codes that no target has are alike here, and equal no target's."""
        packed = np.zeros((len(self.low), len(codes)), dtype=np.uint64)
        for j, (word, shift) in enumerate(self.places):
            field = np.minimum(codes[:, j].astype(np.int64), self.limit[j]).astype(np.uint64)
            packed[word] |= field << np.uint64(shift)
        return packed


def packing(codes: Codes) -> Packing:
    """Fields for the codes of the targets, laid one after the other into words."""
    limit = codes.max(axis=0, initial=-1).astype(np.int64) + 1
    places: list[tuple[int, int]] = []
    low, high = [0], [0]
    used = 0
    for bits in (max(1, int(most).bit_length()) for most in limit):
        if used + bits > WORD:
            low, high, used = [*low, 0], [*high, 0], 0
        places.append((len(low) - 1, used))
        high[-1] |= 1 << (used + bits - 1)
        low[-1] |= ((1 << (bits - 1)) - 1) << used
        used += bits
    return Packing(limit, tuple(places), np.array(low, dtype=np.uint64), np.array(high, dtype=np.uint64))


def grouped(words: Words) -> tuple[Words, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(n_words, n_groups) distinct columns of ``words``, an order that sorts by them, (n_groups + 1,) where each
    starts.
    """
    order = np.lexsort(words)
    lying = words[:, order]
    first = np.ones(lying.shape[1], dtype=bool)
    first[1:] = (lying[:, 1:] != lying[:, :-1]).any(axis=0)
    starts = np.flatnonzero(first)
    return np.ascontiguousarray(lying[:, starts]), order, np.append(starts, len(order)).astype(np.int64)
