"""Arrays as compiled loops read them where all that they are told is where an array begins."""

from typing import Any

import numpy as np
import numpy.typing as npt


def contiguous(values: npt.NDArray[Any], dtype: type[np.generic]) -> Any:
    """The values in one piece, aligned and of the type: the array itself where it is so already."""
    flags = values.flags
    if values.dtype == dtype and flags.c_contiguous and flags.aligned:
        return values
    return np.require(values, dtype=dtype, requirements=("C", "A"))
