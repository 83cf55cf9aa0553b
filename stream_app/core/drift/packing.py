"""Arrays as JSON: shape, dtype and compressed bytes."""

import base64
import math
import zlib
from typing import Any

import numpy as np

from schemas.errors import ContractError

_DTYPES = ("uint8", "int32", "int64", "float64")


def pack(array: "np.ndarray[Any, Any]") -> dict[str, Any]:
    """A JSON value that ``unpack`` reads back exactly."""
    body = zlib.compress(np.ascontiguousarray(array).tobytes(), 6)
    return {"dtype": str(array.dtype), "shape": list(array.shape), "zlib": base64.b64encode(body).decode("ascii")}


def unpack(value: dict[str, Any]) -> "np.ndarray[Any, Any]":
    """The array; raises ``ContractError`` on anything that ``pack`` does not write."""
    try:
        if value["dtype"] not in _DTYPES:
            raise ValueError
        size = math.prod(int(length) for length in value["shape"]) * np.dtype(value["dtype"]).itemsize
        body = zlib.decompressobj().decompress(base64.b64decode(value["zlib"], validate=True), size + 1)
        return np.frombuffer(body, dtype=value["dtype"]).reshape(value["shape"]).copy()
    except (KeyError, TypeError, ValueError, OverflowError, zlib.error):
        raise ContractError("a packed array is damaged") from None
