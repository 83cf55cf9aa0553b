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


def address(values: npt.NDArray[Any], cells: int) -> int:
    """Where the first cell of an array lies, for as long as the array is held; raises ``ValueError`` where it does not
    have so many cells: compiled loops do not ask again.
    """
    if values.shape != (cells,):
        raise ValueError(f"not {cells} cells")
    found: int = values.ctypes.data
    return found
