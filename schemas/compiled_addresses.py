"""Where arrays begin as pointers, for loops that numba compiles; imported only where it is installed."""

from typing import Any

from numba import types as untyped
from numba.extending import intrinsic

types: Any = untyped


def _pointer(kind: Any) -> Any:
    def typed(_: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            return builder.inttoptr(given[0], context.get_value_type(signature.return_type))

        return types.CPointer(kind)(types.int64), generate

    return intrinsic(typed)


floats_at: Any = _pointer(types.float64)
"""``(address)``: what ``schemas.contiguous.address`` gave of an array of such cells, for ``carray``."""

indices_at: Any = _pointer(types.int32)
words_at: Any = _pointer(types.uint64)
bytes_at: Any = _pointer(types.uint8)
