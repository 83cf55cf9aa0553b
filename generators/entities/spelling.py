"""One spelling for one key, whatever type a table holds it in, so that equal keys hash alike everywhere."""

import numpy as np


def spelt(value: object) -> bytes:
    """One spelling for one key: whole numbers of any width and float type alike, missing values alike."""
    if isinstance(value, str):
        return b"s" + value.encode("utf-8", "surrogatepass")
    if isinstance(value, (bool, np.bool_)):
        return b"b" + str(bool(value)).encode()
    if isinstance(value, (int, np.integer)):
        return b"i" + str(int(value)).encode()
    if isinstance(value, (float, np.floating)) and value == value:
        return b"i" + str(int(value)).encode() if float(value).is_integer() else b"f" + repr(float(value)).encode()
    if isinstance(value, bytes):
        return b"s" + value
    import pandas as pd

    if pd.api.types.is_scalar(value) and bool(pd.isna(value)):  # type: ignore[call-overload]
        return b"\x00missing"
    return b"s" + str(value).encode("utf-8", "surrogatepass")
