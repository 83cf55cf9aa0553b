"""The array types that generators speak of, and sums by group in one of them."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]


def sums(groups: Ints, weights: npt.ArrayLike, count: int) -> Floats:
    """The sum of ``weights`` in each of ``count`` groups, float64 whatever the weights' dtype."""
    return np.asarray(
        np.bincount(groups, weights=np.asarray(weights, dtype=np.float64), minlength=count), dtype=np.float64
    )
