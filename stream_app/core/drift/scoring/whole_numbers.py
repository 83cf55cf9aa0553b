"""Weights as whole numbers: sums of counts times them are the same in whatever order they are added.

So machine code may add as many at once as the processor can, and gives what numpy gives. Rounding moves a contrast by
less than a weight in ten thousand; what it does to its mean and its variance under the baseline is known, and taken
out of every score.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.layout import Integers

MOST = 32_767
"""The largest weight, and the largest count that is added with 16 bits: then a table's sum needs no more than 32."""

MOST_INVERSE = 1 << 22
"""The largest inverse share: times the square of a block's rows it stays below what a double holds exactly."""

_FEW, _MANY = 8, 64
"""Cells of a piece, powers of two, so that machine code adds them up without a loop: a coarse table of one column has
few, a pair's or a column's bins many.
"""

Small = npt.NDArray[np.int32]


class Whole(NamedTuple):
    """``matrix`` (contrasts, cells), sparse; (contrasts,) the ``means`` and standard deviations (``units``) that they
    have under the baseline.
    """

    matrix: Any
    means: Floats
    units: Floats

    def head(self, number: int) -> "Whole":
        """The first so many alone."""
        return Whole(self.matrix[:number], self.means[:number], self.units[:number])


def whole_of(contrasts: Any, counts: Integers, rows: Floats) -> Whole:
    """Standardised ``contrasts`` (contrasts, cells) in whole numbers, for (cells,) baseline ``counts``, of which each
    contrast's table has (contrasts,) ``rows``.
    """
    largest = np.zeros(contrasts.shape[0])
    lengths = np.diff(contrasts.indptr)
    np.maximum.at(largest, np.repeat(np.arange(len(lengths)), lengths), np.abs(contrasts.data))
    scale = np.divide(MOST, largest, out=np.ones_like(largest), where=largest > 0)
    weights = contrasts.copy()
    weights.data = np.rint(contrasts.data * np.repeat(scale, lengths))
    seen, known = counts.astype(np.float64), np.maximum(rows, 1.0)
    means = (weights @ seen) / known
    variance = (weights.power(2) @ seen) / known - means**2
    told = (rows > 0) & (variance > 0)
    return Whole(weights, np.where(told, means, 0.0), np.where(told, np.sqrt(np.maximum(variance, 0.0)), scale))


def whole_inverse(shares: Floats, firsts: Integers) -> tuple[Floats, Floats]:
    """(slots,) one over the ``shares`` in whole numbers, and by how much each channel's are larger; ``firsts`` are the
    channels' first slots.
    """
    inverse, owners = 1 / np.maximum(shares, 1e-12), np.repeat(np.arange(len(firsts) - 1), np.diff(firsts))
    largest = np.ones(len(firsts) - 1)
    np.maximum.at(largest, owners, inverse)
    scale = MOST_INVERSE / largest
    return np.rint(inverse * scale[owners]), scale


class Pieces(NamedTuple):
    """Sparse rows cut into pieces of as many neighbouring cells: (pieces,) ``firsts`` cells, the ``rows`` that they
    are of, and (pieces, width) weights.
    """

    firsts: Small
    rows: Small
    weights: npt.NDArray[np.int16] | npt.NDArray[np.int32]


def packed(matrix: Any) -> tuple[Pieces, Pieces]:
    """The rows of a sparse matrix of whole numbers as pieces for machine code: those of few cells, and the others."""
    matrix, used, lowest, highest = _reaches(matrix)
    few = highest - lowest < _FEW
    return (
        _pieces(matrix, used[few], lowest[few], highest[few], _FEW, np.int16),
        _pieces(matrix, used[~few], lowest[~few], highest[~few], _MANY, np.int16),
    )


def packed_wide(matrix: Any) -> Pieces:
    """As ``packed``, of numbers that need 32 bits, in pieces of many cells."""
    return _pieces(*_reaches(matrix), _MANY, np.int32)


def _reaches(matrix: Any) -> tuple[Any, Integers, Integers, Integers]:
    """The matrix without zeros, the rows that are left with any, and the lowest and the highest cell of each."""
    matrix = matrix.copy()
    matrix.eliminate_zeros()
    starts, cells = matrix.indptr, matrix.indices.astype(np.int64)
    used = np.flatnonzero(np.diff(starts))
    lowest, highest = (each.reduceat(cells, starts[used]) if len(used) else used for each in (np.minimum, np.maximum))
    return matrix, used, lowest, highest


def _pieces(
    matrix: Any, rows: Integers, lowest: Integers, highest: Integers, width: int, dtype: type[np.signedinteger[Any]]
) -> Pieces:
    number = (highest - lowest) // width + 1
    before = np.cumsum(number) - number
    nth = np.arange(int(number.sum())) - np.repeat(before, number)
    weights = np.zeros((len(nth), width), dtype=dtype)
    lengths = np.diff(matrix.indptr)[rows]
    entries = np.arange(int(lengths.sum())) + np.repeat(matrix.indptr[rows] - (np.cumsum(lengths) - lengths), lengths)
    off = matrix.indices[entries] - np.repeat(lowest, lengths)
    weights[np.repeat(before, lengths) + off // width, off % width] = matrix.data[entries]
    firsts = np.repeat(lowest, number) + nth * width
    return Pieces(firsts.astype(np.int32), np.repeat(rows, number).astype(np.int32), weights)
