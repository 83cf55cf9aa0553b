"""The errors of a reference model as loops that numba compiles; imported only where numba is installed, compiled once
and kept on disk. The integers are those of ``ConceptModel.errors_by_table``.
"""

from typing import Any

import numpy as np

from schemas.compiling import compiled

_AT_ONCE = 1024
_PADDED = 8
_SHIFT, _STEPS, _LOWEST = 11, 16, 4 * 4096
_UNLABELLED = -(1 << 30)


@compiled
def count_errors(
    codes: Any, target: int, columns: Any, weights: Any, base: Any, truth: Any, limit: int, expected: Any
) -> tuple[int, int, int]:
    """Labelled rows, wrong ones, and expected errors, for a model of one output (1, columns, 256); a piece of rows
    stays in the cache while columns are added.
    """
    rows = codes.shape[1]
    sums = np.empty(_AT_ONCE, dtype=np.int32)
    labelled, wrong, due = 0, 0, 0
    for start in range(0, rows, _AT_ONCE):
        length = min(_AT_ONCE, rows - start)
        sums[:length] = base[0]
        for place in range(len(columns)):
            table, cells = weights[0, place], codes[columns[place]]
            for row in range(length):
                sums[row] += table[cells[start + row]]
        for row in range(length):
            true, found = truth[codes[target, start + row]], sums[row]
            if true == _UNLABELLED:
                continue
            if limit >= 0:
                missed, step = abs(true - found) > limit, max((found + _LOWEST) >> _SHIFT, 0)
            else:
                missed, step = (1 if found > 0 else 0) != true, abs(found) >> _SHIFT
            labelled += 1
            wrong += missed
            due += expected[min(step, _STEPS - 1)]
    return labelled, wrong, due


@compiled
def count_class_errors(
    codes: Any, target: int, columns: Any, weights: Any, base: Any, truth: Any, expected: Any
) -> tuple[int, int, int]:
    """The same for ``outputs`` classes; ``weights`` (columns, 256, 8) and ``base`` (8,) are padded beyond them.

    Eight sums of 32 bits are one register: a column costs one addition, however many classes there are.
    """
    sums = np.empty(_PADDED, dtype=np.int32)
    labelled, wrong, due = 0, 0, 0
    for row in range(codes.shape[1]):
        true = truth[codes[target, row]]
        if true == _UNLABELLED:
            continue
        for output in range(_PADDED):
            sums[output] = base[output]
        for place in range(len(columns)):
            code = codes[columns[place], row]
            for output in range(_PADDED):
                sums[output] += weights[place, code, output]
        best, guess, second = sums[0], 0, np.int32(-(1 << 31))
        for output in range(1, _PADDED):
            value = sums[output]
            if value > best:
                best, guess, second = value, output, best
            elif value > second:
                second = value
        labelled += 1
        wrong += guess != true
        due += expected[min((best - second) >> _SHIFT, _STEPS - 1)]
    return labelled, wrong, due


def padded(weights: Any, base: Any) -> tuple[Any, Any]:
    """``weights`` (outputs, columns, 256) and ``base`` (outputs,) as ``count_class_errors`` takes them."""
    wide = np.zeros((weights.shape[1], weights.shape[2], _PADDED), dtype=np.int32)
    wide[:, :, : len(base)] = weights.transpose(1, 2, 0)
    # Never the best, nor the second of two.
    lowest = np.full(_PADDED, -(1 << 30), dtype=np.int32)
    lowest[: len(base)] = base
    return wide, lowest
