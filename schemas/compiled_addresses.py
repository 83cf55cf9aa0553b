"""Where arrays begin, and pointers there, for loops that numba compiles; imported only where it is installed."""

from typing import Any

import numpy.typing as npt
from numba import types as untyped
from numba.extending import intrinsic

from schemas.compiling import compiled

types: Any = untyped


def address(values: npt.NDArray[Any], cells: int) -> int:
    """Where the first cell of a contiguous array lies, for as long as the array is held; raises ``ValueError`` where it
    does not have so many cells: compiled loops do not ask again.
    """
    if values.shape != (cells,):
        raise ValueError(f"not {cells} cells")
    return _begin(values)


@compiled
def _begin(values: Any) -> int:
    """Numpy makes an object of ctypes first, which takes three times as long."""
    found: int = values.ctypes.data
    return found


def _pointer(kind: Any) -> Any:
    def typed(_: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            return builder.inttoptr(given[0], context.get_value_type(signature.return_type))

        return types.CPointer(kind)(types.int64), generate

    return intrinsic(typed)


floats_at: Any = _pointer(types.float64)
"""``(address)``: what ``address`` gave of an array of such cells, for ``carray``."""

indices_at: Any = _pointer(types.int32)
words_at: Any = _pointer(types.uint64)
bytes_at: Any = _pointer(types.uint8)
